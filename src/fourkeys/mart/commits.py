"""Which commits are known, also by the beginnings of their hashes, and which were deployed and are not."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from fourkeys.mart.link import Deployment
from fourkeys.mart.link_plan import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fourkeys.warehouses.base import Warehouse
    from fourkeys.window import Window


SHORTEST_PREFIX = 7
"""Letters that a hash is abbreviated to at least."""

_FULL = 40
_ORDER = "finished_at, length(deployment_id), deployment_id"


class Hashes:
    """Full hashes, to be found by their beginnings."""

    def __init__(self, shas: Iterable[str]) -> None:
        self._sorted = sorted(set(shas))

    def resolve(self, sha: str) -> str | None:
        """Return the full hash of *sha*, which may be abbreviated; None where it is unknown or ambiguous."""
        place = bisect_left(self._sorted, sha)
        found = [full for full in self._sorted[place : place + 2] if full.startswith(sha)]
        if found and found[0] == sha:
            return sha
        return found[0] if len(found) == 1 and len(sha) >= SHORTEST_PREFIX else None


def known_shas(warehouse: Warehouse) -> Iterator[str]:
    """Yield the full hashes of all commits that are loaded."""
    for (sha,) in warehouse.stream(f"select sha from {warehouse.names['raw']}.ghes_commits"):
        yield sha


def unknown_deployed(warehouse: Warehouse, window: Window) -> dict[str, list[str]]:
    """Return full hashes of commits that were deployed in *window* and are not loaded, by repository.

    The staging views must be there.
    """
    raw, mart = warehouse.names["raw"], warehouse.names["mart"]
    bounds = [(sign, time) for sign, time in ((">=", window.since), ("<", window.until)) if time]
    sql = (
        "select distinct deployments.repository, deployments.sha "
        f"from {mart}.stg_deployments as deployments left join {raw}.ghes_commits as commits "
        "on deployments.repository = commits.repository and deployments.sha = commits.sha "
        "where commits.sha is null and deployments.repository is not null and length(deployments.sha) = 40 "
        f"{''.join(f'and deployments.finished_at {sign} ? ' for sign, _ in bounds)}"
        "order by deployments.repository, deployments.sha"
    )
    found: dict[str, list[str]] = {}
    for repository, sha in warehouse.stream(sql, [time for _, time in bounds]):
        found.setdefault(repository, []).append(sha)
    return found


def deployed(warehouse: Warehouse) -> list[tuple[Line, Deployment]]:
    """Return all deployments in the order in which they were live, with their lines and full hashes.

    A deployment whose repository is not told is of the one of its service's that has its commit. What cannot be
    found stays as it is told. The staging views must be there.
    """
    sql = (
        "select service, environment, repository, deployment_id, sha, declared_kind "
        f"from {warehouse.names['mart']}.stg_deployments order by {_ORDER}"
    )
    rows = list(warehouse.stream(sql))
    if not any(_is_vague(row[2], row[4]) for row in rows):
        return [(Line(row[0], row[1], row[2] or ""), Deployment(*row[3:])) for row in rows]
    known = _candidates(warehouse)
    repositories = _repositories(warehouse) if any(row[2] is None for row in rows) else {}
    found = []
    for service, environment, repository, deployment_id, sha, declared_kind in rows:
        place, full = repository or "", sha
        if _is_vague(repository, sha):
            for candidate in [repository] if repository else repositories[service]:
                if resolved := known[candidate].resolve(sha):
                    place, full = candidate, resolved
                    break
        found.append((Line(service, environment, place), Deployment(deployment_id, full, declared_kind)))
    return found


def _is_vague(repository: str | None, sha: str | None) -> bool:
    """Whether a commit has to be looked for: its hash is abbreviated, or its repository is not told."""
    return sha is not None and (repository is None or SHORTEST_PREFIX <= len(sha) < _FULL)


def _candidates(warehouse: Warehouse) -> dict[str, Hashes]:
    """Return the commits that begin as one that has to be looked for, by repository."""
    raw, mart = warehouse.names["raw"], warehouse.names["mart"]
    rows = warehouse.stream(
        f"select commits.repository, commits.sha from {raw}.ghes_commits as commits inner join ("
        f"select distinct substr(sha, 1, {SHORTEST_PREFIX}) as prefix from {mart}.stg_deployments "
        f"where repository is null or length(sha) < {_FULL}) as named "
        f"on substr(commits.sha, 1, {SHORTEST_PREFIX}) = named.prefix"
    )
    shas: dict[str, list[str]] = defaultdict(list)
    for repository, sha in rows:
        shas[repository].append(sha)
    return defaultdict(lambda: Hashes(()), {repository: Hashes(its) for repository, its in shas.items()})


def _repositories(warehouse: Warehouse) -> dict[str, list[str]]:
    """Return the repositories of each service, by name."""
    found: dict[str, list[str]] = defaultdict(list)
    sql = f"select service, repository from {warehouse.names['mart']}.stg_repositories order by service, repository"
    for service, repository in warehouse.stream(sql):
        found[service].append(repository)
    return found

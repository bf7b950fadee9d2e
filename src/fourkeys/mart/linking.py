"""Read deployments and commits from the warehouse, sweep, and write the links back: only what is new.

A repository is left alone while its deployments are those that are linked already. Where new ones came after them, only
commits that no deployment has reached are read. Where something came late, or is not plain, the repository is swept
again from its beginning. The commits are written before the links, so that a run that is killed between the two is seen
as not yet linked by the next one.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from fourkeys.mart.commits import deployed
from fourkeys.mart.link import Deployment, Graph, Link, extend, sweep
from fourkeys.mart.link_plan import Line, Plan, Stored, by_line, plan_of
from fourkeys.mart.views import quoted
from fourkeys.streams import DERIVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from fourkeys.warehouses.base import Row, Warehouse


@dataclass(frozen=True, slots=True)
class Linked:
    """What linking did.

    Attributes:
        deployments: all that are linked now.
        new: those that were linked in this run.
        swept: repositories whose whole history was read.
    """

    deployments: int
    new: int
    swept: tuple[str, ...]


def link(warehouse: Warehouse) -> Linked:
    """Link every deployment to the one before it, and every commit to its first deployment."""
    with _without_collector():
        return _link(warehouse)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let no search for cycles walk over millions of texts and tuples again and again: there are none among them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _link(warehouse: Warehouse) -> Linked:
    raw = warehouse.names["raw"]
    lines: dict[Line, list[Deployment]] = defaultdict(list)
    orders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line, deployment in deployed(warehouse):
        lines[line].append(deployment)
        orders[line.service, line.environment].append(deployment.deployment_id)
    links = f"select {', '.join(Stored._fields)} from {raw}.deployment_links order by position"
    stored = [Stored(*row) for row in warehouse.stream(links)]
    unknown = {(row["repository"], row["sha"]) for row in warehouse.query(f"select * from {raw}.link_boundaries")}
    plan = plan_of(lines, by_line(stored), unknown, _filled(warehouse, raw) if unknown else ())
    found = _extend(warehouse, raw, lines, plan)
    new = sum(len(each) for each in found.values())
    found |= _sweep(warehouse, raw, lines, plan)
    _write(warehouse, orders, stored, found, plan.swept, unknown)
    new += sum(len(each) for line, each in found.items() if line.repository in plan.swept)
    return Linked(sum(map(len, lines.values())), new, tuple(sorted(plan.swept)))


def _extend(warehouse: Warehouse, raw: str, lines: dict[Line, list[Deployment]], plan: Plan) -> dict[Line, list[Link]]:
    """Link what is new in the lines that only grew; a line where that cannot be told is marked to be swept."""
    found: dict[Line, list[Link]] = {}
    graphs = _unreached(warehouse, raw, plan.extended)
    for line, links in plan.extended.items():
        last = links[-1]
        before = Deployment(last.deployment_id, last.sha, last.kind)
        new = extend(graphs[line], before, lines[line][len(links) :])
        if new is None:
            plan.swept.add(line.repository)
        else:
            found[line] = new
    return {line: links for line, links in found.items() if line.repository not in plan.swept}


def _sweep(warehouse: Warehouse, raw: str, lines: dict[Line, list[Deployment]], plan: Plan) -> dict[Line, list[Link]]:
    """Sweep the marked repositories from their beginning."""
    found: dict[Line, list[Link]] = {line: [] for line in lines if line.repository in plan.swept}
    by_repository = defaultdict(list)
    for line in found:
        by_repository[line.repository].append(line)
    sql = (
        f"select repository, sha, parents from {raw}.ghes_commits "
        f"where repository in unnest({_strings(sorted(plan.swept))}) order by repository"
    )
    unread = dict(by_repository)
    for repository, commits in groupby(warehouse.stream(sql) if plan.swept else (), itemgetter(0)):
        graph = Graph((sha, _parents(parents)) for _, sha, parents in commits)
        for line in unread.pop(repository, ()):
            found[line] = list(sweep(graph, lines[line]))
    for line in (line for its_lines in unread.values() for line in its_lines):
        found[line] = list(sweep(Graph(()), lines[line]))
    return found


def _write(
    warehouse: Warehouse,
    orders: dict[tuple[str, str], list[str]],
    stored: Sequence[Stored],
    found: dict[Line, list[Link]],
    swept: Collection[str],
    unknown: Collection[tuple[str, str]],
) -> None:
    before: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in stored:
        before[row.service, row.environment].append(row.deployment_id)
    if not found and not swept and orders == before:
        return
    where = f"repository in unnest({_strings(sorted(swept))})" if swept else "false"
    warehouse.replace(DERIVED["deployment_commits"], _commit_rows(found), where)
    held = {(repository, sha) for repository, sha in unknown if repository not in swept}
    warehouse.replace(DERIVED["link_boundaries"], _boundary_rows(warehouse, found, held), where)
    links = {(row.service, row.environment, row.deployment_id): row for row in _link_rows(found)}
    # A service whose deployments only grew at their end keeps its rows; any other is written again.
    grown = {
        group
        for group, order in orders.items()
        if order[: len(before[group])] == before[group] and not any((*group, each) in links for each in before[group])
    }
    rewritten = sorted({"/".join(group) for group in {*before, *orders} - grown})
    for row in stored:
        if (row.service, row.environment) not in grown and row.repository not in swept:
            links.setdefault((row.service, row.environment, row.deployment_id), row)
    rows = (
        links[*group, deployment_id]._asdict() | {"position": position}
        for group, order in orders.items()
        for position, deployment_id in enumerate(order, 1)
        if group not in grown or position > len(before[group])
    )
    where = f"concat(service, '/', environment) in unnest({_strings(rewritten)})" if rewritten else "false"
    warehouse.replace(DERIVED["deployment_links"], rows, where)


def _filled(warehouse: Warehouse, raw: str) -> set[str]:
    """Return the repositories in which a commit that was unknown has become known, or its parents have."""
    rows = warehouse.query(
        f"select distinct boundaries.repository from {raw}.link_boundaries as boundaries "
        f"inner join {raw}.ghes_commits as commits on boundaries.repository = commits.repository "
        "and boundaries.sha = commits.sha where not coalesce(boundaries.is_known, false) or commits.parents is not null"
    )
    return {row["repository"] for row in rows}


def _unreached(warehouse: Warehouse, raw: str, lines: Collection[Line]) -> dict[Line, Graph]:
    """Return, for each line, the commits of its repository that no deployment has reached."""
    if not lines:
        return {}
    # A join alone would read all repositories: BigQuery leaves out blocks of a clustered table by constants only.
    services = _strings(sorted({line.service for line in lines}))
    repositories = _strings(sorted({line.repository for line in lines}))
    sql = (
        f"with linked as (select distinct service, environment, repository from {raw}.deployment_links "
        f"where service in unnest({services})) "
        "select linked.service, linked.environment, linked.repository, commits.sha, commits.parents "
        f"from {raw}.ghes_commits as commits inner join linked on commits.repository = linked.repository "
        f"left join {raw}.deployment_commits as reached on linked.service = reached.service "
        "and linked.environment = reached.environment and linked.repository = reached.repository "
        f"and commits.sha = reached.sha and reached.service in unnest({services}) "
        f"where reached.sha is null and commits.repository in unnest({repositories})"
    )
    found: dict[Line, list[tuple[str, list[str] | None]]] = {line: [] for line in lines}
    for service, environment, repository, sha, parents in warehouse.stream(sql):
        line = Line(service, environment, repository)
        if line in found:
            found[line].append((sha, _parents(parents)))
    return {line: Graph(commits) for line, commits in found.items()}


def _link_rows(found: dict[Line, list[Link]]) -> Iterator[Stored]:
    for line, links in found.items():
        for each in links:
            yield Stored(
                line.service,
                line.environment,
                each.deployment.deployment_id,
                line.repository or None,
                each.deployment.sha,
                each.deployment.declared_kind,
                each.kind,
                each.base,
                each.previous_id,
                each.undoes_id,
            )


def _commit_rows(found: dict[Line, list[Link]]) -> Iterator[Row]:
    for line, links in found.items():
        for each in links:
            row = line._asdict() | {"deployment_id": each.deployment.deployment_id}
            for sha in each.commits:
                yield row | {"sha": sha}


def _boundary_rows(warehouse: Warehouse, found: dict[Line, list[Link]], held: Collection[tuple[str, str]]) -> list[Row]:
    """Return the commits at which known history ends, but those that are held already.

    What only the part that was read does not hold is left out.
    """
    named = {(line.repository, sha) for line, links in found.items() for each in links for sha in each.unknown}
    named -= set(held)
    if not named:
        return []
    shas = _strings(sorted({sha for _, sha in named}))
    rows = warehouse.stream(
        "select repository, sha, parents is not null "
        f"from {warehouse.names['raw']}.ghes_commits where sha in unnest({shas})"
    )
    is_told = {(repository, sha): told for repository, sha, told in rows}
    return [
        {"repository": repository, "sha": sha, "is_known": (repository, sha) in is_told}
        for repository, sha in sorted(named)
        if not is_told.get((repository, sha))
    ]


_decode_parents = msgspec.json.Decoder(list[str]).decode


def _parents(text: str | None) -> list[str] | None:
    return _decode_parents(text) if text else None


def _strings(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"

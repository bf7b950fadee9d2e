"""Which deployment was the first to contain each commit: one sweep over the commit graph.

Reachability in a commit graph is no job for a view (BigQuery stops recursion at 500 steps), so it is done here: the
deployments of a line (one service, environment and repository) are taken in order, and each commit is visited once,
by the first deployment that reaches it. Time and memory are linear in commits and deployments. Definitions of
redeployment, rollback and baseline: docs/metrics.md.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SHORTEST_PREFIX = 7


@dataclass(frozen=True, slots=True)
class Deployment:
    """A finished, successful release of code.

    Attributes:
        deployment_id: unique within its service and environment.
        sha: commit deployed; may be abbreviated, unknown to the graph, or None.
        declared_kind: what its source says: deploy, promote or rollback.
    """

    deployment_id: str
    sha: str | None
    declared_kind: str


@dataclass(frozen=True, slots=True)
class Link:
    """How a deployment relates to the ones before it in its line.

    Attributes:
        deployment: the deployment, its sha in full where the graph knows it.
        kind: forward, redeployment or rollback.
        base: ok, baseline or base_unknown; only ok gives lead times.
        previous_id: the deployment before.
        undoes_id: for a rollback, the first deployment that it undoes.
        commits: shas that this deployment is the first to contain.
        unknown: shas that it names and the graph does not hold: its own, or parents of its commits.
    """

    deployment: Deployment
    kind: str
    base: str
    previous_id: str | None
    undoes_id: str | None
    commits: list[str]
    unknown: list[str]


class Graph:
    """A commit graph: shas and their parents. Parents that it does not hold are its boundary."""

    def __init__(self, commits: Iterable[tuple[str, Sequence[str]]]) -> None:
        self._shas: list[str] = []
        self._index: dict[str, int] = {}
        raw_parents: list[Sequence[str]] = []
        for sha, parents in commits:
            if sha not in self._index:
                self._index[sha] = len(self._shas)
                self._shas.append(sha)
                raw_parents.append(parents)
        index = self._index
        self._parents = [tuple([index[p] for p in parents if p in index]) for parents in raw_parents]
        self._outside = {
            place: [p for p in parents if p not in index]
            for place, (parents, inside) in enumerate(zip(raw_parents, self._parents, strict=True))
            if len(inside) < len(parents)
        }
        self._generations: list[int] = []
        self._sorted: list[str] = []

    def resolve(self, sha: str | None) -> str | None:
        """Return the full sha of *sha*, which may be abbreviated; None where it is unknown or ambiguous."""
        if sha is None or sha in self._index:
            return sha
        if len(sha) < _SHORTEST_PREFIX:
            return None
        self._sorted = self._sorted or sorted(self._shas)
        return _only_with_prefix(self._sorted, sha)

    def is_ancestor(self, sha: str, of: str) -> bool:
        """Whether *sha* is a strict ancestor of *of*; both must be known."""
        target, start = self._index[sha], self._index[of]
        self._generations = self._generations or self._count_generations()
        generations, parents, floor = self._generations, self._parents, self._generations[target]
        stack, visited = list(parents[start]), set[int]()
        while stack:
            node = stack.pop()
            if node == target:
                return True
            if node not in visited and generations[node] > floor:
                visited.add(node)
                stack.extend(parents[node])
        return False

    def reach(self, sha: str, seen: bytearray) -> list[str]:
        """Return what is reachable from *sha* and not yet in *seen*, and add it to *seen*."""
        found, stack = [], [self._index[sha]]
        while stack:
            node = stack.pop()
            if not seen[node]:
                seen[node] = 1
                found.append(self._shas[node])
                stack.extend(self._parents[node])
        return found

    def outside(self, shas: Iterable[str]) -> list[str]:
        """Return the parents of *shas* that the graph does not hold."""
        if not self._outside:
            return []
        return [parent for sha in shas for parent in self._outside.get(self._index[sha], ())]

    def unseen(self) -> bytearray:
        """Return an empty `seen` for `reach`."""
        return bytearray(len(self._shas))

    def is_seen(self, sha: str, seen: bytearray) -> bool:
        """Whether *sha* is in *seen*."""
        return bool(seen[self._index[sha]])

    def _count_generations(self) -> list[int]:
        """Give each commit the length of its longest path to a root, without recursion."""
        generations = [0] * len(self._shas)
        for root in range(len(self._shas)):
            stack = [root] if not generations[root] else []
            while stack:
                node = stack[-1]
                waiting = [p for p in self._parents[node] if not generations[p]]
                if waiting:
                    stack.extend(waiting)
                else:
                    stack.pop()
                    generations[node] = 1 + max((generations[p] for p in self._parents[node]), default=0)
        return generations


def sweep(graph: Graph, deployments: Sequence[Deployment]) -> Iterator[Link]:
    """Link the *deployments* of one line, which must come in the order in which they were live."""
    seen = graph.unseen()
    past: list[Deployment] = []
    for raw in deployments:
        full = graph.resolve(raw.sha)
        current = replace(raw, sha=full or raw.sha)
        previous = past[-1] if past else None
        kind = _kind(graph, seen, current, previous) if previous else "forward"
        base = "baseline" if previous is None else "ok" if _known(graph, previous) else "base_unknown"
        undoes = _first_undone(graph, current, past) if kind == "rollback" else None
        commits = graph.reach(full, seen) if full else []
        unknown = graph.outside(commits) if full or not raw.sha else [raw.sha]
        yield Link(current, kind, base, previous.deployment_id if previous else None, undoes, commits, unknown)
        past.append(current)


def extend(graph: Graph, last: Deployment, deployments: Sequence[Deployment]) -> list[Link] | None:
    """Link *deployments* that come after *last*, given only the commits that nothing has reached yet.

    This is the ordinary night: what is new is small, and old history need not be read. It is possible as long as every
    deployment brings commits that are new, or repeats the one before. The commit of *last* must be known.

    Returns:
        The links; None where old history must be read to tell.
    """
    links, seen, previous = list[Link](), graph.unseen(), last
    for raw in deployments:
        full = graph.resolve(raw.sha)
        current = replace(raw, sha=full or raw.sha)
        if current.sha is not None and current.sha == previous.sha:
            kind, commits = "redeployment", list[str]()
        elif full is not None and not graph.is_seen(full, seen):
            kind, commits = "forward", graph.reach(full, seen)
        else:
            return None
        links.append(Link(current, kind, "ok", previous.deployment_id, None, commits, graph.outside(commits)))
        previous = current
    return links


def _known(graph: Graph, deployment: Deployment) -> bool:
    return deployment.sha is not None and graph.resolve(deployment.sha) is not None


def _kind(graph: Graph, seen: bytearray, current: Deployment, previous: Deployment) -> str:
    if current.sha is not None and current.sha == previous.sha:
        return "redeployment"
    if current.sha is None or previous.sha is None or not (_known(graph, current) and _known(graph, previous)):
        return "rollback" if current.declared_kind == "rollback" else "forward"
    # What no deployment has reached yet cannot be an ancestor of the one before.
    return (
        "rollback" if graph.is_seen(current.sha, seen) and graph.is_ancestor(current.sha, previous.sha) else "forward"
    )


def _first_undone(graph: Graph, rollback: Deployment, past: Sequence[Deployment]) -> str:
    """Walk back over the deployments that the rollback's commit came before, to the first of them.

    Where that commit is unknown, and was not deployed before, only the deployment before it is known to be undone, or
    the one that it repeats.
    """
    undone, is_known = past[-1].deployment_id, _known(graph, rollback)
    for deployment in reversed(past):
        if deployment.sha is not None and deployment.sha == rollback.sha:
            return undone
        if is_known and _known(graph, deployment) and not graph.is_ancestor(str(rollback.sha), str(deployment.sha)):
            return undone
        undone = deployment.deployment_id
    return undone if is_known else _first_of_last(past)


def _first_of_last(past: Sequence[Deployment]) -> str:
    """Return the deployment that the last one repeats, or the last one."""
    last = past[-1]
    for deployment in reversed(past):
        if last.sha is None or deployment.sha != last.sha:
            break
        last = deployment
    return last.deployment_id


def _only_with_prefix(ordered: Sequence[str], prefix: str) -> str | None:
    place = bisect_left(ordered, prefix)
    matches = [sha for sha in ordered[place : place + 2] if sha.startswith(prefix)]
    return matches[0] if len(matches) == 1 else None

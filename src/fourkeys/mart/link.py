"""Which deployment was the first to contain each commit: one sweep over the commit graph.

Reachability in a commit graph is no job for a view (BigQuery stops recursion at 500 steps), so it is done here: the
deployments of a line (one service, environment and repository) are taken in order, and each commit is visited once,
by the first deployment that reaches it. Time and memory are linear in commits and deployments. Definitions of
redeployment, rollback and baseline: docs/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Deployment:
    """A finished, successful release of code.

    Attributes:
        deployment_id: unique within its service and environment.
        sha: commit deployed, in full; may be unknown to the graph, or None.
        declared_kind: what its source says: deploy, promote or rollback.
    """

    deployment_id: str
    sha: str | None
    declared_kind: str


@dataclass(frozen=True, slots=True)
class Link:
    """How a deployment relates to the ones before it in its line.

    Attributes:
        deployment: the deployment.
        kind: forward, redeployment or rollback.
        base: ok; baseline, as no deployment of a known commit came before; base_unknown, as the one before is of an
            unknown commit. Only ok gives lead times.
        previous_id: the deployment before.
        undoes_id: for a rollback, the first deployment that it undoes.
        commits: shas that this deployment is the first to contain.
        unknown: where the graph ends although history does not: its own sha or parents of its commits, that the graph
            does not hold, and commits whose parents are not known.
    """

    deployment: Deployment
    kind: str
    base: str
    previous_id: str | None
    undoes_id: str | None
    commits: list[str]
    unknown: list[str]


class Graph:
    """A commit graph: shas and their parents. Parents that it does not hold are its boundary.

    A commit whose parents are None, as nobody told them, is its own boundary.
    """

    def __init__(self, commits: Iterable[tuple[str, Sequence[str] | None]]) -> None:
        self._shas: list[str] = []
        self._index: dict[str, int] = {}
        raw_parents: list[Sequence[str]] = []
        untold: list[int] = []
        for sha, parents in commits:
            if sha not in self._index:
                if parents is None:
                    untold.append(len(self._shas))
                self._index[sha] = len(self._shas)
                self._shas.append(sha)
                raw_parents.append(parents or ())
        index = self._index
        self._parents = [tuple([index[p] for p in parents if p in index]) for parents in raw_parents]
        self._outside = {
            place: [p for p in parents if p not in index]
            for place, (parents, inside) in enumerate(zip(raw_parents, self._parents, strict=True))
            if len(inside) < len(parents)
        } | {place: [self._shas[place]] for place in untold}
        self._generations: list[int] = []

    def __contains__(self, sha: str | None) -> bool:
        return sha in self._index

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
        """Return where *shas* meet the boundary: parents that the graph does not hold, commits of unknown parents."""
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
    base = "baseline"
    for current in deployments:
        previous = past[-1] if past else None
        kind = _kind(graph, seen, current, previous) if previous else "forward"
        undoes = _first_undone(graph, current, past) if kind == "rollback" else None
        if current.sha is None or current.sha not in graph:
            commits, unknown = list[str](), [current.sha] if current.sha else []
        else:
            commits = graph.reach(current.sha, seen)
            unknown = graph.outside(commits)
        yield Link(current, kind, base, previous.deployment_id if previous else None, undoes, commits, unknown)
        past.append(current)
        base = "ok" if current.sha in graph else "base_unknown" if base != "baseline" else base


def extend(graph: Graph, last: Deployment, deployments: Sequence[Deployment]) -> list[Link] | None:
    """Link *deployments* that come after *last*, given only the commits that nothing has reached yet.

    This is the ordinary night: what is new is small, and old history need not be read. It is possible as long as every
    deployment brings commits that are new, or repeats the one before. The commit of *last* must be known.

    Returns:
        The links; None where old history must be read to tell.
    """
    links, seen, previous = list[Link](), graph.unseen(), last
    for current in deployments:
        if current.sha is not None and current.sha == previous.sha:
            kind, commits = "redeployment", list[str]()
        elif current.sha is not None and current.sha in graph and not graph.is_seen(current.sha, seen):
            kind, commits = "forward", graph.reach(current.sha, seen)
        else:
            return None
        links.append(Link(current, kind, "ok", previous.deployment_id, None, commits, graph.outside(commits)))
        previous = current
    return links


def _kind(graph: Graph, seen: bytearray, current: Deployment, previous: Deployment) -> str:
    if current.sha is not None and current.sha == previous.sha:
        return "redeployment"
    if current.sha is None or previous.sha is None or not (current.sha in graph and previous.sha in graph):
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
    undone, is_known = past[-1].deployment_id, rollback.sha in graph
    for deployment in reversed(past):
        if deployment.sha is not None and deployment.sha == rollback.sha:
            return undone
        if is_known and deployment.sha in graph and not graph.is_ancestor(str(rollback.sha), str(deployment.sha)):
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

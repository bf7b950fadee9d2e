"""Questions to a commit graph that the API answers: what is reachable, newest first, and what two commits differ by."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fourkeys.sandbox.model import Commit, Repository


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare/BASE...HEAD` tells.

    Attributes:
        merge_base: the newest common ancestor.
        ahead: commits of the head that the base lacks, oldest first.
        behind: how many commits of the base the head lacks.
    """

    merge_base: str
    ahead: Sequence[str]
    behind: int

    @property
    def status(self) -> str:
        """`identical`, `ahead`, `behind` or `diverged`."""
        return (("identical", "behind"), ("ahead", "diverged"))[bool(self.ahead)][bool(self.behind)]


class History:
    """The commit graph of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._commits = repository.commits
        self._place = {sha: place for place, sha in enumerate(repository.commits)}
        self._walks: dict[str, list[Commit]] = {}

    def resolve(self, name: str | None) -> str | None:
        """Return the sha that a branch, tag, sha or abbreviated sha means; None for the default branch is its tip."""
        repository = self._repository
        name = (name or repository.default_branch).removeprefix("refs/heads/").removeprefix("refs/tags/")
        found = repository.branches.get(name) or repository.tags.get(name) or (name if name in self._commits else None)
        shortest = 7
        if found or len(name) < shortest:
            return found
        matches = [sha for sha in self._commits if sha.startswith(name)]
        return matches[0] if len(matches) == 1 else None

    def walk(self, sha: str) -> list[Commit]:
        """Return all that is reachable from *sha*, newest committer date first, as `git log` does."""
        if sha not in self._walks:
            self._walks[sha] = self._log(sha)
        return self._walks[sha]

    def compare(self, base: str, head: str) -> Comparison | None:
        """Compare two commits; None where they have no common ancestor."""
        left, right = self._reachable(base), self._reachable(head)
        common = left & right
        if not common:
            return None
        ahead = sorted(right - left, key=lambda sha: (self._commits[sha].committed_at, self._place[sha]))
        return Comparison(max(common, key=self._place.__getitem__), ahead, len(left - right))

    def _key(self, sha: str) -> tuple[float, int, str]:
        return (-self._commits[sha].committed_at.timestamp(), -self._place[sha], sha)

    def _log(self, sha: str) -> list[Commit]:
        heap, seen, found = [self._key(sha)], {sha}, []
        while heap:
            commit = self._commits[heapq.heappop(heap)[2]]
            found.append(commit)
            for parent in commit.parents:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(heap, self._key(parent))
        return found

    def _reachable(self, sha: str) -> set[str]:
        stack, seen = [sha], {sha}
        while stack:
            for parent in self._commits[stack.pop()].parents:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return seen

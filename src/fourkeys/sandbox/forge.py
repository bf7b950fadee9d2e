"""One repository in the making: commits, branches, merges; and for each merge, which changes it brought."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from fourkeys.sandbox.ledger import Change
from fourkeys.sandbox.model import Comment, Commit, Event, Issue, Label, Repository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fourkeys.sandbox.model import Deployment, Release, Run, User

Method = Literal["merge", "squash", "rebase", "fast_forward"]

MAIN = "main"
_LABELS = (
    ("bug", "d73a4a", "Something isn't working", True),
    ("documentation", "0075ca", None, True),
    ("enhancement", "a2eeef", "New feature or request", True),
    ("good first issue", "7057ff", "Good for newcomers", True),
    ("hotfix", "b60205", "Goes out at once", False),
    ("依存関係", "0366d6", "Updates, by the bot", False),
)


class Forge:
    """A repository that grows.

    Attributes:
        commits: all commits by sha, parents first.
        labels: label by name.
        issues: finished issues and pull requests.
        comments: their comments, ids not yet given.
        events: their events, ids not yet given.
    """

    def __init__(self, repository_id: int, full_name: str) -> None:
        self.id, self.full_name = repository_id, full_name
        self.commits: dict[str, Commit] = {}
        self.tags: dict[str, str] = {}
        self.issues: list[Issue] = []
        self.comments: list[Comment] = []
        self.events: list[Event] = []
        self.releases: list[Release] = []
        self.deployments: list[Deployment] = []
        self.runs: list[Run] = []
        self.labels = {
            name: Label(repository_id * 100 + place, name, color, description, default)
            for place, (name, color, description, default) in enumerate(_LABELS)
        }
        self._moves: dict[str, list[tuple[datetime, str]]] = {}

    def commit(
        self,
        parents: Sequence[str],
        author: User | None,
        authored_at: datetime,
        message: str,
        committer: User | None = None,
        committed_at: datetime | None = None,
    ) -> str:
        """Make a commit object; return its sha."""
        committed_at = committed_at or authored_at
        text = f"{self.full_name}\0{len(self.commits)}\0{' '.join(parents)}\0{authored_at}\0{committed_at}\0{message}"
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = Commit(sha, tuple(parents), author, committer or author, authored_at, committed_at, message)
        return sha

    def move(self, branch: str, at: datetime, sha: str) -> None:
        """Let *branch* point to *sha* from *at* on."""
        self._moves.setdefault(branch, []).append((at, sha))

    def tip(self, branch: str = MAIN, at: datetime | None = None, back: int = 0) -> str:
        """Return where *branch* points to, or pointed to at a time, or *back* moves ago; never before its beginning."""
        moves = self._moves[branch]
        if at is None:
            return moves[-1 - back][1]
        return next((sha for since, sha in reversed(moves) if since <= at), moves[0][1])

    def has_branch(self, branch: str) -> bool:
        """Whether *branch* was ever made."""
        return branch in self._moves

    def merge(
        self,
        method: Method,
        base: str,
        commits: Sequence[str],
        at: datetime,
        merger: User | None,
        title: str,
        head: str,
        number: int,
    ) -> tuple[str, tuple[Change, ...]]:
        """Merge the branch that ends with *commits* into *base*.

        Returns:
            The commit that brought it in, and the changes: a squash counts as its original non-merge commits, a rebase
            as the commits that it made.
        """
        originals = [self.commits[sha] for sha in commits if len(self.commits[sha].parents) == 1]
        tip, changes = self.tip(base), tuple(changes_of(originals))
        if method == "merge":
            message = f"Merge pull request #{number} from {self.full_name.partition('/')[0]}/{head}\n\n{title}"
            result = self.commit((tip, commits[-1]), merger, at, message)
        elif method == "squash":
            message = f"{title} (#{number})\n\n" + "\n".join(f"* {c.message}" for c in originals)
            result = self.commit((tip,), originals[0].author, at, message, merger)
        elif method == "rebase":
            made = []
            for original in originals:
                tip = self.commit((tip,), original.author, original.authored_at, original.message, merger, at)
                made.append(self.commits[tip])
            result, changes = tip, tuple(changes_of(made))
        else:
            result = commits[-1]
        self.move(base, at, result)
        return result, changes

    def finish(
        self, description: str, language: str | None, created_at: datetime, branches: dict[str, str]
    ) -> Repository:
        """Return the repository as it stands; comments and events get ids in the order of their times."""
        base = self.id * 1_000_000
        comments = sorted(self.comments, key=lambda c: (c.created_at, c.number))
        events = sorted(self.events, key=lambda e: (e.created_at, e.number))
        return Repository(
            id=self.id,
            full_name=self.full_name,
            description=description,
            language=language,
            default_branch=MAIN,
            created_at=created_at,
            pushed_at=max((moves[-1][0] for moves in self._moves.values()), default=created_at),
            commits=self.commits,
            branches={name: moves[-1][1] for name, moves in self._moves.items()} | branches,
            tags=self.tags,
            labels=tuple(self.labels.values()),
            issues=tuple(sorted(self.issues, key=lambda issue: issue.number)),
            comments=tuple(replace(c, id=base + 200_000 + place) for place, c in enumerate(comments)),
            events=tuple(replace(e, id=base + 400_000 + place) for place, e in enumerate(events)),
            releases=tuple(self.releases),
            deployments=tuple(self.deployments),
            runs=tuple(self.runs),
        )


def changes_of(commits: Sequence[Commit]) -> list[Change]:
    """Return the *commits* as changes."""
    return [Change(c.sha, c.authored_at, c.committed_at) for c in commits]

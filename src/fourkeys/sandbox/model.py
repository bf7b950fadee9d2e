"""What the simulated GitHub Enterprise Server holds: plain records, made once and never changed.

All times are aware, in UTC, in whole seconds. A `user` of None is a deleted account.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class User:
    """An account.

    Attributes:
        id: numeric id, rising with the age of the server.
        login: name to log in with.
        name: full name.
        email: address in commits.
        kind: User or Bot.
        site_admin: administers the server.
        created_at: when the account was made.
    """

    id: int
    login: str
    name: str
    email: str
    created_at: datetime
    kind: str = "User"
    site_admin: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit object; `author` is None where the e-mail address belongs to no account."""

    sha: str
    parents: tuple[str, ...]
    author: User | None
    committer: User | None
    authored_at: datetime
    committed_at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str
    description: str | None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    number: int
    author: User | None
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an issue or pull request."""

    id: int
    number: int
    kind: str
    actor: User | None
    created_at: datetime
    commit_sha: str | None = None
    label: Label | None = None
    assignee: User | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A submitted review."""

    id: int
    number: int
    author: User | None
    state: str
    body: str
    commit_sha: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """A file that a pull request changes."""

    filename: str
    status: str
    additions: int
    deletions: int
    previous_filename: str | None = None


@dataclass(frozen=True, slots=True)
class Pull:
    """What a pull request has beyond an issue.

    Attributes:
        id: numeric id, another one than the issue's.
        base_ref: branch that it goes into.
        head_ref: branch that it comes from.
        base_sha: tip of the base when the branch began.
        commits: shas of the branch, oldest first; the last is the head.
        draft: not ready for review.
        merge_commit_sha: commit that brought it into the base; None if not merged.
        merged_at: when that was.
        merged_by: who did it.
        reviews: submitted reviews, oldest first.
        files: changed files.
    """

    id: int
    base_ref: str
    head_ref: str
    base_sha: str
    commits: tuple[str, ...]
    draft: bool = False
    merge_commit_sha: str | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    reviews: tuple[Review, ...] = ()
    files: tuple[File, ...] = ()

    @property
    def head_sha(self) -> str:
        """The last commit of the branch."""
        return self.commits[-1]


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, or the issue side of a pull request."""

    id: int
    number: int
    title: str
    body: str | None
    author: User | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    closed_by: User | None = None
    state_reason: str | None = None
    labels: tuple[Label, ...] = ()
    assignees: tuple[User, ...] = ()
    comments: int = 0
    pull: Pull | None = None

    @property
    def state(self) -> str:
        """`open` or `closed`."""
        return "closed" if self.closed_at else "open"


@dataclass(frozen=True, slots=True)
class Release:
    """A release; `published_at` is None for a draft, whose tag need not exist."""

    id: int
    tag: str
    sha: str
    target_commitish: str
    name: str | None
    body: str | None
    author: User | None
    created_at: datetime
    published_at: datetime | None
    prerelease: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as GitHub records it, with its statuses as (state, time), oldest first."""

    id: int
    sha: str
    ref: str
    environment: str
    creator: User | None
    created_at: datetime
    statuses: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow; its jobs are (name, conclusion, start, end)."""

    id: int
    number: int
    sha: str
    branch: str
    conclusion: str
    created_at: datetime
    updated_at: datetime
    jobs: tuple[tuple[str, str, datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with everything in it; lists are in the order in which things came to be.

    Attributes:
        id: numeric id.
        full_name: owner/name.
        description: what it is.
        language: main language.
        default_branch: name of the default branch.
        created_at: when it was made.
        pushed_at: last push.
        commits: every commit object by sha; parents come before children.
        branches: branch to tip.
        tags: tag to commit.
    """

    id: int
    full_name: str
    description: str
    language: str | None
    default_branch: str
    created_at: datetime
    pushed_at: datetime
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    issues: tuple[Issue, ...] = ()
    comments: tuple[Comment, ...] = ()
    events: tuple[Event, ...] = ()
    releases: tuple[Release, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def pulls(self) -> list[Issue]:
        """The issues that are pull requests."""
        return [issue for issue in self.issues if issue.pull]

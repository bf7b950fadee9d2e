"""What the REST API sends, as far as the streams want it. Every field may be missing or null."""

from __future__ import annotations

import msgspec

from fourkeys.streams import Number  # noqa: TC001 - msgspec reads the annotation


class _Record(msgspec.Struct, gc=False):
    """A JSON object; fields that are not named here are skipped unread."""


class Account(_Record):
    """A user, bot or organization, in short or in full."""

    login: str | None = None
    id: Number | None = None
    type: str | None = None
    site_admin: bool | None = None
    name: str | None = None
    email: str | None = None
    company: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    node_id: str | None = None
    avatar_url: str | None = None
    gravatar_id: str | None = None
    url: str | None = None
    html_url: str | None = None
    followers_url: str | None = None
    following_url: str | None = None
    gists_url: str | None = None
    starred_url: str | None = None
    subscriptions_url: str | None = None
    organizations_url: str | None = None
    repos_url: str | None = None
    events_url: str | None = None
    received_events_url: str | None = None
    twitter_username: str | None = None


class Actor(_Record):
    """Who did something."""

    login: str | None = None
    id: Number | None = None


class Repository(_Record):
    """A repository."""

    id: Number | None = None
    node_id: str | None = None
    full_name: str | None = None
    default_branch: str | None = None
    archived: bool | None = None
    fork: bool | None = None
    private: bool | None = None
    pushed_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    description: str | None = None
    language: str | None = None
    visibility: str | None = None
    html_url: str | None = None


class Titled(_Record):
    """A milestone."""

    title: str | None = None


class Linked(_Record):
    """The link from an issue to its pull request."""

    url: str | None = None


class Label(_Record):
    """A label."""

    id: Number | None = None
    name: str | None = None
    color: str | None = None
    description: str | None = None
    default: bool | None = None
    node_id: str | None = None
    url: str | None = None


class Issue(_Record):
    """An issue, or the issue side of a pull request. Labels were plain names once."""

    id: Number | None = None
    number: Number | None = None
    pull_request: Linked | None = None
    state: str | None = None
    state_reason: str | None = None
    title: str | None = None
    body: str | None = None
    user: Actor | None = None
    labels: list[Label | str] | None = None
    assignees: list[Actor] | None = None
    milestone: Titled | None = None
    comments: Number | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    node_id: str | None = None
    url: str | None = None
    repository_url: str | None = None
    labels_url: str | None = None
    comments_url: str | None = None
    events_url: str | None = None
    html_url: str | None = None
    closed_by: Actor | None = None
    assignee: Actor | None = None
    author_association: str | None = None
    locked: bool | None = None
    active_lock_reason: str | None = None


class Comment(_Record):
    """A comment on an issue or pull request."""

    id: Number | None = None
    issue_url: str | None = None
    user: Actor | None = None
    body: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    node_id: str | None = None
    url: str | None = None
    html_url: str | None = None
    author_association: str | None = None


class EventIssue(_Record):
    """The issue of an event."""

    number: Number | None = None
    id: Number | None = None


class Event(_Record):
    """Something that happened to an issue."""

    id: Number | None = None
    issue: EventIssue | None = None
    event: str | None = None
    actor: Actor | None = None
    commit_id: str | None = None
    label: Label | None = None
    assignee: Actor | None = None
    assigner: Actor | None = None
    review_requester: Actor | None = None
    requested_reviewer: Actor | None = None
    milestone: Titled | None = None
    project_card: Linked | None = None
    created_at: str | None = None
    commit_url: str | None = None
    node_id: str | None = None
    url: str | None = None


class Asset(_Record):
    """A file attached to a release."""

    id: Number | None = None
    name: str | None = None
    url: str | None = None


class Release(_Record):
    """A release."""

    id: Number | None = None
    tag_name: str | None = None
    target_commitish: str | None = None
    name: str | None = None
    body: str | None = None
    draft: bool | None = None
    prerelease: bool | None = None
    author: Actor | None = None
    created_at: str | None = None
    published_at: str | None = None
    assets: list[Asset] | None = None
    node_id: str | None = None
    url: str | None = None
    html_url: str | None = None
    assets_url: str | None = None
    upload_url: str | None = None
    tarball_url: str | None = None
    zipball_url: str | None = None


class Sha(_Record):
    """A commit by its hash alone."""

    sha: str | None = None


class Tag(_Record):
    """A tag and the commit that it points to."""

    name: str | None = None
    commit: Sha | None = None


class Signature(_Record):
    """Who git says wrote or committed, and when."""

    name: str | None = None
    email: str | None = None
    date: str | None = None


class Git(_Record):
    """The commit as git knows it."""

    author: Signature | None = None
    committer: Signature | None = None
    message: str | None = None
    comment_count: Number | None = None


class Commit(_Record):
    """A commit. `author` and `committer` are null where the e-mail belongs to no account, and `{}` now and then."""

    sha: str | None = None
    parents: list[Sha] | None = None
    commit: Git | None = None
    author: Actor | None = None
    committer: Actor | None = None
    node_id: str | None = None
    url: str | None = None
    html_url: str | None = None
    comments_url: str | None = None


class Comparison(_Record):
    """What one commit has that another has not, oldest first."""

    status: str | None = None
    total_commits: Number | None = None
    commits: list[Commit] | None = None


class Branch(_Record):
    """One end of a pull request."""

    ref: str | None = None
    sha: str | None = None


class Pull(_Record):
    """A pull request; sizes and who merged it are in single answers only."""

    id: Number | None = None
    number: Number | None = None
    state: str | None = None
    draft: bool | None = None
    title: str | None = None
    body: str | None = None
    user: Actor | None = None
    labels: list[Label | str] | None = None
    base: Branch | None = None
    head: Branch | None = None
    merge_commit_sha: str | None = None
    merged_by: Actor | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    merged_at: str | None = None
    commits: Number | None = None
    additions: Number | None = None
    deletions: Number | None = None
    changed_files: Number | None = None
    node_id: str | None = None
    html_url: str | None = None


class Review(_Record):
    """A review."""

    id: Number | None = None
    user: Actor | None = None
    state: str | None = None
    submitted_at: str | None = None
    body: str | None = None
    commit_id: str | None = None
    author_association: str | None = None
    node_id: str | None = None
    html_url: str | None = None

"""What is asked of GraphQL about pull requests, and what it answers."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
_WHO = """
fragment who on Actor {
  __typename login
  ... on User { databaseId } ... on Bot { databaseId } ... on Mannequin { databaseId }
  ... on Organization { databaseId }
}"""
_COMMITS = """
fragment commitParts on PullRequestCommitConnection {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { commit {
    oid authoredDate committedDate message url
    author { name user { login } } committer { name user { login } }
    parents(first: 10) { nodes { oid } pageInfo { hasNextPage endCursor } }
  } }
}"""
_REVIEWS = """
fragment reviewParts on PullRequestReviewConnection {
  pageInfo { hasNextPage endCursor }
  nodes { id databaseId state submittedAt body url authorAssociation author { ...who } commit { oid } }
}"""
PULLS = (
    """
query pulls($owner: String!, $name: String!, $first: Int!, $after: String, $commits: Boolean!, $reviews: Boolean!) {
  repository(owner: $owner, name: $name) {
    pullRequests(first: $first, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        id databaseId number state isDraft title body url baseRefName headRefName headRefOid
        createdAt updatedAt closedAt mergedAt additions deletions changedFiles
        author { ...who } mergedBy { ...who } mergeCommit { oid }
        labels(first: 100) { nodes { name } }
        size: commits(first: 1) { totalCount }
        commits(first: 100) @include(if: $commits) { ...commitParts }
        reviews(first: 100) @include(if: $reviews) { ...reviewParts }
      }
    }
  }
}"""
    + _WHO
    + _COMMITS
    + _REVIEWS
)
MORE_COMMITS = (
    """
query moreCommits($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    commits(first: 100, after: $after) { ...commitParts }
  } }
}"""
    + _COMMITS
)
MORE_REVIEWS = (
    """
query moreReviews($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    reviews(first: 100, after: $after) { ...reviewParts }
  } }
}"""
    + _WHO
    + _REVIEWS
)
MORE_PARENTS = """
query moreParents($owner: String!, $name: String!, $oid: GitObjectID!, $after: String) {
  repository(owner: $owner, name: $name) { object(oid: $oid) { ... on Commit {
    parents(first: 100, after: $after) { nodes { oid } pageInfo { hasNextPage endCursor } }
  } } }
}"""


class _Record(msgspec.Struct, gc=False, rename="camel"):
    """A GraphQL object; what was not asked for is missing."""


class Who(_Record):
    """An actor; `databaseId` is missing for kinds that have none."""

    login: str | None = None
    kind: str | None = msgspec.field(default=None, name="__typename")
    database_id: int | None = None


class Name(_Record):
    """Something with a name."""

    name: str | None = None


class Oid(_Record):
    """A commit by its hash."""

    oid: str | None = None


class PageInfo(_Record):
    """Where a connection goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Connection(msgspec.Struct, Generic[T], rename="camel"):
    """A part of a list; a node is null where the server could not make it."""

    nodes: list[T | None] | None = None
    page_info: PageInfo = msgspec.field(default_factory=PageInfo)
    total_count: int | None = None


class GitActor(_Record):
    """Who git says wrote or committed, and the account that the e-mail belongs to."""

    name: str | None = None
    user: Who | None = None


class Commit(_Record):
    """A commit."""

    oid: str | None = None
    authored_date: str | None = None
    committed_date: str | None = None
    message: str | None = None
    url: str | None = None
    author: GitActor | None = None
    committer: GitActor | None = None
    parents: Connection[Oid] | None = None


class PullCommit(_Record):
    """A commit's place in a pull request."""

    commit: Commit | None = None


class Review(_Record):
    """A review."""

    id: str | None = None
    database_id: int | None = None
    state: str | None = None
    submitted_at: str | None = None
    body: str | None = None
    url: str | None = None
    author_association: str | None = None
    author: Who | None = None
    commit: Oid | None = None


class Pull(_Record):
    """A pull request."""

    id: str | None = None
    database_id: int | None = None
    number: int | None = None
    state: str | None = None
    is_draft: bool | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    base_ref_name: str | None = None
    head_ref_name: str | None = None
    head_ref_oid: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    merged_at: str | None = None
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    author: Who | None = None
    merged_by: Who | None = None
    merge_commit: Oid | None = None
    labels: Connection[Name] | None = None
    size: Connection[Oid] | None = None
    commits: Connection[PullCommit] | None = None
    reviews: Connection[Review] | None = None


class Repository(_Record):
    """The repository that was asked for; one of its fields."""

    pull_requests: Connection[Pull] | None = None
    pull_request: Pull | None = None
    object: Commit | None = None


class Data(_Record):
    """What was asked for."""

    repository: Repository | None = None


class Error(_Record):
    """What went wrong, with all of the answer or a part of it."""

    message: str = ""
    type: str | None = None


class Answer(_Record):
    """The whole answer."""

    data: Data | None = None
    errors: list[Error] | None = None

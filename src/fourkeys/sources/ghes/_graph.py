"""What is asked of GraphQL about pull requests, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from fourkeys.streams import Number  # noqa: TC001 - msgspec reads the annotation

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
query pulls(
  $owner: String!, $name: String!, $first: Int!, $after: String, $order: IssueOrder!
  $commits: Boolean!, $reviews: Boolean!
) {
  repository(owner: $owner, name: $name) {
    pullRequests(first: $first, after: $after, orderBy: $order) {
      pageInfo { hasNextPage endCursor }
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
_MORE = {
    "commits": (
        "$k{0}: Int!, $a{0}: String",
        "pullRequest(number: $k{0}) {{ commits(first: 100, after: $a{0}) {{ ...commitParts }} }}",
    ),
    "reviews": (
        "$k{0}: Int!, $a{0}: String",
        "pullRequest(number: $k{0}) {{ reviews(first: 100, after: $a{0}) {{ ...reviewParts }} }}",
    ),
    "parents": (
        "$k{0}: GitObjectID!, $a{0}: String",
        "object(oid: $k{0}) {{ ... on Commit {{ parents(first: 100, after: $a{0}) {{ ...parentParts }} }} }}",
    ),
}
_PARENTS = """
fragment parentParts on CommitConnection { nodes { oid } pageInfo { hasNextPage endCursor } }"""
_FACTS = """
fragment facts on Repository {
  nameWithOwner createdAt updatedAt pushedAt isArchived isPrivate
  defaultBranchRef { name target { oid } }
  issues(first: 1, orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { updatedAt } }
  pullRequests(first: 1, orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { updatedAt } }
  labels(first: 100) { totalCount nodes { name color description isDefault } }
  releases(first: 100, orderBy: {field: CREATED_AT, direction: DESC}) {
    totalCount nodes { databaseId updatedAt isDraft tagName }
  }
  refs(refPrefix: "refs/tags/", first: 100, orderBy: {field: TAG_COMMIT_DATE, direction: DESC}) {
    totalCount nodes { name target { oid ... on Tag { target { oid } } } }
  }
  deployments(first: 100, orderBy: {field: CREATED_AT, direction: DESC}) { totalCount nodes { databaseId updatedAt } }
}"""


def more(kinds: list[str]) -> str:
    """Return a query for the next pages of several connections at once; its variables are $k0, $a0, $k1 ..."""
    variables = ", ".join(_MORE[kind][0].format(place) for place, kind in enumerate(kinds))
    parts = "\n".join(
        f"  p{place}: repository(owner: $owner, name: $name) {{ {_MORE[kind][1].format(place)} }}"
        for place, kind in enumerate(kinds)
    )
    parts_of = {"commits": _COMMITS, "reviews": _WHO + _REVIEWS, "parents": _PARENTS}
    fragments = "".join(text for kind, text in parts_of.items() if kind in kinds)
    return f"query more($owner: String!, $name: String!, {variables}) {{\n{parts}\n}}{fragments}"


def facts(count: int) -> str:
    """Return a query for what is newest in some repositories; its variables are $o0, $n0, $o1 ..."""
    variables = ", ".join(f"$o{place}: String!, $n{place}: String!" for place in range(count))
    parts = "\n".join(
        f"  r{place}: repository(owner: $o{place}, name: $n{place}) {{ ...facts }}" for place in range(count)
    )
    return f"query facts({variables}) {{\n{parts}\n}}{_FACTS}"


class _Record(msgspec.Struct, gc=False, rename="camel"):
    """A GraphQL object; what was not asked for is missing."""


class Who(_Record):
    """An actor; `databaseId` is missing for kinds that have none."""

    login: str | None = None
    kind: str | None = msgspec.field(default=None, name="__typename")
    database_id: Number | None = None


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
    total_count: Number | None = None


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
    database_id: Number | None = None
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
    database_id: Number | None = None
    number: Number | None = None
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
    additions: Number | None = None
    deletions: Number | None = None
    changed_files: Number | None = None
    author: Who | None = None
    merged_by: Who | None = None
    merge_commit: Oid | None = None
    labels: Connection[Name] | None = None
    size: Connection[Oid] | None = None
    commits: Connection[PullCommit] | None = None
    reviews: Connection[Review] | None = None


class Target(_Record):
    """What a ref points to; an annotated tag points on."""

    oid: str | None = None
    target: Oid | None = None


class Ref(_Record):
    """A branch or tag."""

    name: str | None = None
    target: Target | None = None


class Dated(_Record):
    """A release, deployment, label or issue, as far as it tells whether it changed."""

    database_id: Number | None = None
    updated_at: str | None = None
    is_draft: bool | None = None
    tag_name: str | None = None
    name: str | None = None
    color: str | None = None
    description: str | None = None
    is_default: bool | None = None


class Repository(_Record):
    """A repository; what was not asked for is missing."""

    pull_requests: Connection[Pull] | None = None
    pull_request: Pull | None = None
    object: Commit | None = None
    name_with_owner: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    pushed_at: str | None = None
    is_archived: bool | None = None
    is_private: bool | None = None
    default_branch_ref: Ref | None = None
    issues: Connection[Dated] | None = None
    labels: Connection[Dated] | None = None
    releases: Connection[Dated] | None = None
    refs: Connection[Ref] | None = None
    deployments: Connection[Dated] | None = None


class Error(_Record):
    """What went wrong, with all of the answer or a part of it."""

    message: str = ""
    type: str | None = None


class Answer(_Record):
    """The whole answer."""

    data: dict[str, Repository | None] | None = None
    errors: list[Error] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What GraphQL knows.

    Attributes:
        repositories: by the names that the query gave them.
        at: the server's clock, RFC 3339.
    """

    repositories: dict[str, Repository]
    at: str

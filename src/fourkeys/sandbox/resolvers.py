"""Which GraphQL field is which part of a record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fourkeys.sandbox.accounts import node_id, stamp
from fourkeys.sandbox.connections import Inside, attribute, children, commit, connect, edges, made, page, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fourkeys.sandbox.model import Commit, Issue, User

_ABBREVIATED = 7


def _attributes(**names: str) -> dict[str, Callable[..., Any]]:
    return {field: attribute(name) for field, name in names.items()}


def _in_repository(path: Callable[[Any], str]) -> Callable[..., str]:
    return page(lambda source: f"{source.shelf.repository.full_name}/{path(source.it)}")


def _state(issue: Issue) -> str:
    return "MERGED" if issue.pull and issue.pull.merged_at else issue.state.upper()


def _numbered(*, pulls: bool) -> Callable[..., Inside | None]:
    """Resolve `issue(number)` or `pullRequest(number)`."""

    def resolve(source: Inside, _: Any, number: int) -> Inside | None:
        found = source.shelf.issues.get(number)
        return Inside(source.shelf, found) if found and bool(found.pull) == pulls else None

    return resolve


def _ordered(issues: Sequence[Issue], order: dict[str, str] | None) -> list[Issue]:
    order = order or {"field": "CREATED_AT", "direction": "ASC"}
    keys: dict[str, Callable[[Issue], Any]] = {
        "COMMENTS": lambda issue: (issue.comments, issue.id),
        "CREATED_AT": lambda issue: (issue.created_at, issue.id),
        "UPDATED_AT": lambda issue: (issue.updated_at, issue.id),
    }
    return sorted(issues, key=keys[order["field"]], reverse=order["direction"] == "DESC")


def _issues(source: Inside, states: Any = None, orderBy: Any = None) -> list[Issue]:  # noqa: N803 - GraphQL's name
    found = [issue for issue in source.it.issues if not issue.pull and (not states or _state(issue) in states)]
    return _ordered(found, orderBy)


def _pulls(
    source: Inside,
    states: Any = None,
    orderBy: Any = None,  # noqa: N803 - GraphQL's name
    baseRefName: str | None = None,  # noqa: N803 - GraphQL's name
) -> list[Issue]:
    found = [issue for issue in source.it.pulls if not states or _state(issue) in states]
    return _ordered([i for i in found if i.pull and baseRefName in (None, i.pull.base_ref)], orderBy)


def _releases(source: Inside, orderBy: Any = None) -> list[Any]:  # noqa: N803 - GraphQL's name
    order = orderBy or {"field": "CREATED_AT", "direction": "ASC"}
    by_name = order["field"] == "NAME"
    key: Callable[[Any], Any] = lambda r: (r.name or "" if by_name else r.created_at, r.id)  # noqa: E731 - one of two
    return sorted(source.it.releases, key=key, reverse=order["direction"] == "DESC")


def _history(source: Inside, since: str | None = None, until: str | None = None) -> list[Commit]:
    first = datetime.fromisoformat(since) if since else None
    last = datetime.fromisoformat(until) if until else None
    walk = source.shelf.history.walk(source.it.sha)
    return [c for c in walk if (not first or c.committed_at >= first) and (not last or c.committed_at <= last)]


def _ref(source: Inside, name: str) -> Inside | None:
    plain = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
    refs = source.it.branches if plain in source.it.branches else source.it.tags
    return Inside(source.shelf, (plain, refs[plain], refs is source.it.tags)) if plain in refs else None


def _refs(source: Inside, refPrefix: str, orderBy: Any = None) -> list[tuple[str, str, bool]]:  # noqa: N803 - GraphQL's
    tags, order = refPrefix.startswith("refs/tags"), orderBy or {"field": "ALPHABETICAL", "direction": "ASC"}
    refs, commits = source.it.tags if tags else source.it.branches, source.it.commits
    by_name = order["field"] == "ALPHABETICAL"
    key: Callable[[Any], Any] = lambda ref: ref[0] if by_name else (commits[ref[1]].committed_at, ref[0])  # noqa: E731 - one of two
    found = sorted(refs.items(), key=key, reverse=order["direction"] == "DESC")
    return [(name, sha, tags) for name, sha in found]


def _deployments(source: Inside, orderBy: Any = None) -> list[Any]:  # noqa: N803 - GraphQL's name
    newest_first = bool(orderBy) and orderBy["direction"] == "DESC"
    return sorted(source.it.deployments, key=lambda d: (d.created_at, d.id), reverse=newest_first)


def _object(source: Inside, _: Any, expression: str | None = None, oid: str | None = None) -> Inside | None:
    sha = source.shelf.history.resolve(oid or expression)
    return Inside(source.shelf, source.it.commits[sha]) if sha else None


def _git_actor(who: str, when: str) -> Callable[..., dict[str, Any]]:
    """Resolve a commit's author or committer; bots have no `user`."""

    def resolve(source: Inside, _: Any) -> dict[str, Any]:
        user: User | None = getattr(source.it, who)
        return {
            "name": user.name if user else "nobody",
            "email": user.email if user else "nobody@elsewhere.example",
            "date": attribute(when)(source, None),
            "user": user if user and user.kind == "User" else None,
        }

    return resolve


def _association(thing: Any) -> str:
    return "MEMBER" if thing.author else "NONE"


_ACCOUNT = {
    **_attributes(databaseId="id", login="login", createdAt="created_at", updatedAt="created_at"),
    "id": made(lambda user: node_id(user.kind, user.id)),
    "avatarUrl": page(lambda user: f"avatars/u/{user.id}"),
    "resourcePath": made(lambda user: f"/{user.login}"),
    "url": page(lambda user: user.login),
}
_TICKET = {
    **_attributes(number="number", title="title", author="author", createdAt="created_at", updatedAt="updated_at"),
    "closedAt": attribute("closed_at"),
    "body": made(lambda issue: issue.body or ""),
    "state": made(_state),
    "closed": made(lambda issue: issue.closed_at is not None),
    "locked": made(lambda _: False),
    "authorAssociation": made(_association),
    "labels": children(lambda source: source.it.labels),
    "assignees": lambda source, _, after=None, first=None: connect(source.it.assignees, after, first),
    "comments": lambda source, _, after=None, first=None: connect(range(source.it.comments), after, first or 0),
}

RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "rateLimit": lambda *_, **__: None,
        "repository": lambda _, info, owner, name, followRenames=True: info.context.repository(owner, name),  # noqa: ARG005, N803 - GraphQL's name
        "viewer": lambda _, info: info.context.viewer,
    },
    "User": {**_ACCOUNT, **_attributes(name="name", email="email", isSiteAdmin="site_admin")},
    "Bot": _ACCOUNT,
    "Repository": {
        **_attributes(databaseId="id", nameWithOwner="full_name", description="description", createdAt="created_at"),
        **_attributes(updatedAt="pushed_at", pushedAt="pushed_at"),
        "id": made(lambda repository: node_id("Repository", repository.id)),
        "name": made(lambda repository: repository.full_name.partition("/")[2]),
        "isArchived": made(lambda _: False),
        "isFork": made(lambda _: False),
        "isPrivate": made(lambda _: True),
        "isEmpty": made(lambda repository: not repository.commits),
        "url": page(lambda source: source.it.full_name),
        "defaultBranchRef": lambda source, _: _ref(source, source.it.default_branch),
        "ref": lambda source, _, qualifiedName: _ref(source, qualifiedName),  # noqa: N803 - GraphQL's name
        "refs": children(_refs),
        "object": _object,
        "issue": _numbered(pulls=False),
        "issues": children(_issues),
        "pullRequest": _numbered(pulls=True),
        "pullRequests": children(_pulls),
        "release": lambda source, _, tagName: next(  # noqa: N803 - GraphQL's name
            (Inside(source.shelf, release) for release in source.it.releases if release.tag == tagName), None
        ),
        "releases": children(_releases),
        "labels": children(lambda source: source.it.labels),
        "deployments": children(_deployments),
    },
    "Ref": {
        "id": made(lambda ref: node_id("Ref", ref[0])),
        "name": made(lambda ref: ref[0]),
        "prefix": made(lambda ref: "refs/tags/" if ref[2] else "refs/heads/"),
        "target": commit(lambda ref: ref[1]),
    },
    "Commit": {
        **_attributes(oid="sha", message="message", authoredDate="authored_at", committedDate="committed_at"),
        "id": lambda source, _: node_id("Commit", f"{source.shelf.repository.id}:{source.it.sha}"),
        "abbreviatedOid": made(lambda c: c.sha[:_ABBREVIATED]),
        "messageHeadline": made(lambda c: c.message.partition("\n")[0]),
        "messageBody": made(lambda c: c.message.partition("\n")[2].lstrip("\n")),
        "author": _git_actor("author", "authored_at"),
        "committer": _git_actor("committer", "committed_at"),
        "parents": children(lambda source: [source.shelf.repository.commits[sha] for sha in source.it.parents]),
        "history": children(_history),
        "url": _in_repository(lambda c: f"commit/{c.sha}"),
    },
    "Label": {
        **_attributes(name="name", color="color", description="description", isDefault="default"),
        "id": made(lambda label: node_id("Label", label.id)),
        "url": _in_repository(lambda label: f"labels/{label.name}"),
    },
    "Issue": {
        **_TICKET,
        **_attributes(databaseId="id", fullDatabaseId="id"),
        "id": made(lambda issue: node_id("Issue", issue.id)),
        "stateReason": made(lambda issue: issue.state_reason and issue.state_reason.upper()),
        "url": _in_repository(lambda issue: f"issues/{issue.number}"),
    },
    "PullRequest": {
        **_TICKET,
        "id": made(lambda issue: node_id("PullRequest", issue.pull.id)),
        "databaseId": made(lambda issue: issue.pull.id),
        "fullDatabaseId": made(lambda issue: issue.pull.id),
        "isDraft": made(lambda issue: issue.pull.draft),
        "merged": made(lambda issue: issue.pull.merged_at is not None),
        "mergedAt": lambda source, _: attribute("merged_at")(source.it.pull, None),
        "mergedBy": made(lambda issue: issue.pull.merged_by),
        "mergeCommit": commit(lambda issue: issue.pull.merge_commit_sha),
        "baseRefName": made(lambda issue: issue.pull.base_ref),
        "baseRefOid": made(lambda issue: issue.pull.base_sha),
        "headRefName": made(lambda issue: issue.pull.head_ref),
        "headRefOid": made(lambda issue: issue.pull.head_sha),
        "additions": made(lambda issue: sum(file.additions for file in issue.pull.files)),
        "deletions": made(lambda issue: sum(file.deletions for file in issue.pull.files)),
        "changedFiles": made(lambda issue: len(issue.pull.files)),
        "commits": children(lambda source: [source.shelf.repository.commits[s] for s in source.it.pull.commits]),
        "reviews": children(
            lambda source, states=None: [r for r in source.it.pull.reviews if not states or r.state in states]
        ),
        "url": _in_repository(lambda issue: f"pull/{issue.number}"),
    },
    "PullRequestCommit": {
        "id": made(lambda c: node_id("PullRequestCommit", c.sha)),
        "commit": lambda source, _: source,
    },
    "PullRequestReview": {
        **_attributes(databaseId="id", fullDatabaseId="id", author="author", state="state", body="body"),
        **_attributes(createdAt="submitted_at", submittedAt="submitted_at", updatedAt="submitted_at"),
        "id": made(lambda review: node_id("PullRequestReview", review.id)),
        "authorAssociation": made(_association),
        "commit": commit(lambda review: review.commit_sha),
        "url": _in_repository(lambda review: f"pull/{review.number}#pullrequestreview-{review.id}"),
    },
    "PullRequestConnection": {"edges": edges},
    "Release": {
        **_attributes(databaseId="id", name="name", tagName="tag", description="body", author="author"),
        **_attributes(createdAt="created_at", publishedAt="published_at", isPrerelease="prerelease"),
        "id": made(lambda release: node_id("Release", release.id)),
        "tagCommit": commit(lambda release: release.sha if release.published_at else None),
        "isDraft": made(lambda release: release.published_at is None),
        "updatedAt": made(lambda release: stamp(release.published_at or release.created_at)),
        "url": _in_repository(lambda release: f"releases/tag/{release.tag}"),
    },
    "Deployment": {
        **_attributes(databaseId="id", environment="environment", createdAt="created_at"),
        "id": made(lambda deployment: node_id("Deployment", deployment.id)),
        "updatedAt": made(lambda deployment: stamp(deployment.statuses[-1][1])),
    },
}


def kind_of_actor(source: Any, *_: Any) -> str:
    """Tell which type an actor is."""
    user: User = record(source)
    return user.kind

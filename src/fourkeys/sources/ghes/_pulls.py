"""Pull requests with their commits and reviews through GraphQL: one request for fifty, never one for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fourkeys.sources.ghes import _graph as graph
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from fourkeys.sources.ghes._api import Api
    from fourkeys.sources.ghes._rows import Row, Scope

FIRST = 50
"""Pull requests per request."""


@dataclass(frozen=True, slots=True)
class PullPage:
    """Some pull requests, complete with their commits and reviews.

    Attributes:
        pulls: as GraphQL sends them; connections hold all their nodes.
        at: the server's clock, RFC 3339.
    """

    pulls: list[graph.Pull]
    at: str


async def changed(
    api: Api, repository: str, since: datetime | None, *, commits: bool, reviews: bool
) -> AsyncIterator[PullPage]:
    """Yield the pull requests that changed since *since*, latest change first, each complete.

    Raises:
        NotFoundError: the server has no GraphQL, or no such repository.
    """
    owner, _, name = repository.partition("/")
    stop = rfc3339(since) if since else ""
    after = None
    while True:
        variables = {
            "owner": owner,
            "name": name,
            "first": FIRST,
            "after": after,
            "commits": commits,
            "reviews": reviews,
        }
        found, at = await api.query(graph.PULLS, variables)
        connection = found.pull_requests or graph.Connection()
        nodes = [node for node in connection.nodes or () if node]
        kept = [node for node in nodes if (node.updated_at or stop) >= stop]
        for node in kept:
            await _complete(api, owner, name, node)
        yield PullPage(kept, at)
        if len(kept) < len(nodes) or not connection.page_info.has_next_page:
            return
        after = connection.page_info.end_cursor


async def _complete(api: Api, owner: str, name: str, pull: graph.Pull) -> None:
    """Follow the pages of a pull request's connections, and of its commits' parents, to their ends."""
    base: dict[str, Any] = {"owner": owner, "name": name}
    while pull.commits and pull.commits.page_info.has_next_page:
        after = pull.commits.page_info.end_cursor
        more, _ = await api.query(graph.MORE_COMMITS, {**base, "number": pull.number, "after": after})
        _extend(pull.commits, more.pull_request.commits if more.pull_request else None)
    while pull.reviews and pull.reviews.page_info.has_next_page:
        after = pull.reviews.page_info.end_cursor
        more, _ = await api.query(graph.MORE_REVIEWS, {**base, "number": pull.number, "after": after})
        _extend(pull.reviews, more.pull_request.reviews if more.pull_request else None)
    for commit in _commits(pull):
        while commit.parents and commit.parents.page_info.has_next_page:
            after = commit.parents.page_info.end_cursor
            more, _ = await api.query(graph.MORE_PARENTS, {**base, "oid": commit.oid, "after": after})
            _extend(commit.parents, more.object.parents if more.object else None)


def _extend(connection: graph.Connection[Any], more: graph.Connection[Any] | None) -> None:
    if more is None:  # gone since: what is here is all there is
        connection.page_info = graph.PageInfo()
        return
    connection.nodes = [*(connection.nodes or ()), *(more.nodes or ())]
    connection.page_info = more.page_info


def _commits(pull: graph.Pull) -> Iterator[graph.Commit]:
    for node in (pull.commits.nodes or ()) if pull.commits else ():
        if node and node.commit:
            yield node.commit


def pull_row(pull: graph.Pull, scope: Scope, at: str) -> Row:
    """Return a row of ghes_pull_requests."""
    p = pull
    submitted = [r.submitted_at for r in (p.reviews.nodes or () if p.reviews else ()) if r and r.submitted_at]
    labels = [label.name for label in (p.labels.nodes or () if p.labels else ()) if label]
    return (
        scope.host, scope.repository, p.database_id, p.number, "open" if p.state == "OPEN" else "closed", p.is_draft,
        p.title, p.body or None, login(p.author), labels, p.base_ref_name, p.head_ref_name, p.head_ref_oid,
        p.merge_commit.oid if p.merge_commit and p.merged_at else None, login(p.merged_by), p.created_at, p.updated_at,
        p.closed_at, p.merged_at, min(submitted, default=None), p.size.total_count if p.size else None, p.additions,
        p.deletions, p.changed_files, p.author.database_id if p.author else None, p.id, p.url, at,
    )  # fmt: skip


def commit_rows(pull: graph.Pull, scope: Scope, at: str) -> Iterator[Row]:
    """Yield rows of ghes_pull_request_commits, oldest first."""
    for position, c in enumerate(_commits(pull)):
        parents = [parent.oid for parent in (c.parents.nodes or () if c.parents else ()) if parent]
        yield (
            scope.host, scope.repository, pull.number, c.oid, position, c.authored_date, c.committed_date,
            _git_login(c.author), c.message, _git_login(c.committer), parents, c.url, at,
        )  # fmt: skip


def review_rows(pull: graph.Pull, scope: Scope, at: str) -> Iterator[Row]:
    """Yield rows of ghes_pull_request_reviews; a pending review is nobody's business yet."""
    for r in (pull.reviews.nodes or ()) if pull.reviews else ():
        if r and r.state != "PENDING":
            yield (
                scope.host, scope.repository, r.database_id, pull.number, login(r.author), r.state, r.submitted_at,
                r.body, r.commit.oid if r.commit else None, r.author_association, r.id, r.url, at,
            )  # fmt: skip


def login(who: graph.Who | None) -> str | None:
    """Return the login as REST writes it: GraphQL leaves out a bot's `[bot]`."""
    if who is None or who.login is None:
        return None
    return f"{who.login}[bot]" if who.kind == "Bot" and not who.login.endswith("[bot]") else who.login


def _git_login(actor: graph.GitActor | None) -> str | None:
    """Return the account of git's author; bots and the web interface have none in GraphQL but their name tells."""
    if actor is None:
        return None
    if actor.user:
        return actor.user.login
    if actor.name and actor.name.endswith("[bot]"):
        return actor.name
    return "web-flow" if actor.name == "GitHub" else None

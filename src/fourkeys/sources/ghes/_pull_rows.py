"""Pull requests, as GraphQL sends them, as rows of the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fourkeys.sources.ghes import _graph as graph
    from fourkeys.sources.ghes._rows import Row, Scope


def pull(pull: graph.Pull, scope: Scope, at: str) -> Row:
    """Return a row of ghes_pull_requests. GraphQL knows no NULL for an empty description: NULL stands for both."""
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


def commits(pull: graph.Pull, scope: Scope, at: str, start: int = 0) -> Iterator[Row]:
    """Yield rows of ghes_pull_request_commits, oldest first; *start* is the place of the first one."""
    for position, c in enumerate(commits_of(pull), start):
        parents = [parent.oid for parent in (c.parents.nodes or () if c.parents else ()) if parent]
        yield (
            scope.host, scope.repository, pull.number, c.oid, position, c.authored_date, c.committed_date,
            _git_login(c.author), c.message, _git_login(c.committer), parents, c.url, at,
        )  # fmt: skip


def reviews(pull: graph.Pull, scope: Scope, at: str) -> Iterator[Row]:
    """Yield rows of ghes_pull_request_reviews; a pending review is nobody's business yet."""
    for r in (pull.reviews.nodes or ()) if pull.reviews else ():
        if r and r.state != "PENDING":
            yield (
                scope.host, scope.repository, r.database_id, pull.number, login(r.author), r.state, r.submitted_at,
                r.body, r.commit.oid if r.commit else None, r.author_association, r.id, r.url, at,
            )  # fmt: skip


def commits_of(pull: graph.Pull) -> Iterator[graph.Commit]:
    """Yield the commits of a pull request's branch, oldest first."""
    for node in (pull.commits.nodes or ()) if pull.commits else ():
        if node and node.commit:
            yield node.commit


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

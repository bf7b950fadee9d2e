"""Records of the REST API as rows of the streams, in the order of their headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fourkeys.sources.ghes import _ci_records as ci
    from fourkeys.sources.ghes import _records as records

Row = tuple[Any, ...]
_DIGITS = 18
"""Of the greatest numbers that a table can hold."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where rows come from, and what may be in them.

    Attributes:
        host: of the server.
        repository: as owner/name; "" for what belongs to none.
        emails: e-mail addresses may be written.
    """

    host: str
    repository: str
    emails: bool = False


def repository(record: records.Repository, scope: Scope, at: str) -> Row:
    """Return a row of ghes_repositories."""
    r = record
    return (
        scope.host, scope.repository, r.id, r.node_id, r.default_branch, r.archived, r.fork, r.private, r.pushed_at,
        r.created_at, r.updated_at, r.description, r.language, r.visibility, r.html_url, at,
    )  # fmt: skip


def issue(record: records.Issue, scope: Scope, at: str) -> Row:
    """Return a row of ghes_issues."""
    r = record
    return (
        scope.host, scope.repository, r.id, r.number, r.pull_request is not None, r.state, r.state_reason, r.title,
        r.body, login_of(r.user), _id(r.user), names(r.labels), [a.login for a in r.assignees or ()],
        r.milestone.title if r.milestone else None, r.comments, r.created_at, r.updated_at, r.closed_at, r.node_id,
        r.url, r.repository_url, r.labels_url, r.comments_url, r.events_url, r.html_url, login_of(r.closed_by),
        _id(r.assignee), r.author_association, r.locked, r.active_lock_reason,
        r.pull_request.url if r.pull_request else None, at,
    )  # fmt: skip


def comment(record: records.Comment, scope: Scope, at: str) -> Row:
    """Return a row of ghes_issue_comments."""
    r = record
    number = (r.issue_url or "").rpartition("/")[2]
    return (
        scope.host, scope.repository, r.id, _number(number), login_of(r.user), _id(r.user),
        r.body, r.created_at, r.updated_at, r.node_id, r.url, r.html_url, r.author_association, at,
    )  # fmt: skip


def user(record: records.Account, scope: Scope, at: str) -> Row:
    """Return a row of ghes_users."""
    r = record
    return (
        scope.host, r.login, r.id, r.type, r.site_admin, r.name, r.email if scope.emails else None, r.company,
        r.created_at, r.updated_at, r.node_id, r.avatar_url, r.gravatar_id, r.url, r.html_url, r.followers_url,
        r.following_url, r.gists_url, r.starred_url, r.subscriptions_url, r.organizations_url, r.repos_url,
        r.events_url, r.received_events_url, r.twitter_username, at,
    )  # fmt: skip


def label(record: records.Label, scope: Scope, at: str) -> Row:
    """Return a row of ghes_labels."""
    r = record
    return (scope.host, scope.repository, r.id, r.name, r.color, r.description, r.default, r.node_id, r.url, at)


def event(record: records.Event, scope: Scope, at: str) -> Row:
    """Return a row of ghes_issue_events."""
    r = record
    return (
        scope.host, scope.repository, r.id, r.issue.number if r.issue else None, r.event, login_of(r.actor),
        r.commit_id, r.label.name if r.label else None, login_of(r.assignee),
        r.milestone.title if r.milestone else None, r.created_at,
        r.issue.id if r.issue else None, _id(r.actor), _id(r.assignee), _id(r.assigner),
        _id(r.review_requester), _id(r.requested_reviewer), r.project_card.url if r.project_card else None,
        r.commit_url, r.node_id, r.url, at,
    )  # fmt: skip


def release(record: records.Release, scope: Scope, at: str, target_sha: str | None) -> Row:
    """Return a row of ghes_releases; *target_sha* is the commit that its tag points to."""
    r = record
    assets = [{"id": a.id, "name": a.name, "url": a.url} for a in r.assets or ()]
    return (
        scope.host, scope.repository, r.id, r.tag_name, r.target_commitish, target_sha, r.name, r.body, r.draft,
        r.prerelease, login_of(r.author), r.created_at, r.published_at, assets, _id(r.author), r.node_id, r.url,
        r.html_url, r.assets_url, r.upload_url, r.tarball_url, r.zipball_url, at,
    )  # fmt: skip


def commit(record: records.Commit, scope: Scope, at: str) -> Row:
    """Return a row of ghes_commits."""
    r, git = record, record.commit
    author, committer = (git.author, git.committer) if git else (None, None)
    return (
        scope.host, scope.repository, r.sha, shas(r.parents), login_of(r.author), login_of(r.committer),
        author.date if author else None, committer.date if committer else None, git.message if git else None,
        _id(r.author), _id(r.committer), author.email if author and scope.emails else None,
        committer.email if committer and scope.emails else None, git.comment_count if git else None, r.node_id,
        r.url, r.html_url, r.comments_url, at,
    )  # fmt: skip


def names(labels: Iterable[records.Label | str] | None) -> list[str | None]:
    """Return the names of labels."""
    return [each if isinstance(each, str) else each.name for each in labels or ()]


def shas(commits: Iterable[records.Sha] | None) -> list[str | None]:
    """Return the hashes of commits."""
    return [each.sha for each in commits or ()]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def login_of(account: records.Actor | None) -> str | None:
    return account.login if account else None


def _id(account: records.Actor | None) -> int | None:
    return account.id if account else None


def deployment(record: ci.Deployment, scope: Scope, at: str) -> Row:
    """Return a row of ghes_deployments."""
    r = record
    return (
        scope.host, scope.repository, r.id, r.sha, r.ref, r.environment, r.task, login_of(r.creator), r.created_at,
        r.updated_at, r.description, _id(r.creator), r.node_id, r.url, at,
    )  # fmt: skip


def status(record: ci.Status, scope: Scope, at: str, deployment_id: int | None) -> Row:
    """Return a row of ghes_deployment_statuses."""
    r = record
    return (
        scope.host, scope.repository, r.id, deployment_id, r.state, r.created_at, r.environment, r.description,
        login_of(r.creator), at,
    )  # fmt: skip


def run(record: ci.WorkflowRun, scope: Scope, at: str) -> Row:
    """Return a row of ghes_workflow_runs."""
    r = record
    return (
        scope.host, scope.repository, r.id, r.workflow_id, r.name, r.head_branch, r.head_sha, r.event, r.status,
        r.conclusion, r.run_attempt, r.created_at, r.updated_at, r.run_started_at, r.run_number, r.node_id, r.url,
        r.html_url, at,
    )  # fmt: skip


def job(record: ci.Job, scope: Scope, at: str) -> Row:
    """Return a row of ghes_workflow_jobs."""
    r = record
    return (
        scope.host, scope.repository, r.id, r.run_id, r.name, r.status, r.conclusion, r.started_at, r.completed_at,
        r.head_sha, r.node_id, r.url, r.html_url, r.run_url, r.check_run_url, r.steps, at,
    )  # fmt: skip


def file(record: ci.File, scope: Scope, at: str, number: int | None) -> Row:
    """Return a row of ghes_pull_request_files."""
    r = record
    return (
        scope.host, scope.repository, number, r.filename, r.status, r.additions, r.deletions, r.previous_filename, at,
    )  # fmt: skip

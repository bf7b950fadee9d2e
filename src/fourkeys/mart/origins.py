"""Where the columns of raw tables come from: the request, and the field in its answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fourkeys.streams import Stream

_REPO = "GET /repos/{owner}/{repo}"
_GRAPHQL = "GraphQL repository.pullRequests.nodes"

ENDPOINTS = {
    "ghes_repositories": _REPO,
    "ghes_issues": f"{_REPO}/issues",
    "ghes_issue_comments": f"{_REPO}/issues/comments",
    "ghes_users": "GET /users",
    "ghes_labels": f"{_REPO}/labels",
    "ghes_issue_events": f"{_REPO}/issues/events",
    "ghes_releases": f"{_REPO}/releases",
    "ghes_commits": f"{_REPO}/commits",
    "ghes_pull_requests": _GRAPHQL,
    "ghes_pull_request_commits": f"{_GRAPHQL}.commits.nodes.commit",
    "ghes_pull_request_reviews": f"{_GRAPHQL}.reviews.nodes",
    "ghes_pull_request_files": f"{_REPO}/pulls/{{number}}/files",
    "ghes_deployments": f"{_REPO}/deployments",
    "ghes_deployment_statuses": f"{_REPO}/deployments/{{id}}/statuses",
    "ghes_workflow_runs": f"{_REPO}/actions/runs",
    "ghes_workflow_jobs": f"{_REPO}/actions/runs/{{id}}/jobs",
    "heroku_releases": "Heroku GET /apps/{app}/releases",
}
"""The request whose answer holds the records of a stream."""

_PLACES = {
    "incidents": "incident database, mapped by [sources.incidents.records]",
    "incident_events": "incident database, mapped by [sources.incidents.events]",
    "request_counts": "request log, counted by minute",
}
_BY_SOURCE = {
    "manual": "{stream}.csv, written by hand",
    "catalog": "fourkeys.toml, [[services]]",
    "link": "computed by `fourkeys build` from the commit graph",
    "load": "written by `fourkeys load`",
}

_REST = {
    "author_login": "user.login",
    "author_id": "user.id",
    "labels": "labels[].name",
    "assignees": "assignees[].login",
    "milestone": "milestone.title",
    "pull_request": "pull_request.url",
    "is_pull_request": "pull_request",
    "assignee_id": "assignee.id",
    "closed_by_login": "closed_by.login",
    "creator_login": "creator.login",
    "creator_id": "creator.id",
    "parents": "parents[].sha",
    "is_default": "default",
    "workflow_name": "name",
}
_GIT = {f"{who}_{part}": f"{who}.{part}" for who in ("author", "committer") for part in ("login", "id")}
_GIT |= {f"{who}_email": f"commit.{who}.email" for who in ("author", "committer")}
_GIT |= {"message": "commit.message", "comment_count": "commit.comment_count"}
_GIT |= {"authored_at": "commit.author.date", "committed_at": "commit.committer.date"}
_EVENT = {"commit_sha": "commit_id", "label": "label.name", "assignee_login": "assignee.login"}
_EVENT |= {"issue_number": "issue.number", "issue_id": "issue.id", "project_card_url": "project_card.url"}
_EVENT |= {f"{who}_id": f"{who}.id" for who in ("actor", "assigner", "review_requester", "requested_reviewer")}
_FIELDS = {
    "ghes_issue_comments": {"issue_number": "issue_url"},
    "ghes_issue_events": _EVENT | {"actor_login": "actor.login"},
    "ghes_commits": _GIT,
    "ghes_releases": {
        "author_login": "author.login",
        "author_id": "author.id",
        "assets": "assets[]",
        "target_sha": "the commit of tag_name, by GraphQL repository.refs",
    },
    "ghes_pull_requests": {
        "draft": "isDraft",
        "base_ref": "baseRefName",
        "head_ref": "headRefName",
        "head_sha": "headRefOid",
        "merge_commit_sha": "mergeCommit.oid",
        "merged_by_login": "mergedBy.login",
        "first_review_at": "reviews.nodes.submittedAt",
        "commits": "commits.totalCount",
    },
    "ghes_pull_request_commits": {
        "sha": "oid",
        "position": "the place in the list",
        "authored_at": "authoredDate",
        "committed_at": "committedDate",
        "author_login": "author.user.login",
        "committer_login": "committer.user.login",
        "parents": "parents.nodes.oid",
    },
    "ghes_pull_request_reviews": {"commit_sha": "commit.oid"},
    "ghes_pull_request_files": {"number": "{number} of the request"},
    "ghes_deployment_statuses": {"deployment_id": "{id} of the request"},
    "heroku_releases": {
        "app_id": "app.id",
        "app_name": "app.name",
        "slug_id": "slug.id",
        "user_email_hash": "user.email, hashed",
        "commit_sha": "GET /apps/{app}/slugs/{id}: commit",
        "kind": "description, and the slugs before",
        "first_terminal_status": "status, as it was seen first",
        "artifact_type": "artifacts[].type",
        "artifact_id": "artifacts[].id",
    },
}
_GRAPHQL_FIELDS = {
    "id": "databaseId",
    "node_id": "id",
    "html_url": "url",
    "author_login": "author.login",
    "author_id": "author.databaseId",
    "labels": "labels.nodes.name",
}
_OURS = {
    "host": "the address of the server",
    "repository": "{owner}/{repo} of the request",
    "extracted_at": "the Date of the answer",
}


def origin(stream: Stream, column: str) -> str:
    """Return where a column of *stream* comes from, such as `GET /repos/{owner}/{repo}/releases: published_at`."""
    if stream.source in _BY_SOURCE:
        return _BY_SOURCE[stream.source].format(stream=stream.name)
    if stream.name in _PLACES:
        return _PLACES[stream.name]
    return f"{ENDPOINTS[stream.name]}: {field(stream, column)}"


def field(stream: Stream, column: str) -> str:
    """Return the path of the field in an answer that *column* is read from, or words where it is no field."""
    if column in _OURS:
        return _OURS[column]
    special = _FIELDS.get(stream.name, {})
    if column in special:
        return special[column]
    if ENDPOINTS[stream.name].startswith("GraphQL"):
        camel = re.sub(r"_(\w)", lambda match: match[1].upper(), column)
        return _GRAPHQL_FIELDS.get(column, camel)
    return _REST.get(column, column) if stream.source == "ghes" else column

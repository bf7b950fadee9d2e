"""Repositories, issues, commits and pull requests as the REST API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fourkeys.sandbox.accounts import Json, git_person, node_id, stamp

if TYPE_CHECKING:
    from fourkeys.sandbox.accounts import Accounts
    from fourkeys.sandbox.model import Comment, Commit, Event, File, Issue, Label, Repository, Review


class Renderer:
    """Everything in one repository."""

    def __init__(self, repository: Repository, accounts: Accounts) -> None:
        self._repository, self._accounts = repository, accounts
        self._url = f"{accounts.api}/repos/{repository.full_name}"
        self._web = f"{accounts.base}/{repository.full_name}"
        self._issues = {issue.number: issue for issue in repository.issues}
        self._labels = {label.id: self.label(label) for label in repository.labels}

    def repository(self) -> Json:
        """Return the repository itself."""
        r = self._repository
        owner, _, name = r.full_name.partition("/")
        return {
            "id": r.id,
            "node_id": node_id("Repository", r.id),
            "name": name,
            "full_name": r.full_name,
            "private": True,
            "visibility": "private",
            "owner": self._accounts.organization(owner),
            "html_url": self._web,
            "url": self._url,
            "description": r.description or None,
            "fork": False,
            "archived": False,
            "disabled": False,
            "language": r.language,
            "default_branch": r.default_branch,
            "created_at": stamp(r.created_at),
            "updated_at": stamp(r.pushed_at),
            "pushed_at": stamp(r.pushed_at),
            "open_issues_count": sum(issue.state == "open" for issue in r.issues),
        }

    def label(self, label: Label) -> Json:
        """Return a label."""
        return {
            "id": label.id,
            "node_id": node_id("Label", label.id),
            "url": f"{self._url}/labels/{quote(label.name)}",
            "name": label.name,
            "color": label.color,
            "default": label.default,
            "description": label.description,
        }

    def issue(self, issue: Issue) -> Json:
        """Return an issue, or the issue side of a pull request."""
        url, user = f"{self._url}/issues/{issue.number}", self._accounts.user
        path = "pull" if issue.pull else "issues"
        shown: Json = {
            "url": url,
            "repository_url": self._url,
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{self._web}/{path}/{issue.number}",
            "id": issue.id,
            "node_id": node_id("Issue", issue.id),
            **self._head(issue),
            "comments": issue.comments,
            "state_reason": issue.state_reason,
            "closed_by": user(issue.closed_by),
        }
        if issue.pull:
            pull = f"{self._url}/pulls/{issue.number}"
            web = f"{self._web}/pull/{issue.number}"
            shown["draft"] = issue.pull.draft
            shown["pull_request"] = {"url": pull, "html_url": web, "merged_at": stamp(issue.pull.merged_at)}
        return shown

    def comment(self, comment: Comment) -> Json:
        """Return a comment."""
        issue = self._issues[comment.number]
        path = "pull" if issue.pull else "issues"
        return {
            "url": f"{self._url}/issues/comments/{comment.id}",
            "html_url": f"{self._web}/{path}/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{self._url}/issues/{comment.number}",
            "id": comment.id,
            "node_id": node_id("IssueComment", comment.id),
            "user": self._accounts.user(comment.author),
            "author_association": "MEMBER" if comment.author else "NONE",
            "body": comment.body,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
        }

    def event(self, event: Event) -> Json:
        """Return an event, with its issue."""
        shown: Json = {
            "id": event.id,
            "node_id": node_id("Event", event.id),
            "url": f"{self._url}/issues/events/{event.id}",
            "actor": self._accounts.user(event.actor),
            "event": event.kind,
            "commit_id": event.commit_sha,
            "commit_url": f"{self._url}/commits/{event.commit_sha}" if event.commit_sha else None,
            "created_at": stamp(event.created_at),
            "issue": self.issue(self._issues[event.number]),
        }
        if event.label:
            shown["label"] = {"name": event.label.name, "color": event.label.color}
        if event.assignee:
            shown["assignee"] = self._accounts.user(event.assignee)
            shown["assigner"] = self._accounts.user(event.actor)
        return shown

    def commit(self, commit: Commit) -> Json:
        """Return a commit."""
        url = f"{self._url}/commits/{commit.sha}"
        return {
            "sha": commit.sha,
            "node_id": node_id("Commit", f"{self._repository.id}:{commit.sha}"),
            "commit": {
                "author": git_person(commit.author, commit.authored_at),
                "committer": git_person(commit.committer, commit.committed_at),
                "message": commit.message,
                "comment_count": 0,
            },
            "url": url,
            "html_url": f"{self._web}/commit/{commit.sha}",
            "comments_url": f"{url}/comments",
            "author": self._accounts.user(commit.author),
            "committer": self._accounts.user(commit.committer),
            "parents": [
                {"sha": sha, "url": f"{self._url}/commits/{sha}", "html_url": f"{self._web}/commit/{sha}"}
                for sha in commit.parents
            ],
        }

    def pull(self, issue: Issue, *, full: bool = False) -> Json:
        """Return a pull request, as lists show it or in full."""
        pull = issue.pull
        assert pull  # noqa: S101 - for the type checker: the routes pass only pull requests
        url, owner = f"{self._url}/pulls/{issue.number}", self._repository.full_name.partition("/")[0]
        shown: Json = {
            "url": url,
            "html_url": f"{self._web}/pull/{issue.number}",
            "issue_url": f"{self._url}/issues/{issue.number}",
            "commits_url": f"{url}/commits",
            "id": pull.id,
            "node_id": node_id("PullRequest", pull.id),
            **self._head(issue),
            "draft": pull.draft,
            "merged_at": stamp(pull.merged_at),
            # Until it is merged, GitHub shows the sha of a trial merge that is on no branch.
            "merge_commit_sha": pull.merge_commit_sha or pull.head_sha[::-1],
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "label": f"{owner}:{pull.head_ref}"},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "label": f"{owner}:{pull.base_ref}"},
        }
        if full:
            shown |= {
                "merged": pull.merged_at is not None,
                "merged_by": self._accounts.user(pull.merged_by),
                "comments": issue.comments,
                "review_comments": 0,
                "commits": len(pull.commits),
                "additions": sum(file.additions for file in pull.files),
                "deletions": sum(file.deletions for file in pull.files),
                "changed_files": len(pull.files),
            }
        return shown

    def review(self, review: Review) -> Json:
        """Return a review."""
        pull = f"{self._url}/pulls/{review.number}"
        return {
            "id": review.id,
            "node_id": node_id("PullRequestReview", review.id),
            "user": self._accounts.user(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": f"{self._web}/pull/{review.number}#pullrequestreview-{review.id}",
            "pull_request_url": pull,
            "author_association": "MEMBER" if review.author else "NONE",
            "submitted_at": stamp(review.submitted_at),
            "commit_id": review.commit_sha,
        }

    def file(self, file: File) -> Json:
        """Return a changed file."""
        shown: Json = {
            "sha": "0" * 40,
            "filename": file.filename,
            "status": file.status,
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
        }
        return shown | ({"previous_filename": file.previous_filename} if file.previous_filename else {})

    def _head(self, issue: Issue) -> Json:
        """Return what issues and pull requests show alike."""
        user = self._accounts.user
        return {
            "number": issue.number,
            "state": issue.state,
            "locked": False,
            "active_lock_reason": None,
            "title": issue.title,
            "body": issue.body,
            "user": user(issue.author),
            "author_association": "MEMBER" if issue.author else "NONE",
            "labels": [self._labels[label.id] for label in issue.labels],
            "assignee": user(issue.assignees[0]) if issue.assignees else None,
            "assignees": [user(person) for person in issue.assignees],
            "milestone": None,
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": stamp(issue.closed_at),
        }

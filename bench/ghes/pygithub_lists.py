"""The peer PyGithub: seven lists to CSV, as its documentation has it, without its throttle of four requests a second.

`python pygithub_lists.py API_URL FOLDER`
"""

import csv
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from github import Auth, Github


def login(user: Any) -> str | None:
    """Return the login of an account; None for a deleted one."""
    return user.login if user else None


LISTS: dict[str, tuple[Callable[[Any], Iterable[Any]], dict[str, Callable[[Any], Any]]]] = {
    "issues": (
        lambda repository: repository.get_issues(state="all"),
        {
            "id": lambda issue: issue.id,
            "number": lambda issue: issue.number,
            "state": lambda issue: issue.state,
            "title": lambda issue: issue.title,
            "body": lambda issue: issue.body,
            "author": lambda issue: login(issue.user),
            "labels": lambda issue: [label.name for label in issue.labels],
            "comments": lambda issue: issue.comments,
            "created_at": lambda issue: issue.created_at,
            "updated_at": lambda issue: issue.updated_at,
            "closed_at": lambda issue: issue.closed_at,
        },
    ),
    "comments": (
        lambda repository: repository.get_issues_comments(),
        {
            "id": lambda comment: comment.id,
            "issue": lambda comment: comment.issue_url,
            "author": lambda comment: login(comment.user),
            "body": lambda comment: comment.body,
            "created_at": lambda comment: comment.created_at,
            "updated_at": lambda comment: comment.updated_at,
        },
    ),
    "commits": (
        lambda repository: repository.get_commits(),
        {
            "sha": lambda commit: commit.sha,
            "parents": lambda commit: [parent.sha for parent in commit.parents],
            "author": lambda commit: login(commit.author),
            "authored_at": lambda commit: commit.commit.author.date,
            "committed_at": lambda commit: commit.commit.committer.date,
            "message": lambda commit: commit.commit.message,
        },
    ),
    "pulls": (
        lambda repository: repository.get_pulls(state="all"),
        {
            "id": lambda pull: pull.id,
            "number": lambda pull: pull.number,
            "state": lambda pull: pull.state,
            "title": lambda pull: pull.title,
            "body": lambda pull: pull.body,
            "author": lambda pull: login(pull.user),
            "base": lambda pull: pull.base.ref,
            "head": lambda pull: pull.head.sha,
            "merge_commit_sha": lambda pull: pull.merge_commit_sha,
            "created_at": lambda pull: pull.created_at,
            "updated_at": lambda pull: pull.updated_at,
            "merged_at": lambda pull: pull.merged_at,
        },
    ),
    "events": (
        lambda repository: repository.get_issues_events(),
        {
            "id": lambda event: event.id,
            "issue": lambda event: event.issue.number,
            "event": lambda event: event.event,
            "actor": lambda event: login(event.actor),
            "commit": lambda event: event.commit_id,
            "created_at": lambda event: event.created_at,
        },
    ),
    "releases": (
        lambda repository: repository.get_releases(),
        {
            "id": lambda release: release.id,
            "tag": lambda release: release.tag_name,
            "body": lambda release: release.body,
            "created_at": lambda release: release.created_at,
            "published_at": lambda release: release.published_at,
        },
    ),
    "labels": (
        lambda repository: repository.get_labels(),
        {"name": lambda label: label.name, "color": lambda label: label.color},
    ),
}


def main(url: str, folder: Path) -> None:
    """Write one CSV for each list."""
    github = Github(base_url=url, auth=Auth.Token("x"), per_page=100, seconds_between_requests=None)
    repository = github.get_repo("acme/widgets", lazy=True)
    for name, (read, columns) in LISTS.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([value(record) for value in columns.values()] for record in read(repository))


main(sys.argv[1], Path(sys.argv[2]))

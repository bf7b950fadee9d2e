"""Real histories: every stream equals what the replay knows to be true, row for row."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fourkeys import config
from fourkeys.files import Output, read_manifest
from fourkeys.sources.ghes import Plan, extract
from fourkeys.streams import STREAMS as CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Replay

pytestmark = pytest.mark.shared
csv.field_size_limit(sys.maxsize)
REPOSITORIES = ("pallets/flask", "encode/httpx", "alphagov/content-store")
LONG = {"ghes_pull_request_files", "ghes_workflow_runs", "ghes_workflow_jobs"}  # of which the replay knows no truth
STREAMS = tuple(each for each in CONTRACT.values() if each.source == "ghes" and each.name not in LONG)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def replay(replays: Callable[..., Replay]) -> Replay:
    """Return a server of three repositories in two styles of merging."""
    return replays("pallets__flask", "encode__httpx", "alphagov__content-store", "--no-warm")


@pytest.fixture(scope="module")
def extracted(replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one full extraction."""
    out = tmp_path_factory.mktemp("full")
    with Output(out) as output:
        extract(config.Ghes(url=replay.api), None, Plan(STREAMS, REPOSITORIES), output, lambda _: None)
    return out


def rows(out: Path, name: str, repository: str | None = None) -> list[Row]:
    """Return the rows of a stream, with JSON and booleans decoded, "" and NULL both as None."""
    kinds = {column.name: column.type for column in CONTRACT[f"ghes_{name}"].columns}
    with (out / f"ghes_{name}.csv").open(newline="", encoding="utf-8") as file:
        return [
            {key: _value(kinds[key], value) for key, value in row.items()}
            for row in csv.DictReader(file)
            if repository is None or row["repository"] == repository
        ]


def _value(kind: str, text: str) -> Any:
    if not text:
        return None
    if kind == "INT64":
        return int(text)
    if kind == "BOOL":
        return text == "true"
    return msgspec.json.decode(text) if kind == "JSON" else text


def chosen(rows: list[Row], names: dict[str, str], key: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return the named fields of rows, in order of their key; "" counts as None, as it does in *rows*."""
    ordered = sorted(rows, key=lambda row: [row[names[part]] for part in key])
    return [tuple(_comparable(row[name]) for name in names.values()) for row in ordered]


def _comparable(value: Any) -> Any:
    return value.replace("\x00", "\ufffd") or None if isinstance(value, str) else value


FIELDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "issues": (
        "issues",
        "id",
        {
            "id": "id", "number": "number", "is_pull_request": "is_pull_request", "title": "title", "body": "body",
            "state": "state", "state_reason": "state_reason", "author_login": "author", "labels": "labels",
            "assignees": "assignees", "milestone": "milestone", "comments": "comments", "created_at": "created_at",
            "updated_at": "updated_at", "closed_at": "closed_at", "closed_by_login": "closed_by",
        },
    ),
    "issue_comments": (
        "comments",
        "id",
        {
            "id": "id", "issue_number": "number", "author_login": "author", "created_at": "created_at",
            "updated_at": "updated_at", "body": "body",
        },
    ),
    "labels": (
        "labels",
        "id",
        {"id": "id", "name": "name", "color": "color", "description": "description", "is_default": "default"},
    ),
    "issue_events": (
        "events",
        "id",
        {
            "id": "id", "issue_number": "number", "event": "event", "actor_login": "actor", "created_at": "created_at",
            "commit_sha": "commit_id", "label": "label", "assignee_login": "assignee",
        },
    ),
    "pull_requests": (
        "pulls",
        "id",
        {
            "id": "id", "number": "number", "title": "title", "body": "body", "state": "state", "draft": "draft",
            "author_login": "author", "created_at": "created_at", "updated_at": "updated_at", "closed_at": "closed_at",
            "merged_at": "merged_at", "merged_by_login": "merged_by", "merge_commit_sha": "merge_commit_sha",
            "base_ref": "base_ref", "head_ref": "head_ref", "head_sha": "head_sha", "additions": "additions",
            "deletions": "deletions", "changed_files": "changed_files", "first_review_at": "first_review_at",
            "commits": "commits",
        },
    ),
    "pull_request_commits": (
        "pull_commits",
        "number position",
        {
            "number": "number", "position": "position", "sha": "sha", "authored_at": "author_date",
            "committed_at": "committer_date",
        },
    ),
    "deployments": (
        "deployments",
        "id",
        {
            "id": "id", "sha": "sha", "ref": "ref", "environment": "environment", "creator_login": "creator",
            "created_at": "created_at", "updated_at": "updated_at",
        },
    ),
    "pull_request_reviews": (
        "reviews",
        "id",
        {
            "id": "id", "number": "number", "author_login": "author", "state": "state", "submitted_at": "submitted_at",
            "commit_sha": "commit_id", "body": "body",
        },
    ),
}  # fmt: skip
"""Stream to the truth's name, key, and fields; what GraphQL cannot tell (bots as authors of commits) is left out."""


@pytest.mark.parametrize("repository", REPOSITORIES)
@pytest.mark.parametrize("name", FIELDS)
def test_a_full_read_equals_the_truth(replay: Replay, extracted: Path, name: str, repository: str) -> None:
    """Every record is there once, with the values that the server knows."""
    truth_name, key, names = FIELDS[name]
    expected = chosen(replay.truth(truth_name, repository), names, tuple(key.split()))

    assert expected == chosen(rows(extracted, name, repository), {ours: ours for ours in names}, tuple(key.split()))


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_commits_are_the_default_branch_and_what_releases_contain(
    replay: Replay, extracted: Path, repository: str
) -> None:
    """All commits of the default branch, all ancestors of released commits, each once, and no others."""
    found = {row["sha"]: row for row in rows(extracted, "commits", repository)}
    truth = {row["sha"]: row for row in replay.truth("commits", repository)}
    released = {row["target_sha"] for row in rows(extracted, "releases", repository) if row["target_sha"]}
    reachable: set[str] = set()
    ends = [*truth, *released]
    while ends:
        if (sha := ends.pop()) not in reachable:
            reachable.add(sha)
            ends += found[sha]["parents"]

    assert reachable == set(found)
    assert len(found) == len(rows(extracted, "commits", repository))
    fields = {"parents": "parents", "message": "message", "author_login": "author", "authored_at": "author_date"}
    assert [tuple(_comparable(row[theirs]) for theirs in fields.values()) for row in truth.values()] == [
        tuple(found[sha][ours] for ours in fields) for sha in truth
    ]


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_releases_name_the_commit_that_their_tag_points_to(replay: Replay, extracted: Path, repository: str) -> None:
    """A release's target is resolved through its tag; a draft may have none yet."""
    expected = {
        row["id"]: (row["tag_name"], row["published_at"], row["sha"]) for row in replay.truth("releases", repository)
    }
    tags = {row["name"] for row in replay.truth("tags", repository)}

    assert {
        number: (tag, published, sha if tag in tags else None) for number, (tag, published, sha) in expected.items()
    } == {
        row["id"]: (row["tag_name"], row["published_at"], row["target_sha"])
        for row in rows(extracted, "releases", repository)
    }


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_every_status_of_every_deployment_is_there(replay: Replay, extracted: Path, repository: str) -> None:
    """Statuses are read for each deployment, with the deployment's id."""
    expected = {
        (status["id"], row["id"], status["state"], status["created_at"])
        for row in replay.truth("deployments", repository)
        for status in row["statuses"]
    }
    found = rows(extracted, "deployment_statuses", repository)

    assert expected == {(row["id"], row["deployment_id"], row["state"], row["created_at"]) for row in found}
    assert len(expected) == len(found)


def test_users_are_all_accounts(replay: Replay, extracted: Path) -> None:
    """Users are read through their ids to the end."""
    expected = {(row["id"], row["login"]) for row in replay.truth("users", REPOSITORIES[0])}

    assert expected == {(row["id"], row["login"]) for row in rows(extracted, "users")}


def test_the_manifest_moves_watermarks(extracted: Path) -> None:
    """After a full read each repository has a watermark for each stream, and nothing was amiss."""
    manifest = read_manifest(extracted)
    assert manifest is not None

    marks = {(mark.stream, mark.partition) for entry in manifest.streams.values() for mark in entry.watermarks}
    assert marks == {(s.name, r) for s in STREAMS for r in (REPOSITORIES if s.name != "ghes_users" else ("",))}
    assert [(entry.warnings, entry.failures) for entry in manifest.streams.values()] == [((), ())] * len(STREAMS)

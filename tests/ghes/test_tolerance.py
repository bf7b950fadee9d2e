"""Records of all ages decode: what is missing, null or of another type is a warning and NULL, never an error."""

from __future__ import annotations

import asyncio
import json
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fourkeys import config
from fourkeys.files import Dialect, Output, read_manifest
from fourkeys.http import Client
from fourkeys.sources.ghes import Plan, extract
from fourkeys.sources.ghes import _ci_records as ci
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes._api import Api, Page
from fourkeys.streams import STREAMS, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SCOPE = rows.Scope("h", "o/r")
Row = tuple[Any, ...]
KINDS: dict[str, tuple[Any, str, Callable[..., Row]]] = {
    "repo": (records.Repository, "repositories", rows.repository),
    "org_repos": (records.Repository, "repositories", rows.repository),
    "issues": (records.Issue, "issues", rows.issue),
    "issue_comments": (records.Comment, "issue_comments", rows.comment),
    "issue_comments_one_issue": (records.Comment, "issue_comments", rows.comment),
    "issue_events": (records.Event, "issue_events", rows.event),
    "users": (records.Account, "users", rows.user),
    "user_by_name": (records.Account, "users", rows.user),
    "labels": (records.Label, "labels", rows.label),
    "releases": (records.Release, "releases", lambda *given: rows.release(*given, None)),
    "commits": (records.Commit, "commits", rows.commit),
    "pull_commits": (records.Commit, "commits", rows.commit),
    "deployments": (ci.Deployment, "deployments", rows.deployment),
    "deployment_statuses": (ci.Status, "deployment_statuses", lambda *given: rows.status(*given, 1)),
    "workflow_runs": (ci.WorkflowRun, "workflow_runs", rows.run),
    "workflow_jobs": (ci.Job, "workflow_jobs", rows.job),
    "pull_files": (ci.File, "pull_request_files", lambda *given: rows.file(*given, 1)),
}
OTHERS = {"tags": records.Tag, "compare": records.Comparison, "pulls": records.Pull, "pull": records.Pull,
          "pull_reviews": records.Review}  # fmt: skip


def stream_of(name: str) -> Stream:
    """Return a stream of GHES."""
    return STREAMS[f"ghes_{name}"]


SINGLE = {"repo", "user_by_name", "compare", "pull"}


def decode(body: bytes, kind: Any, *, single: bool) -> Page[Any]:
    """Return what the door to the server makes of a body."""

    async def run() -> Page[Any]:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
        async with Client("http://ghes.test/api/v3", transport=transport) as client:
            api = Api(client, lambda: NOW, lambda _: None)
            return await (api.one("/x", kind) if single else api.page("/x", kind))

    return asyncio.run(run())


def exchanges(shared: Path, kind: str) -> Iterator[Any]:
    """Yield the bodies of recorded answers of a kind."""
    with tarfile.open(shared / "recorded" / "recorded.tar.gz") as archive:
        member = archive.extractfile(f"recorded/{kind}.json")
        assert member
        for exchange in json.load(member)["exchanges"]:
            if exchange["status"] == 200 and exchange["body"] is not None:
                yield exchange["body"]


@pytest.mark.shared
@pytest.mark.parametrize("kind", [*KINDS, *OTHERS])
def test_recorded_answers_decode(shared: Path, kind: str) -> None:
    """Each recorded answer of GitHub since 2012 becomes records, and rows that the dialect can write."""
    struct, name, row = KINDS.get(kind, (OTHERS.get(kind), "", None))
    count = 0
    for body in exchanges(shared, kind):
        page = decode(json.dumps(body).encode(), struct, single=kind in SINGLE)
        listed = body if isinstance(body, list) else body.get("workflow_runs", body.get("jobs", [body]))
        assert len(listed) == len(page.records)
        count += len(listed)
        if row:
            made = [row(record, SCOPE, "2026-11-24T00:00:00Z") for record in page.records]
            assert len(listed) == Dialect(stream_of(name)).encode(made)[1]
            if (key := "sha" if name == "commits" else "id") in stream_of(name).header:
                place = stream_of(name).header.index(key)
                assert [(item or {}).get(key) for item in listed] == [line[place] for line in made]

    assert count > 0


SAMPLE: dict[str, Any] = {
    "id": 7, "number": 3, "state": "open", "title": "t", "user": {"login": "a", "id": 1}, "labels": [{"name": "bug"}],
    "assignees": [{"login": "b"}], "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z",
    "body": "text", "comments": 0, "milestone": {"title": "m"}, "locked": False,
}  # fmt: skip


@pytest.mark.parametrize("name", [key for key in SAMPLE if key != "id"])
@pytest.mark.parametrize("value", [None, "missing", {"odd": 1}, [1], 3.5])
def test_a_field_that_does_not_fit_costs_only_itself(name: str, value: Any) -> None:
    """A null, a missing field or one of another type leaves the rest of the record as it is."""
    odd = {key: part for key, part in SAMPLE.items() if key != name} | ({} if value == "missing" else {name: value})
    page = decode(json.dumps([SAMPLE, odd]).encode(), records.Issue, single=False)
    good, found = (rows.issue(record, SCOPE, "x") for record in page.records)
    header = stream_of("issues").header

    touched = {"user": {"author_login", "author_id"}, "locked": {"locked"}}.get(name, {name})
    assert {header[place] for place in range(len(header)) if good[place] != found[place]} <= touched
    assert 7 == found[header.index("id")]


def test_old_shapes_are_understood() -> None:
    """Labels as plain names, and an author `{}` for an e-mail without account."""
    issue = decode(b'[{"id": 1, "labels": ["bug", {"name": "ui"}]}]', records.Issue, single=False).records[0]
    commit = decode(b'[{"sha": "a", "author": {}, "commit": null}]', records.Commit, single=False).records[0]

    assert ["bug", "ui"] == rows.issue(issue, SCOPE, "x")[stream_of("issues").header.index("labels")]
    assert ("a", [], None) == rows.commit(commit, SCOPE, "x")[2:5]


def test_odd_records_are_warnings_in_the_manifest(tmp_path: Path) -> None:
    """A null where a value belongs is a warning with the address and a row with NULL; without a key there is no row."""
    answer = [SAMPLE | {"title": None}, SAMPLE | {"id": 8, "number": "x"}, SAMPLE | {"id": None}]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    with Output(tmp_path) as output:
        settings, plan = config.Ghes(url="http://ghes.test/api/v3"), Plan((stream_of("issues"),), ("o/r",))
        extract(settings, None, plan, output, lambda _: None, transport=transport, clock=lambda: NOW)

    manifest = read_manifest(tmp_path)
    assert manifest
    entry = manifest.streams["ghes_issues"]
    assert 2 == entry.rows
    assert [
        "number does not fit: Expected `int | null`, got `str`",
        "no title in host ghes.test, repository o/r, id 7",
        "no number in host ghes.test, repository o/r, id 8",
        "left out a record without host and repository and id",
    ] == [warning.partition(": ")[2] for warning in entry.warnings]
    assert all(warning.startswith("http://ghes.test/api/v3/repos/o/r/issues?") for warning in entry.warnings)

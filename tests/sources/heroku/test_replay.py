"""A real history on Heroku: every release equals what the replay knows, in one read and in sixty nights."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fourkeys import config
from fourkeys.files import Output, read_manifest
from fourkeys.sources.heroku import Plan, extract
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from conftest import Replay
    from fourkeys.files import StreamEntry
    from fourkeys.window import Watermark

pytestmark = pytest.mark.shared
REPOSITORY, APP = "alphagov/content-store", "content-store"
BUSY = datetime(2016, 8, 23, tzinfo=UTC)
"""The start of the sixty days with the most releases."""

Row = dict[str, str]
SAID = {
    "Deploy": "deploy", "Promote": "promote", "Rollback": "rollback", "Set": "config", "Remove": "config",
    "Attach": "addon", "Update": "addon", "Change": "other", "Initial": "other", "Enable": "other",
}  # fmt: skip
"""How the replay words what it does."""


@pytest.fixture(scope="module")
def replay(replays: Callable[..., Replay]) -> Replay:
    """Return a server of one repository with some 1,700 Heroku releases."""
    return replays("alphagov__content-store", "--no-warm")


def read(
    replay: Replay,
    out: Path,
    watermarks: Mapping[tuple[str, str], Watermark] | None = None,
    known: Callable[[str], str | None] = lambda _: None,
) -> tuple[dict[int, Row], StreamEntry]:
    """Extract the app; returns its rows by version, and the manifest's entry."""
    settings = config.Heroku(url=f"{replay.base}/heroku")
    plan = Plan((APP,), watermarks=watermarks or {}, known_commits=known)
    with Output(out) as output:
        extract(settings, "key", plan, output, lambda _: None)
    manifest = read_manifest(out)
    assert manifest
    with (out / "heroku_releases.csv").open(newline="", encoding="utf-8") as file:
        rows = {int(row["version"]): row for row in csv.DictReader(file)}
    return rows, manifest.streams["heroku_releases"]


def expected(truth: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what the replay knows: version, id, kind, commit, status, current."""
    return [
        (r["version"], r["id"], SAID[r["description"].split()[0]], r["commit"], _terminal(r["status"]), r["current"])
        for r in truth
    ]


def actual(rows: Mapping[int, Row]) -> list[tuple[Any, ...]]:
    """Return the same of extracted rows."""
    return [
        (
            version,
            row["id"],
            row["kind"],
            row["commit_sha"] or None,
            row["first_terminal_status"] or None,
            row["current"] == "true",
        )
        for version, row in sorted(rows.items())
    ]


def _terminal(status: str) -> str | None:
    return None if status == "pending" else status


def test_a_full_read_equals_the_truth(replay: Replay, tmp_path: Path) -> None:
    """Version, kind, commit and first terminal status are right; listing 1,692 releases takes two requests."""
    truth = replay.truth("heroku_releases", REPOSITORY)
    commits = {row["commit"] for row in truth if row["commit"]}
    known = {sha[:8]: sha for sha in commits}
    replay.admin("reset-stats", {})
    rows, entry = read(replay, tmp_path, known=known.get)

    assert expected(truth) == actual(rows)
    assert (-(-len(truth) // 1000), ()) == (entry.requests, entry.warnings)


def test_unresolved_commits_cost_one_request_for_each_slug(replay: Replay, tmp_path: Path) -> None:
    """Without known commits every slug is asked for once, and never again."""
    truth = replay.truth("heroku_releases", REPOSITORY)
    slugs = {row["slug"] for row in truth if row["slug"]}
    rows, entry = read(replay, tmp_path / "first")
    again, second = read(replay, tmp_path / "second", {(m.stream, m.partition): m for m in entry.watermarks})

    assert expected(truth) == actual(rows)
    assert len(slugs) + 2 == entry.requests
    assert 1 == second.requests
    assert {version: rows[version]["commit_sha"] for version in again} == {
        version: row["commit_sha"] for version, row in again.items()
    }


def test_sixty_nights_equal_one_read(replay: Replay, tmp_path: Path) -> None:
    """Reading night by night gives the table that one read gives, also where a night finds releases pending."""
    truth = replay.truth("heroku_releases", REPOSITORY)
    known = {row["commit"][:8]: row["commit"] for row in truth if row["commit"]}.get
    made = [datetime.fromisoformat(row["created_at"]) for row in truth]
    nights = [min(t for t in made if t >= BUSY + timedelta(days=n)) + timedelta(seconds=30) for n in range(60)]
    stored: dict[int, Row] = {}
    marks: dict[tuple[str, str], Watermark] = {}
    requests = pending = 0
    try:
        for number, moment in enumerate([*nights, nights[-1] + timedelta(days=1)]):
            replay.admin("now", {"now": rfc3339(moment)})
            rows, entry = read(replay, tmp_path / str(number), marks, known)
            stored |= rows
            marks = {(mark.stream, mark.partition): mark for mark in entry.watermarks}
            requests += entry.requests
            pending += sum(row["status"] == "pending" for row in rows.values())
        at_the_end = replay.truth("heroku_releases", REPOSITORY)
        whole, _ = read(replay, tmp_path / "whole", known=known)
    finally:
        replay.admin("now", {"now": replay.admin("")["end"]})

    assert expected(at_the_end) == actual(stored)
    assert [without_time(row) for _, row in sorted(whole.items())] == [
        without_time(row) for _, row in sorted(stored.items())
    ]
    assert 61 == requests
    assert 0 < pending


def without_time(row: Row) -> Row:
    """Return a row without the time at which it was read."""
    return {name: value for name, value in row.items() if name != "extracted_at"}

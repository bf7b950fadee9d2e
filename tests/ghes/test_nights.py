"""Sixty nights, one after the other, equal one full read: nothing missing, nothing stale, nothing twice."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fourkeys import config
from fourkeys.files import Output, read_manifest
from fourkeys.sources.ghes import Plan, extract
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Replay
    from fourkeys.window import Watermark

pytestmark = pytest.mark.shared
csv.field_size_limit(sys.maxsize)
NIGHTS = 60
GHES = tuple(s for s in STREAMS.values() if s.source == "ghes" and s.name != "ghes_pull_request_files")
DAY = 86_400
Tables = dict[str, dict[tuple[str, ...], dict[str, str]]]


def read(replay: Replay, repository: str, out: Path, tables: Tables, marks: dict[tuple[str, str], Watermark]) -> int:
    """Extract into *tables* and *marks* as a warehouse would; return the number of requests."""
    plan = Plan(GHES, (repository,), watermarks=dict(marks))
    with Output(out) as output:
        extract(config.Ghes(url=replay.api), None, plan, output, lambda _: None)
    manifest = read_manifest(out)
    assert manifest is not None
    for name, entry in manifest.streams.items():
        assert (entry.failures, entry.warnings) == ((), ())
        marks |= {(mark.stream, mark.partition): mark for mark in entry.watermarks}
        stream, table = STREAMS[name], tables.setdefault(name, {})
        with (out / entry.file).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if entry.snapshots:
            table.clear()
        for row in rows:
            key = tuple(row[part] for part in stream.key)
            if key not in table or [row[c] for c in stream.newest_by] >= [table[key][c] for c in stream.newest_by]:
                table[key] = row
    return sum(entry.requests for entry in manifest.streams.values())


def plain(tables: Tables) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables' rows without the time at which they were read, sorted."""
    return {
        name: sorted(
            tuple(value for column, value in row.items() if column != "extracted_at") for row in table.values()
        )
        for name, table in tables.items()
    }


@pytest.mark.parametrize(
    ("corpus", "repository", "start"),
    [
        ("Shopify__toxiproxy", "Shopify/toxiproxy", "2021-08-20T01:02:03Z"),
        ("alphagov__content-store", "alphagov/content-store", "2017-05-02T01:02:03Z"),
        ("encode__httpx", "encode/httpx", "2019-07-20T01:02:03Z"),
        ("pallets__flask", "pallets/flask", "2023-03-25T01:02:03Z"),
    ],
)
def test_nights_equal_one_full_read(
    replays: Callable[..., Replay],
    tmp_path: Path,
    record_property: Callable[[str, str], None],
    corpus: str,
    repository: str,
    start: str,
) -> None:
    """Every stream of sixty nightly runs holds the rows of one read at the end; late commits are among them."""
    replay = replays(corpus, "--now", start, "--no-warm")
    nightly: Tables = {}
    marks: dict[tuple[str, str], Watermark] = {}
    requests = [read(replay, repository, tmp_path / "night", nightly, marks)]
    for _ in range(NIGHTS):
        replay.admin("now", {"advance_seconds": DAY})
        requests.append(read(replay, repository, tmp_path / "night", nightly, marks))
    idle = read(replay, repository, tmp_path / "night", nightly, marks)
    whole: Tables = {}
    read(replay, repository, tmp_path / "whole", whole, {})
    report = f"{repository}: first {requests[0]}, nights {sum(requests[1:]) / NIGHTS:.1f}, most {max(requests[1:])}"
    record_property("requests", f"{report}, idle {idle}")
    sys.stderr.write(f"{report}, idle {idle}\n")

    expected, found = plain(whole), plain(nightly)
    assert {name: len(rows) for name, rows in expected.items()} == {name: len(rows) for name, rows in found.items()}
    for name, rows in expected.items():
        assert rows == found[name], name
    assert idle <= 4  # what is newest by GraphQL; comments, events and runs, of which it does not know

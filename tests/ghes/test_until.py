"""A night that ends before now leaves what comes after to the next one: nothing is lost between two windows."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fourkeys import config
from fourkeys.files import Output, read_manifest
from fourkeys.sandbox import Sandbox
from fourkeys.sources.ghes import Plan, credentials, extract
from fourkeys.streams import STREAMS
from fourkeys.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fourkeys.window import Watermark

GHES = tuple(s for s in STREAMS.values() if s.source == "ghes" and s.name != "ghes_pull_request_files")
REPOSITORY = "acme/catalog"
Tables = dict[str, dict[tuple[str, ...], dict[str, str]]]
Marks = dict[tuple[str, str], "Watermark"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return the simulated company, whose clock stands still."""
    with Sandbox(tmp_path_factory.mktemp("company")) as running:
        yield running


def read(sandbox: Sandbox, out: Path, until: datetime | None, tables: Tables, marks: Marks) -> None:
    """Extract up to *until* into *tables* and *marks*, as a warehouse would."""
    settings = config.Ghes(url=sandbox.environment["GITHUB_API_URL"])
    plan = Plan(GHES, (REPOSITORY,), window=Window(until=until), watermarks=dict(marks))
    with Output(out) as output:
        extract(settings, credentials(settings, sandbox.environment), plan, output, lambda _: None)
    manifest = read_manifest(out)
    assert manifest
    for name, entry in manifest.streams.items():
        marks |= {(mark.stream, mark.partition): mark for mark in entry.watermarks}
        table = tables.setdefault(name, {})
        with (out / entry.file).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                del row["extracted_at"]
                table[tuple(row[part] for part in STREAMS[name].key)] = row


def test_two_nights_up_to_a_time_equal_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """What happened between the end of a window and the read itself is read by the next night, in every stream."""
    nights: Tables = {}
    whole: Tables = {}
    marks: Marks = {}
    for number, until in enumerate((datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 20, tzinfo=UTC), None)):
        read(sandbox, tmp_path / str(number), until, nights, marks)
    read(sandbox, tmp_path / "whole", None, whole, {})

    assert {name: sorted(table) for name, table in whole.items()} == {n: sorted(table) for n, table in nights.items()}
    assert whole == nights

"""A fake of BigQuery, and warehouses in front of it with the real client library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest_bigquery import new_warehouse
from fake_bigquery import FakeBigQuery

if TYPE_CHECKING:
    from fourkeys.warehouses.bigquery import BigQuery


@pytest.fixture
def fake() -> Iterator[FakeBigQuery]:
    """Run a fake of BigQuery."""
    with FakeBigQuery() as running:
        yield running


@pytest.fixture
def open_warehouse(fake: FakeBigQuery) -> Iterator[Callable[..., BigQuery]]:
    """Open warehouses on the fake: `open_warehouse(killed_after=3, location="EU")`."""
    opened = []

    def start(**named: Any) -> BigQuery:
        opened.append(new_warehouse(fake, **named))
        return opened[-1]

    yield start
    for warehouse in opened:
        warehouse.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client library ask again at once where it would wait."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda _seconds: sleep(0))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Three labels as CSV: quotes and a newline, NULL, the empty text."""
    file = tmp_path / "ghes_labels.csv"
    file.write_text('host,repository,id,name\nh,o/r,1,"bug, ""x""\n2nd 🎉"\nh,o/r,2,\nh,o/r,3,""\n', encoding="utf-8")
    return file

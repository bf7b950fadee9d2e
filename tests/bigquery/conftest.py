"""A fake of BigQuery, and warehouses in front of it with the real client library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_bigquery import FakeBigQuery
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery

from fourkeys.warehouses.bigquery import BigQuery, Door

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Open = Callable[..., BigQuery]


class Killed(BaseException):
    """The process is gone: nothing can catch it."""


class Session(AuthorizedSession):  # type: ignore[misc]
    """A transport of the process that is killed after so many calls, when the server has done what it was asked."""

    def __init__(self, calls: int | None) -> None:
        super().__init__(AnonymousCredentials())
        self.left = calls

    def request(self, *arguments: Any, **named: Any) -> Any:
        """Send a request."""
        if self.left == 0:
            raise Killed
        answer = super().request(*arguments, **named)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed
        return answer


@pytest.fixture
def fake() -> Iterator[FakeBigQuery]:
    """Run a fake of BigQuery."""
    with FakeBigQuery() as running:
        yield running


@pytest.fixture
def open_warehouse(fake: FakeBigQuery) -> Iterator[Open]:
    """Open warehouses on the fake: `open_warehouse(killed_after=3, location="EU")`."""
    opened = []

    def start(killed_after: int | None = None, location: str | None = None, **door: Any) -> BigQuery:
        client = bigquery.Client(
            fake.project,
            AnonymousCredentials(),
            _http=Session(killed_after),
            location=location,
            client_options={"api_endpoint": fake.url},
        )
        url = f"bigquery://{fake.project}/company"
        opened.append(BigQuery(Door(client, url, lambda: NOW, **door), fake.project, "company"))
        return opened[-1]

    yield start
    for warehouse in opened:
        warehouse.close()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client library's retries wait no time."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda _seconds: sleep(0))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Three labels as CSV: quotes and a newline, NULL, the empty text."""
    file = tmp_path / "ghes_labels.csv"
    file.write_text('host,repository,id,name\nh,o/r,1,"bug, ""x""\n2nd 🎉"\nh,o/r,2,\nh,o/r,3,""\n', encoding="utf-8")
    return file

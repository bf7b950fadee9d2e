"""Warehouses in front of the fake of BigQuery, with the real client library between them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery

from fourkeys.warehouses.bigquery import BigQuery, Door

if TYPE_CHECKING:
    from fake_bigquery import FakeBigQuery

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone: nothing can catch it."""


class Session(AuthorizedSession):
    """A transport of the process that is killed after so many calls, when the server has done what it was asked."""

    def __init__(self, calls: int | None) -> None:
        super().__init__(AnonymousCredentials())
        self.left = calls

    def request(self, *arguments: Any, **named: Any) -> Any:
        """Send a request."""
        answer = super().request(*arguments, **named)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed
        return answer


def new_warehouse(
    fake: FakeBigQuery,
    killed_after: int | None = None,
    location: str | None = None,
    *,
    read_only: bool = False,
    **door: Any,
) -> BigQuery:
    """Open the warehouse `company` on the fake."""
    client = bigquery.Client(
        fake.project,
        AnonymousCredentials(),
        _http=Session(killed_after),
        location=location,
        client_options={"api_endpoint": fake.url},
    )
    url = f"bigquery://{fake.project}/company"
    return BigQuery(Door(client, url, lambda: NOW, **door), fake.project, "company", read_only=read_only)

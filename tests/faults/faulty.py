"""A network that breaks in one way, by a seed; and the pipeline run through it."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from unittest import mock

import duckdb
import httpx

from fourkeys import config, pipeline
from fourkeys.errors import FourkeysError
from fourkeys.http import Patience
from fourkeys.http import _client as client
from fourkeys.mart import views
from fourkeys.sandbox.clock import NOW
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from fourkeys.sandbox import Sandbox

KINDS = ("timeout", "reset", "truncated", "malformed", "storm", "secondary", "primary", "clock", "expired", "gone")
QUICK = Patience(attempts=9, pause=0.001, longest=0.004, refusals=3, unknown=0.01)
_apply = views.apply
Tables = dict[str, list[tuple[Any, ...]]]


@dataclass
class Faulty(httpx.AsyncBaseTransport):
    """Passes requests on, and breaks some of the answers.

    Attributes:
        inner: what the requests are passed on to.
        kind: one of `KINDS`.
        dice: decides when.
        broken: how many answers were broken.
    """

    inner: httpx.AsyncBaseTransport
    kind: str
    dice: random.Random
    broken: int = 0
    _count: int = 0
    _storm: int = 0
    _end: int = field(default=0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or break it."""
        self._count += 1
        self._end = self._end or self.dice.randrange(3, 30)
        if self.kind in {"expired", "gone"}:
            if self._count < self._end:
                return await self.inner.handle_async_request(request)
        elif self._storm == 0 and self.dice.random() > 0.15:
            return await self.inner.handle_async_request(request)
        self.broken += 1
        return await self._break(request)

    async def _break(self, request: httpx.Request) -> httpx.Response:
        date = {"date": format_datetime(datetime.now(UTC), usegmt=True)}
        match self.kind:
            case "timeout":
                raise httpx.ReadTimeout("slow", request=request)
            case "reset":
                raise httpx.ReadError("reset", request=request)
            case "gone":
                raise httpx.ConnectError("gone", request=request)
            case "storm":
                self._storm = (self._storm or self.dice.randrange(2, 5)) - 1
                return httpx.Response(self.dice.choice([500, 502, 503, 504]), text="<html>", request=request)
            case "secondary":
                said = {"message": "You have exceeded a secondary rate limit."}
                return httpx.Response(403, json=said, headers={"retry-after": "0", **date}, request=request)
            case "primary":
                reset = str(int(datetime.now(UTC).timestamp()) - 1)
                limits = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
                return httpx.Response(429, json={}, headers={**limits, **date}, request=request)
            case "expired":
                return httpx.Response(401, json={"message": "Bad credentials"}, request=request)
        answer = await self.inner.handle_async_request(request)
        body = await answer.aread()
        kept = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        kept.pop("content-length", None)
        if self.kind == "clock":
            kept["date"] = format_datetime(NOW + timedelta(days=self.dice.choice([-400, -1, 1, 400])), usegmt=True)
        elif self.kind == "truncated":
            body = body[: len(body) // 2]
        else:
            body = self.dice.choice([b"", b"<html>", b'{"message"', b"[{]", b"\xff\xfe"])
        return httpx.Response(answer.status_code, headers=kept, content=body, request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


async def _nap(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.005))


@contextmanager
def broken(kind: str, seed: int) -> Iterator[list[Faulty]]:
    """Break the network of all sources."""
    made: list[Faulty] = []
    real = client.aiohttp

    def transport(*arguments: Any) -> Faulty:
        made.append(Faulty(real(*arguments), kind, random.Random(seed + len(made))))
        return made[-1]

    defaults = {**client.Client.__init__.__kwdefaults__, "sleep": _nap}
    with (
        mock.patch.object(client, "aiohttp", transport),
        mock.patch.object(client, "Patience", return_value=QUICK),
        mock.patch.object(client.Client.__init__, "__kwdefaults__", defaults),
    ):
        yield made


def settings_of(sandbox: Sandbox, names: tuple[str, ...]) -> str:
    """Return the configuration of some of the company's services."""
    head, *services = sandbox.config_text.split("[[services]]")
    chosen = [text for text in services if any(f'name = "{name}"' in text for name in names)]
    return head + "".join("[[services]]" + text for text in chosen)


def _only_staging(warehouse: DuckDB, metrics: config.Metrics, now: datetime, folders: Iterable[str] = ()) -> int:
    return _apply(warehouse, metrics, now, ("staging",))


def run(place: Path, environment: dict[str, str]) -> FourkeysError | None:
    """Run the pipeline in a folder, but for the views that only compute; returns its error."""
    settings = config.load(place / "fourkeys.toml", environment)

    @contextmanager
    def warehouse() -> Iterator[DuckDB]:
        opened = DuckDB(str(place / "fourkeys.duckdb"))
        try:
            yield opened
        finally:
            opened.close()

    try:
        with mock.patch.dict(os.environ, environment), mock.patch.object(pipeline.views, "apply", _only_staging):
            night = pipeline.Night(warehouse, settings, environment, Window(), place / "data", NOW, lambda _: None)
            pipeline.run(night)
    except FourkeysError as error:
        return error
    return None


def tables(place: Path) -> Tables:
    """Return all rows of the raw tables and of what is linked, without the times at which they were read.

    Heroku's hashes are abbreviated: where the slug is gone, a release keeps what its description says, unless the
    commit was known when it was read; linking finds the same commit by either.
    """
    found = {}
    with duckdb.connect(str(place / "fourkeys.duckdb"), read_only=True) as house:
        names = house.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        for (name,) in names:
            if name != "watermarks":
                columns = house.execute(f"select * from raw.{name} limit 0").description
                kept = ", ".join(f'"{column[0]}"' for column in columns if column[0] != "extracted_at")
                if name == "heroku_releases":
                    kept = kept.replace('"commit_sha"', "left(commit_sha, 7)")
                found[f"raw.{name}"] = house.execute(f"select {kept} from raw.{name} order by all").fetchall()
    return found

"""What several commands share: flags, clocks, the open warehouse, talk on stderr."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourkeys import config
from fourkeys.errors import ConfigError, UsageError, WarehouseError
from fourkeys.window import Window, parse_time, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from fourkeys.warehouses.base import Warehouse

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Configuration file [default: $FOURKEYS_CONFIG or ./fourkeys.toml].")
]
Since = Annotated[
    str | None,
    typer.Option(help="Read from here on: RFC 3339, a date, or an age such as 2d. A backfill: moves no watermark."),
]
Until = Annotated[str | None, typer.Option(help="Read up to here, exclusive: RFC 3339, a date, or an age.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]


_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FIRST, _LAST = date(1970, 1, 1), date(2200, 1, 1)


def printable(text: str) -> str:
    """Return a text as a terminal may show it: what would steer the terminal or turn the text around is spelled out."""
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def say(text: str) -> None:
    """Talk: one line on stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def hush(_: str) -> None:
    """Swallow what would be said."""


def window(settings: config.Config, since: str | None, until: str | None, now: datetime | None = None) -> Window:
    """Read `--since` and `--until`.

    Raises:
        UsageError: one cannot be read, or the window is empty.
    """
    moment, zone = now or utc_now(), settings.metrics.zone
    start = parse_time(since, zone, moment) if since else None
    end = parse_time(until, zone, moment) if until else None
    if start and end and start >= end:
        raise UsageError(f"--since {since} is not before --until {until}", "the window is [since, until)")
    return Window(start, end)


def day(text: str | None, flag: str) -> date | None:
    """Read a local date.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{flag} {text!r} is no date", "write 2026-11-01") from None
    if not _FIRST <= found <= _LAST:
        raise UsageError(
            f"{flag} {text} is not between {_FIRST} and {_LAST}", "write a day on which software was shipped"
        )
    return found


def has_warehouse(settings: config.Config) -> bool:
    """Whether the configured warehouse is there."""
    url = settings.warehouse.url
    return url.startswith("bigquery://") or (url.startswith("duckdb://") and _path(url).exists())


def _path(url: str) -> Path:
    return Path(url.removeprefix("duckdb://").removeprefix("/") or ":memory:")


@contextmanager
def warehouse(settings: config.Config, *, read_only: bool = False) -> Iterator[Warehouse]:
    """Open the configured warehouse, and let go of it at the end.

    Raises:
        ConfigError: the address is of no known kind.
        WarehouseError: it cannot be opened.
    """
    url = settings.warehouse.url
    opened: Any
    match url.partition("://")[0]:
        case "duckdb":
            opened = _duckdb(url, read_only=read_only)
        case "bigquery":
            opened = bigquery().connect(settings.warehouse, utc_now, read_only=read_only)
        case _:
            raise ConfigError(
                f"warehouse {url!r} is of no known kind", "write duckdb:///path or bigquery://project/dataset"
            )
    try:
        yield opened
    finally:
        opened.close()


def bigquery() -> ModuleType:
    """Return the warehouse BigQuery.

    Raises:
        ConfigError: its libraries are not installed.
    """
    try:
        return import_module("fourkeys.warehouses.bigquery")
    except ModuleNotFoundError as error:
        what = f"bigquery:// needs Google's libraries: no module {error.name}"
        raise ConfigError(what, "pip install 'fourkeys[bigquery]'") from None


def _duckdb(url: str, *, read_only: bool) -> Warehouse:
    from fourkeys.warehouses.duckdb import DuckDB  # noqa: PLC0415 - only who needs a warehouse pays for it

    path = _path(url)
    if read_only and not path.exists():
        raise WarehouseError(f"{url}: there is no warehouse yet", "run `fourkeys run`, or `fourkeys load` and `build`")
    return DuckDB(str(path), read_only=read_only)

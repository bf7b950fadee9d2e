"""Rows as tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from fourkeys.cli._common import printable
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import Console
    from rich.text import Text

_PIPE_WIDTH = 200
"""Columns where no terminal tells: wide enough that nothing is cut."""

NO_DATA = "no data"
"""What stands where there is nothing to measure."""

Row = dict[str, Any]


def plain(value: Any) -> Any:
    """Write dates and times as text."""
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


def shown(value: Any, zone: ZoneInfo | None = None) -> str:
    """Write a value for people: three digits, times of *zone* to the minute, `no data` where there is none."""
    if value is None:
        return NO_DATA
    if zone and isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return f"{value:.3g}" if isinstance(value, float) else str(plain(value))


def cell(text: str) -> Text:
    """Return a text as it is, for a cell of a table: neither markup nor a way to steer the terminal."""
    from rich.text import Text  # noqa: PLC0415 - machines do not need it

    return Text(printable(text.replace("\n", " ")))


def console() -> Console:
    """Return stdout as rich writes it: as wide as the terminal, or where there is none as wide as nothing is cut."""
    from rich.console import Console  # noqa: PLC0415 - machines do not need it

    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def print_rows(rows: Sequence[Row], zone: ZoneInfo | None = None) -> None:
    """Print rows with their columns; what does not fit goes on in the next line, nothing is cut.

    Args:
        rows: the rows, all with the same names.
        zone: times are local to it and columns without any value are left out; without it times are UTC.
    """
    from rich.table import Table  # noqa: PLC0415 - as above

    if not rows:
        print(NO_DATA)
        return
    names = [name for name in rows[0] if not zone or any(row[name] is not None for row in rows)]
    out = console()
    table = Table(box=None, pad_edge=False, padding=(0, 2 if out.width >= _PIPE_WIDTH // 2 else 1, 0, 0))
    for name in names:
        numeric = any(isinstance(row[name], int | float) for row in rows)
        title = name.replace("_", "\n") if out.is_terminal else name
        table.add_column(title, justify="right" if numeric else "left", overflow="fold", vertical="top")
    for row in rows:
        table.add_row(*(cell("" if row[name] is None else shown(row[name], zone)) for name in names))
    out.print(table, highlight=False)

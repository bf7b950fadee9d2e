"""Rows as tables for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from fourkeys.window import rfc3339

_PIPE_WIDTH = 200
"""Columns where no terminal tells: wide enough that nothing is cut."""

Row = dict[str, Any]


def plain(value: Any) -> Any:
    """Write dates and times as text."""
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


def shown(value: Any) -> str:
    """Write a value for people: three digits, and `no data` where there is none."""
    if value is None:
        return "no data"
    return f"{value:.3g}" if isinstance(value, float) else str(plain(value))


def _percent(value: Any) -> str:
    return shown(value) if value is None else f"{value:.1%}"


def _hours(value: Any) -> str:
    return shown(value) if value is None else f"{value:.1f}"


FIGURES: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("deployments", "deploy-\nments", shown),
    ("deployments_per_day", "per\nday", shown),
    ("changes", "\nchanges", shown),
    ("lead_time_hours_median", "lead time\nmedian h", _hours),
    ("change_failure_rate", "change\nfailures", _percent),
    ("failed_deployment_recovery_hours_median", "recovery\nmedian h", _hours),
    ("time_to_restore_hours_median", "restore\nmedian h", _hours),
    ("deployment_rework_rate", "\nrework", _percent),
)
"""The figures that a table shows: key, title, and how a value is written."""


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    """Print a table on stdout."""
    from rich.console import Console  # noqa: PLC0415 - machines do not need it
    from rich.table import Table  # noqa: PLC0415

    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    table = Table(box=None, pad_edge=False)
    for title, is_number in zip(titles, numeric, strict=True):
        table.add_column(title, justify="right" if is_number else "left", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_figures(rows: Sequence[Row], *more: tuple[str, Callable[[Row], str]]) -> None:
    """Print the four keys of each row; *more* columns are computed from the row."""
    if not rows:
        print("no data")
        return
    head = [name for name in ("service", "owner", "period_start") if name in rows[0]]
    titles = (
        [name.replace("_", "\n") for name in head] + [title for _, title, _ in FIGURES] + [name for name, _ in more]
    )
    cells = [
        [shown(row[name]) for name in head]
        + [write(row[key]) for key, _, write in FIGURES]
        + [compute(row) for _, compute in more]
        for row in rows
    ]
    print_table(titles, cells, [False] * len(head) + [True] * len(FIGURES) + [False] * len(more))


def print_rows(rows: Sequence[Row]) -> None:
    """Print rows with all their columns."""
    if not rows:
        print("no data")
        return
    numeric = [any(isinstance(row[name], int | float) for row in rows) for name in rows[0]]
    cells = [["" if value is None else shown(value) for value in row.values()] for row in rows]
    print_table(list(rows[0]), cells, numeric)

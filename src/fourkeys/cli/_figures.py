"""The four keys as a table for people: each figure with its n, and which way it went since the period before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fourkeys.cli._tables import NO_DATA, Row, console
from fourkeys.cli._tables import cell as named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.text import Text

FEW = 5
"""Over fewer samples nothing is called better or worse."""

STEADY = 0.1
"""How much of itself a figure may move and still be called steady; rates have their interval for that."""

MORE = ("change_failure_rate_low", "change_failure_rate_high", "deployment_rework_rate_low",
        "deployment_rework_rate_high", "is_partial")  # fmt: skip
"""What the arrows need beside the figures of `fourkeys metrics`."""

_ONE_LINE = 130
"""Columns from which on the n stands beside its figure; below, it stands under it."""

_WITH_OWNER = 100
"""Columns from which on the owner is shown."""

_DAY, _WEEK, _MONTH = 1, 7, 30


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the table.

    Attributes:
        key: its name in the rows.
        title: its name in the table.
        write: how a value is written.
        n: what it is counted over.
        part: how many of those, of a rate.
        more_is_better: whether more is better.
    """

    key: str
    title: str
    write: Callable[[float], str]
    n: str
    part: str | None = None
    more_is_better: bool = False

    def way(self, now: Row, before: Row) -> str:
        """Return the arrow from *before* to *now*; empty where one of them has no data."""
        a, b = now[self.key], before[self.key]
        if a is None or b is None:
            return ""
        return "≈" if self._is_steady(now, before) else "▲" if a > b else "▼"

    def judgement(self, now: Row, before: Row) -> str:
        """Return better or worse; empty where it is steady, or too few or no full periods were measured."""
        way = self.way(now, before)
        few = min(now[self.n], before[self.n]) < FEW
        if way in {"", "≈"} or few or now.get("is_partial") or before.get("is_partial"):
            return ""
        return "better" if (way == "▲") == self.more_is_better else "worse"

    def _is_steady(self, now: Row, before: Row) -> bool:
        a, b = now[self.key], before[self.key]
        if f"{self.key}_low" not in now:
            return bool(abs(a - b) <= b * STEADY)
        return _within(a, before, self.key) or _within(b, now, self.key)


def per_day(value: float) -> str:
    """Write deployments a day; below one a day they read better by the week, then by 30 days."""
    if value == 0:
        return "0"
    days, unit = (_DAY, "day") if value >= 1 else (_WEEK, "week") if value >= 1 / _WEEK else (_MONTH, "30 d")
    return f"{value * days:.1f}/{unit}"


def hours(value: float) -> str:
    """Write hours as minutes, hours or days, whichever reads best."""
    size, unit = (1 / 60, "min") if value < 1 else (1, "h") if value < 2 * 24 else (24, "d")
    shown = value / size
    return f"{shown:.{int(unit != 'min' and shown < 10)}f} {unit}"  # noqa: PLR2004 - two digits are enough


def percent(value: float) -> str:
    """Write a share of 1."""
    return f"{value:.1%}"


FIGURES = (
    Figure("deployments_per_day", "deploys", per_day, "deployments", more_is_better=True),
    Figure("lead_time_hours_median", "lead time", hours, "changes"),
    Figure("change_failure_rate", "failures", percent, "deployments", "failed_deployments"),
    Figure("failed_deployment_recovery_hours_median", "recovery", hours, "recovered_failures"),
    Figure("time_to_restore_hours_median", "restore", hours, "restored_incidents"),
    Figure("deployment_rework_rate", "rework", percent, "deployments"),
)
"""The figures that the table shows."""

LEGEND = "▲▼ against the period before, ≈ steady, * partial; colour where n is 5 or more"
"""What the signs of the table mean."""

_STYLES = {"better": "green", "worse": "red", "": ""}


def _window(rows: Sequence[Row]) -> str:
    """Say which days rows of a whole window are about; without `--from` each service has its own."""
    first, last = min(row["from"] for row in rows), max(row["to"] for row in rows)
    same = all(row["from"] == first for row in rows)
    return f"from {first} to before {last}{'' if same else ', or from its first deployment'}"


def print_figures(
    rows: Sequence[Row],
    before: Mapping[tuple[Any, ...], Row] | None = None,
    more: tuple[str, Callable[[Row], str]] | None = None,
) -> None:
    """Print the four keys of each row.

    Args:
        rows: rows of `fourkeys.mart.metrics.measure`.
        before: the row of the period before, by service and period; the way since then is shown.
        more: one column more, its title and how it comes from a row.
    """
    from rich.table import Table  # noqa: PLC0415 - machines do not need it

    if not rows:
        print("no data")
        return
    out = console()
    one_line = out.width >= _ONE_LINE
    head = [name for name in ("service", "owner", "period_start") if name in rows[0]]
    if out.width < _WITH_OWNER:
        head.remove("owner")
    table = Table(box=None, pad_edge=False, padding=(0, 2 if one_line else 1, 0, 0))
    for name in head:
        table.add_column(name.partition("_")[0], overflow="fold", min_width=8, no_wrap=name == "period_start")
    for figure in FIGURES:
        table.add_column(figure.title, justify="right", no_wrap=True)
    if more:
        table.add_column(more[0], overflow="fold")
    for row in rows:
        old = (before or {}).get((row["service"], row.get("period_start")))
        cells = [_name(name, row) for name in head]
        cells += [_cell(figure, row, old, one_line=one_line) for figure in FIGURES]
        table.add_row(*cells, *([more[1](row)] if more else []))
    out.print(table)
    if out.is_terminal and "period_start" not in rows[0]:
        out.print(_window(rows), style="dim", highlight=False)
    if before and out.is_terminal:
        out.print(LEGEND, style="dim", highlight=False)


def previous_rows(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """Return by service and period the row before each, of rows that follow one another."""
    found: dict[tuple[Any, ...], Row] = {}
    last: Row | None = None
    for row in rows:
        if last and last["service"] == row["service"]:
            found[row["service"], row["period_start"]] = last
        last = row
    return found


def _name(name: str, row: Row) -> Text:
    text = str(row[name] or "")
    return named(f"{text} *" if name == "period_start" and row.get("is_partial") else text)


def _cell(figure: Figure, row: Row, before: Row | None, *, one_line: bool) -> Text:
    from rich.text import Text  # noqa: PLC0415 - as above

    value = row[figure.key]
    cell = Text()
    if before and (way := figure.way(row, before)):
        cell.append(f"{way} ", _STYLES[figure.judgement(row, before)])
    cell.append(figure.write(value) if value is not None else NO_DATA, "" if value is not None else "dim")
    n = f"n {row[figure.part]}/{row[figure.n]}" if figure.part else f"n {row[figure.n]}"
    return cell.append(f" {n:>8}" if one_line else f"\n{n}", "dim")


def _within(value: float, row: Row, key: str) -> bool:
    return bool(row[f"{key}_low"] <= value <= row[f"{key}_high"])

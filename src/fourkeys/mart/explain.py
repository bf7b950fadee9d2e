"""Why a number is what it is: the rows that make it, counted or not, and by which rule."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from fourkeys.errors import UsageError
from fourkeys.mart.metrics import Query, measure
from fourkeys.mart.views import render, settings, sql_folder

if TYPE_CHECKING:
    from fourkeys.config import Metrics
    from fourkeys.warehouses.base import Row, Warehouse

FIGURES = {
    "deployment_frequency": ("deployments", "deployments_per_day", "median_deployment_days_per_week"),
    "change_lead_time": ("changes", "lead_time_hours_median", "lead_time_hours_p90"),
    "change_failure_rate": ("deployments", "failed_deployments", "change_failure_rate"),
    "failed_deployment_recovery": ("recovered_failures", "failed_deployment_recovery_hours_median"),
    "time_to_restore": ("restored_incidents", "time_to_restore_hours_median"),
    "deployment_rework_rate": ("deployments", "deployment_rework_rate"),
}
"""The metrics that can be explained, and the figures that each shows."""


PERIODS = "2026-03-04, 2026-W10, 2026-03, 2026, or 2026-03-04..2026-04-01 (the day after the last)"
"""How a period is written."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What makes a metric of one service in one period.

    Attributes:
        definition: what is counted.
        figures: the figures themselves, as `fourkeys metrics` has them.
        rows: what was looked at; `counted` says whether, and why not.
    """

    definition: str
    figures: Row
    rows: list[Row]


def explain(
    warehouse: Warehouse, metrics: Metrics, metric: str, service: str, period: tuple[date, date], now: datetime
) -> Explanation:
    """Return the rows behind *metric* of *service* in *period*, which is its first day and the day after its last.

    Raises:
        UsageError: there is no such metric.
    """
    if metric not in FIGURES:
        near = difflib.get_close_matches(metric, FIGURES, 1, 0.4)
        known = ", ".join(FIGURES)
        raise UsageError(f"unknown metric {metric!r}", f"did you mean {near[0]}?" if near else f"known are {known}")
    start, end = period
    file = sql_folder() / "explain" / f"{metric}.sql"
    text = file.read_text(encoding="utf-8")
    rows = warehouse.query(render(text, warehouse.names, settings(metrics, now)), [service, start, end])
    measured = measure(warehouse, metrics, Query((service,), None, start, end), now)
    figures = {name: measured[0][name] for name in ("from", "to", *FIGURES[metric])} if measured else {}
    definition = " ".join(line.removeprefix("-- ") for line in text.splitlines() if line.startswith("-- "))
    return Explanation(definition, figures, rows)


def parse_period(text: str) -> tuple[date, date]:
    """Read a period: a day `2026-03-04`, an ISO week `2026-W10`, a month `2026-03`, a year `2026`, or `DAY..DAY`.

    Returns:
        Its first day and the day after its last.

    Raises:
        UsageError: it is none of these.
    """
    try:
        if re.fullmatch(r"\d{4}", text):
            return date(int(text), 1, 1), date(int(text) + 1, 1, 1)
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = date.fromisoformat(f"{text}-01")
            return first, (first + timedelta(days=31)).replace(day=1)
        if re.fullmatch(r"\d{4}-W\d{2}", text):
            monday = date.fromisoformat(f"{text}-1")
            return monday, monday + timedelta(days=7)
        begin, dots, end = text.partition("..")
        start = date.fromisoformat(begin)
        days = start, date.fromisoformat(end) if dots else start + timedelta(days=1)
    except (ValueError, OverflowError):
        raise UsageError(f"cannot read the period {text!r}", f"write {PERIODS}") from None
    if days[0] >= days[1]:
        raise UsageError(f"the period {text!r} has no day", "after the two dots stands the day after the last one")
    return days

"""The figures of the page: rows of the mart for windows, and series of rows by day, week and month.

Nothing is computed here: the figures of the windows come from `int_four_keys.sql` over the windows as its periods, as
`fourkeys metrics` has them; the series are the views `four_keys_daily`, `_weekly` and `_monthly`, and those of owners
and of the company. A scope is a service by its name, `owner:NAME`, or `company`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fourkeys.mart import views

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from fourkeys.config import Metrics
    from fourkeys.warehouses.base import Row, Warehouse

COMPANY = "company"
DAYS = (28, 90, 365)
"""Lengths of the windows that every page has; they end with yesterday, the last day that is over."""

SHOWN = (
    "deployments", "deployments_per_day", "median_deployment_days_per_week", "changes", "lead_time_hours_median",
    "lead_time_hours_p90", "failed_deployments", "change_failure_rate", "change_failure_rate_low",
    "change_failure_rate_high", "recovered_failures", "unrecovered_failures",
    "failed_deployment_recovery_hours_median", "restored_incidents", "time_to_restore_hours_median",
    "rework_deployments", "deployment_rework_rate", "deployment_rework_rate_low", "deployment_rework_rate_high",
    "deployment_frequency_score", "lead_time_score", "change_failure_score", "failed_deployment_recovery_score",
    "deployment_rework_score", "is_partial",
)  # fmt: skip
"""The columns of the mart that cards and tables show."""

CHARTED = (
    "deployments", "changes", "lead_time_hours_median", "lead_time_hours_p90", "failed_deployments",
    "change_failure_rate", "recovered_failures", "failed_deployment_recovery_hours_median", "restored_incidents",
    "time_to_restore_hours_median", "deployment_rework_rate", "is_partial",
)  # fmt: skip
"""Those that charts show: all that a day needs, which is no period of its own."""

DIGITS = 6
"""Decimals that the page keeps: of an hour, 4 milliseconds."""

_ROLLUPS = {
    "week": (("four_keys_owner_weekly", "owner"), ("four_keys_company_weekly", "")),
    "month": (("four_keys_owner_monthly", "owner"), ("four_keys_company_monthly", "")),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A period that is no week and no month.

    Attributes:
        id: its name in links.
        start: first local day.
        end: the day after the last.
    """

    id: str
    start: date
    end: date

    @property
    def previous(self) -> Window:
        """The window of the same length before it."""
        return Window(f"{self.id}-previous", self.start - (self.end - self.start), self.start)


def windows(today: date, asked: tuple[date, date] | None) -> list[Window]:
    """Return the windows of the page: the one that was asked for, and those that end with yesterday."""
    usual = [Window(f"{days}d", today - timedelta(days=days), today) for days in DAYS]
    return [Window("asked", *asked), *usual] if asked else usual


def window_figures(
    warehouse: Warehouse, metrics: Metrics, chosen: Sequence[Window], now: datetime
) -> dict[str, dict[str, Row]]:
    """Return the figures of each window and of the one before it: by window, then by scope."""
    both = [each for window in chosen for each in (window, window.previous)]
    found: dict[str, dict[str, Row]] = {each.id: {} for each in both}
    spans = [(f"{prefix}{each.id}", unit, each) for each in both for prefix, unit in _units(warehouse)]
    if not spans:
        return found
    text = next(view.text for view in views.views() if view.name == "int_four_keys")
    filled = views.render(text, warehouse.names, views.settings(metrics, now), periods(spans))
    for row in sorted(warehouse.query(filled), key=lambda row: (row["grain"], row["service"])):
        scope, _, window = row["grain"].rpartition("_")
        found[window][_scope(scope, row["service"])] = {name: rounded(row[name]) for name in SHOWN}
    return found


def periods(spans: Sequence[tuple[str, str, Window]]) -> str:
    """Return windows as a relation of periods: grain, service, first day and the day after the last of each."""
    literal = ", ".join(
        f"struct('{grain}' as grain, {views.quoted(unit)} as service, "
        f"date '{window.start}' as period_start, date '{window.end}' as period_end)"
        for grain, unit, window in spans
    )
    return f"(select grain, service, period_start, period_end from unnest([{literal}]))"


def series(warehouse: Warehouse) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the figures by grain and scope: the first period, and one list per figure, gap-free from it on."""
    found = {
        grain: _series(warehouse, f"four_keys_{view}", "service", "", CHARTED if grain == "day" else SHOWN)
        for grain, view in (("day", "daily"), ("week", "weekly"), ("month", "monthly"))
    }
    for grain, views_of_grain in _ROLLUPS.items():
        for view, unit in views_of_grain:
            found[grain] |= _series(warehouse, view, unit, "owner" if unit else COMPANY, SHOWN)
    return found


def starts(grain: str, first: date, count: int) -> list[tuple[date, date]]:
    """Return *count* weeks or months from *first* on: the first day of each, and the day after its last."""
    days = [first]
    for _ in range(count):
        following = days[-1] + timedelta(days=7 if grain == "week" else 31)
        days.append(following if grain == "week" else following.replace(day=1))
    return list(pairwise(days))


def rounded(value: Any) -> Any:
    """Round a float to what the page keeps, and -0.0 to 0.0; everything else stays."""
    return round(value, DIGITS) + 0.0 if isinstance(value, float) else value


def _units(warehouse: Warehouse) -> Iterator[tuple[str, str]]:
    """Yield what can have figures, as `int_four_keys` names it: the prefix of its grain, and its name."""
    rows = warehouse.query(f"select service, owner from {warehouse.names['raw']}.services order by service")
    yield from (("", row["service"]) for row in rows)
    yield from (("owner_", owner) for owner in sorted({row["owner"] for row in rows if row["owner"]}))
    if rows:
        yield "company_", "all"


def _series(warehouse: Warehouse, view: str, unit: str, scope: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    order = f"{unit}, period_start" if unit else "period_start"
    found: dict[str, dict[str, Any]] = {}
    for row in warehouse.query(f"select * from {warehouse.names['mart']}.{view} order by {order}"):
        empty = {"start": row["period_start"], **{name: [] for name in names}}
        one = found.setdefault(_scope(scope, row[unit] if unit else ""), empty)
        for name in names:
            one[name].append(rounded(row[name]))
    return found


def _scope(kind: str, unit: str) -> str:
    return f"owner:{unit}" if kind == "owner" else COMPANY if kind == COMPANY else unit

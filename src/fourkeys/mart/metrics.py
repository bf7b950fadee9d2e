"""The four keys of a window: periods in, the rows of `int_four_keys` out. Nothing is computed here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from fourkeys.mart.views import render, settings, views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from fourkeys.config import Metrics
    from fourkeys.warehouses.base import Row, Warehouse

By = Literal["total", "day", "week", "month"]

FIGURES = (
    "deployments", "redeployments", "deployment_days", "deployments_per_day", "median_deployment_days_per_week",
    "changes", "lead_time_hours_median", "lead_time_hours_p90", "failed_deployments", "change_failure_rate",
    "unrecovered_failures", "recovered_failures", "failed_deployment_recovery_hours_median", "restored_incidents",
    "time_to_restore_hours_median", "deployment_rework_rate",
)  # fmt: skip
"""The figures of `fourkeys metrics`, in their order; definitions in docs/metrics.md."""

ASKED = """(
    select
        'asked' as grain,
        substr(span, 23) as service,
        cast(substr(span, 1, 10) as date) as period_start,
        cast(substr(span, 12, 10) as date) as period_end

    from unnest(json_value_array(?)) as span
)"""
"""What `int_four_keys` reads instead of `int_period_inputs`; its one parameter is what `asked` writes."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which figures to show.

    Attributes:
        services: names of services; empty is all.
        owner: only services of this owner.
        start: first local day; None is each service's first deployment.
        end: the day after the last one; None is tomorrow.
        by: one row for the window, or one for each day, ISO week or month in it, cut at its edges.
    """

    services: tuple[str, ...] = ()
    owner: str | None = None
    start: date | None = None
    end: date | None = None
    by: By = "total"


def measure(warehouse: Warehouse, metrics: Metrics, query: Query, now: datetime, more: Sequence[str] = ()) -> list[Row]:
    """Return the figures, one row per service and period, with the keys of `fourkeys metrics --format json`.

    Args:
        warehouse: the warehouse, after `fourkeys build`.
        metrics: the settings of the figures.
        query: which figures.
        now: the end of what is over.
        more: columns of `int_four_keys` to add to each row.
    """
    names, values = warehouse.names, settings(metrics, now)
    today = now.astimezone(metrics.zone).date()
    spans = _spans(warehouse, names["mart"], metrics, query, today)
    if not spans:
        return []
    text = next(view.text for view in views() if view.name == "int_four_keys")
    rows = warehouse.query(render(text, names, values, ASKED), [asked(spans)])
    rows.sort(key=lambda row: (row["service"], row["period_start"]))
    head = ("service", "owner") if query.by == "total" else ("service", "owner", "period_start")
    return [
        {name: row[name] for name in head}
        | {"from": row["period_start"], "to": row["period_end"]}
        | {name: row[name] for name in (*FIGURES, *more)}
        for row in rows
    ]


def asked(spans: Iterable[tuple[str, date, date]]) -> str:
    """Write spans (service, first day, day after the last) as the parameter of `ASKED`."""
    return json.dumps([f"{start} {end} {service}" for service, start, end in spans])


def _spans(
    warehouse: Warehouse, mart: str, metrics: Metrics, query: Query, today: date
) -> list[tuple[str, date, date]]:
    """Return the periods asked for: service, first day, day after the last."""
    raw = warehouse.names["raw"]
    firsts = warehouse.query(
        "select services.service, services.owner, min(deployments.deployed_date) as first_date "
        f"from {raw}.services as services left join {mart}.deployments as deployments "
        "on services.service = deployments.service and deployments.environment = ? "
        "group by services.service, services.owner",
        [metrics.environment],
    )
    end = query.end or today + timedelta(days=1)
    chosen = [
        row
        for row in firsts
        if (not query.services or row["service"] in query.services)
        and (query.owner is None or row["owner"] == query.owner)
    ]
    earliest = min((row["first_date"] for row in firsts if row["first_date"]), default=today)
    return [
        (row["service"], first, last)
        for row in chosen
        for first, last in _cut(query.start or row["first_date"] or earliest, end, query.by)
    ]


def _cut(start: date, end: date, by: By) -> Iterator[tuple[date, date]]:
    """Cut `[start, end)` at the edges of days, ISO weeks or months."""
    while start < end:
        following = _NEXT[by](start) if by != "total" else end
        yield start, min(following, end)
        start = following


def _next_week(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


_NEXT = {"day": lambda day: day + timedelta(days=1), "week": _next_week, "month": _next_month}

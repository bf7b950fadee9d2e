"""The rows behind the figures: deployments, incidents, what waits, what is wrong with the data, and the charts' own.

Most tables are SQL files of `dashboards/datastudio/`, so that the page and Data Studio read the same rows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from fourkeys.mart import views
from fourkeys.report._figures import rounded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from fourkeys.config import Metrics
    from fourkeys.warehouses.base import Row, Warehouse

SHA_DIGITS = 12
"""Digits of a commit's hash that the page keeps: enough for its link."""


def table(
    warehouse: Warehouse, metrics: Metrics, text: str, now: datetime, periods: str = views.PERIODS
) -> dict[str, list[Any]] | None:
    """Return the rows of a query *text* by column; None where a view that it reads is not built.

    Times are local to the minute, text that sorts; hashes are cut to `SHA_DIGITS`.
    """
    if not views.View("", "", text).reads <= set(warehouse.relations()):
        return None
    rows = warehouse.query(views.render(text, warehouse.names, views.settings(metrics, now), periods))
    return columns(rows, metrics.zone)


def columns(rows: Iterable[Row], zone: ZoneInfo) -> dict[str, list[Any]]:
    """Turn rows into one list per column, with values as JSON has them."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, []).append(_plain(name, value, zone))
    return found


def _plain(name: str, value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return value[:SHA_DIGITS] if name == "sha" and value else rounded(value)

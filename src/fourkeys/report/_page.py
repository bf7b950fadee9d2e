"""The page: what it shows gathered from the warehouse, and put into one HTML file.

Its style and its script are named by their hashes in its Content-Security-Policy, so that nothing else runs and nothing
is fetched. The data are compressed JSON in base64: no text of theirs is ever markup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from string import Template
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fourkeys import __version__
from fourkeys.mart.freshness import stale
from fourkeys.mart.lineage import HEADLINES
from fourkeys.report import _figures, _files, _levels, _tables

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from fourkeys.config import Config, Metrics
    from fourkeys.warehouses.base import Warehouse

Language = Literal["en", "ja"]

SCRIPTS = ("data", "format", "state", "charts", "cards", "sections", "rows", "page")
"""The parts of the script, in their order."""

TABLES = ("deployments", "incidents", "undeployed_pull_requests", "data_quality",
          "merges_against_deployments", "request_health", "lead_time_stages")  # fmt: skip
"""Files of `dashboards/datastudio/` whose rows the page shows."""

_FRESHNESS = {
    "releases": ("ghes_releases", "published_at"),
    "pull requests": ("ghes_pull_requests", "updated_at"),
    "Heroku releases": ("heroku_releases", "created_at"),
    "deployments": ("deployments", "finished_at"),
    "incidents": ("incidents", "updated_at"),
    "requests": ("request_counts", "minute"),
}


def write_report(
    warehouse: Warehouse,
    settings: Config,
    now: datetime,
    file: Path,
    *,
    language: Language = "en",
    period: tuple[date, date] | None = None,
) -> int:
    """Write the dashboard of *warehouse* as of *now* to *file*, and return its size in bytes.

    Args:
        warehouse: the warehouse, after `fourkeys build`.
        settings: the configuration it was built with.
        now: the end of what is over.
        file: where the page goes; its folder is made.
        language: of the words on the page.
        period: first local day and the day after the last of a period to show first.

    Raises:
        WarehouseError: the views are not there yet.
    """
    page = render(gather(warehouse, settings, now, language, period), language).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(page)
    return len(page)


def gather(
    warehouse: Warehouse, settings: Config, now: datetime, language: Language, period: tuple[date, date] | None
) -> dict[str, Any]:
    """Return all that the page shows, as the script reads it (`dashboards/report/data.js`)."""
    metrics = settings.metrics
    today = now.astimezone(metrics.zone).date()
    windows = _figures.windows(today, period)
    series = _figures.series(warehouse)
    return {
        "meta": {
            "lang": language,
            "version": __version__,
            "now": f"{now.astimezone(metrics.zone):%Y-%m-%d %H:%M} {metrics.timezone}",
            "timezone": metrics.timezone,
            "environment": metrics.environment,
            "web": settings.sources.ghes.url.removesuffix("/api/v3"),
            "freshness": _freshness(warehouse, metrics),
            "stale": _stale(warehouse, settings, now),
        },
        "words": msgspec.json.decode(_files.page_file(f"words.{language}.json")),
        "quick_check": {"year": _levels.YEAR, "means": _levels.MEANS},
        "levels": _levels.BANDS,
        "scopes": _scopes(warehouse, series),
        "periods": _periods(windows, series),
        "windows": _figures.window_figures(warehouse, metrics, windows, now),
        "series": series,
        "tables": _gather_tables(warehouse, metrics, windows, now),
    }


def render(data: dict[str, Any], language: Language) -> str:
    """Return the page that shows *data*."""
    script = "(() => {\n'use strict';\n" + "\n".join(_files.page_file(f"{name}.js") for name in SCRIPTS) + "})();\n"
    style = _files.page_file("page.css")
    packed = gzip.compress(msgspec.json.encode(data), 9, mtime=0)
    return Template(_files.page_file("page.html")).substitute(
        lang=language,
        title=data["words"]["title"],
        noscript=data["words"]["noscript"],
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=base64.b64encode(packed).decode(),
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _scopes(warehouse: Warehouse, series: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return services by name, then the owners' and the company's roll-ups."""
    services = warehouse.query(
        f"select service, owner, description from {warehouse.names['raw']}.services order by service"
    )
    rollups = [name for name in series["week"] if name.startswith("owner:") or name == _figures.COMPANY]
    return [
        {
            "id": row["service"],
            "kind": "service",
            "name": row["service"],
            "owner": row["owner"],
            "description": row["description"],
        }
        for row in services
    ] + [
        {"id": name, "kind": name.partition(":")[0], "name": name.partition(":")[2], "owner": "", "description": None}
        for name in rollups
    ]


def _periods(windows: list[_figures.Window], series: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the page can be about: windows, then months and ISO weeks, newest first."""
    found = [
        {"id": each.id, "kind": "window", "from": each.start, "to": each.end, "days": (each.end - each.start).days}
        for each in windows
    ]
    for grain, form in (("month", "%Y-%m"), ("week", "%G-W%V")):
        longest = max(series[grain].values(), key=lambda one: -one["start"].toordinal(), default=None)
        starts = _figures.starts(grain, longest["start"], len(longest["deployments"])) if longest else []
        found += [
            {"id": f"{start:{form}}", "kind": grain, "from": start, "to": end, "days": (end - start).days}
            for start, end in reversed(starts)
        ]
    return found


def _gather_tables(
    warehouse: Warehouse, metrics: Metrics, windows: list[_figures.Window], now: datetime
) -> dict[str, dict[str, list[Any]] | None]:
    found = {name: _tables.table(warehouse, metrics, _files.sql_file(name), now) for name in TABLES}
    services = [row["service"] for row in warehouse.query(f"select service from {warehouse.names['raw']}.services")]
    spans = [(window.id, service, window) for window in windows for service in services]
    if found["lead_time_stages"] and spans:
        text = _files.page_file("lead_time_stages_of_windows.sql")
        of_windows = _tables.table(warehouse, metrics, text, now, _figures.periods(spans))
        for name, values in (of_windows or {}).items():
            found["lead_time_stages"][name] += values
    return found


def _stale(warehouse: Warehouse, settings: Config, now: datetime) -> list[dict[str, Any]]:
    """Return what was not read for too long and a figure depends on, with the columns of those figures."""
    columns = {title: column for column, title in HEADLINES.items()}
    return [
        {
            "what": " ".join([each.stream, *each.partitions]),
            "since": each.since and f"{each.since.astimezone(settings.metrics.zone):%Y-%m-%d %H:%M}",
            "figures": [columns[title] for title in each.figures],
        }
        for each in stale(warehouse.watermarks().values(), settings, now)
        if each.figures
    ]


def _freshness(warehouse: Warehouse, metrics: Metrics) -> list[tuple[str, str]]:
    """Return the newest record of each source that has any."""
    raw = warehouse.names["raw"]
    sql = " union all ".join(
        f"select '{title}' as title, max({cursor}) as newest from {raw}.{stream}"
        for title, (stream, cursor) in _FRESHNESS.items()
    )
    newest = {row["title"]: row["newest"] for row in warehouse.query(sql)}
    return [
        (title, f"{newest[title].astimezone(metrics.zone):%Y-%m-%d %H:%M}") for title in _FRESHNESS if newest[title]
    ]

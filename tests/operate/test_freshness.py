"""What is stale is named, with the figures that depend on it: by `status`, and on the report."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from worlds import NOW, build_world

from fourkeys import config
from fourkeys.cli._app import app
from fourkeys.mart.freshness import stale
from fourkeys.report import _page
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Watermark, utc_now

TWO = {"services": [{"name": "shop", "repositories": ["o/a", "o/b"], "heroku_apps": {"production": ["shop"]}}]}


def marked(name: str, hours: float, *partitions: str) -> list[Watermark]:
    """Return watermarks that are so many hours old."""
    return [Watermark(name, each, NOW - timedelta(hours=hours)) for each in partitions]


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([*marked("ghes_releases", 1, "o/a", "o/b")], []),
        ([*marked("ghes_releases", 40, "o/a"), *marked("ghes_releases", 1, "o/b")], [("ghes_releases", ("o/a",))]),
        ([*marked("ghes_releases", 1, "o/a")], [("ghes_releases", ("o/b",))]),
        ([*marked("ghes_releases", 1, "o/a", "o/b"), *marked("ghes_releases", 999, "o/gone")], []),
        ([*marked("heroku_releases", 37, "shop")], [("heroku_releases", ("shop",))]),
        ([*marked("ghes_deployments", 99, "o/a", "o/b")], []),  # no service is deployed by them any more
        ([*marked("incidents", 36.5, "bot")], [("incidents", ("bot",))]),
        ([*marked("ghes_users", 40, "")], [("ghes_users", ())]),
        ([], []),
    ],
)
def test_what_is_too_old(marks: list[Watermark], expected: list[tuple[str, tuple[str, ...]]]) -> None:
    """Old watermarks count, those of repositories that left the catalog do not, and one that was never read does."""
    settings = config.parse(TWO, {})

    assert expected == [(each.stream, each.partitions) for each in stale(marks, settings, NOW)]


def test_the_age_is_a_setting() -> None:
    """`[metrics].stale_hours` decides."""
    settings = config.parse(TWO | {"metrics": {"stale_hours": 100}}, {})

    assert [] == stale(marked("incidents", 99, "bot"), settings, NOW)


def test_status_names_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text says which figures are affected, the JSON has them beside each stream."""
    csv = tmp_path / "incidents.csv"
    csv.write_text("source,incident_id\nbot,1\n", encoding="utf-8")
    warehouse = DuckDB(str(tmp_path / "fourkeys.duckdb"))
    warehouse.load(STREAMS["incidents"], csv, [Watermark("incidents", "bot", utc_now() - timedelta(days=3))])
    warehouse.close()
    monkeypatch.chdir(tmp_path)
    text = CliRunner().invoke(app, ["status"]).stdout
    (row,) = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)

    assert "stale: incidents of bot was read last at " in text
    assert "affected: change failure rate, failed deployment recovery time, time to restore\n" in text
    assert (True, ["change failure rate", "failed deployment recovery time", "time to restore"]) == (
        row["stale"],
        row["affects"],
    )


def test_the_report_names_the_figures(tmp_path: Path) -> None:
    """The page is given what is stale, and nothing that no figure depends on."""
    world: dict[str, Any] = {"services": [{"name": "shop", "repositories": ["o/r"], "deployments_from": "csv"}]}
    warehouse, settings = build_world(world | {"given": {"ghes_labels": [{"id": 1}]}}, tmp_path)
    (tmp_path / "incidents.csv").write_text("source,incident_id\nbot,1\n", encoding="utf-8")
    (tmp_path / "ghes_labels.csv").write_text("host,repository,id\nh,o/r,1\n", encoding="utf-8")
    warehouse.load(STREAMS["incidents"], tmp_path / "incidents.csv", marked("incidents", 48, "bot"))
    warehouse.load(STREAMS["ghes_labels"], tmp_path / "ghes_labels.csv", marked("ghes_labels", 48, "o/r"))
    late = _page.gather(warehouse, settings, NOW, "en", None)["meta"]["stale"]
    fresh = _page.gather(warehouse, settings, NOW - timedelta(days=1), "en", None)["meta"]["stale"]

    assert [
        ("incidents bot", ["change_failure_rate", "failed_deployment_recovery_hours_median",
                           "time_to_restore_hours_median"]),
    ] == [(each["what"], each["figures"]) for each in late]  # fmt: skip
    assert [] == fresh

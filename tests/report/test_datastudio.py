"""Data Studio: the link, the specification, and the SQL of each chart."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlglot
from company import NOW, SILENT
from test_page import data_of

from fourkeys import config, datastudio
from fourkeys.errors import ConfigError
from fourkeys.mart import views
from fourkeys.report import _files
from fourkeys.report._figures import Window, periods

if TYPE_CHECKING:
    from conftest import Built
    from fourkeys.warehouses.duckdb import DuckDB

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
CHARTS = sorted(file.stem for file in (DASHBOARDS / "datastudio").glob("*.sql"))
GOOGLE = {"raw": "`project`.`dataset_raw`", "mart": "`project`.`dataset`"}


def rendered(name: str, names: Any, metrics: config.Metrics | None = None) -> str:
    """Return the SQL of a chart, filled in."""
    return views.render(_files.sql_file(name), names, views.settings(metrics or config.Metrics(), NOW))


def settings(**tables: object) -> config.Config:
    """Return a configuration."""
    return config.parse({"warehouse": {"url": "bigquery://acme-data/four_keys"}, **tables}, {})


def test_the_link_puts_the_views_in_place() -> None:
    """Each data source of the template becomes the view of its name in the configured dataset."""
    found = datastudio.link(settings(datastudio={"template_report_id": "abc-123"}), "Keys & more")
    url = urlsplit(found.url)
    given = {name: values[0] for name, values in parse_qs(url.query, strict_parsing=True).items()}

    assert "https://lookerstudio.google.com/reporting/create" == f"{url.scheme}://{url.netloc}{url.path}"
    assert ("abc-123", "Keys & more") == (given["c.reportId"], given["r.reportName"])
    for view in datastudio.SOURCES:
        assert ("bigQuery", "TABLE", "acme-data", "four_keys", view, "acme-data") == tuple(
            given[f"ds.{view}.{part}"]
            for part in ("connector", "type", "projectId", "datasetId", "tableId", "billingProjectId")
        )
    assert "abc-123" in found.notes[0]
    assert len(found.url) < 8000


def test_without_a_template_the_link_says_so() -> None:
    """Without a template the link names none, and the note says what opens and what to do."""
    found = datastudio.link(settings())

    assert "c.reportId" not in found.url
    assert "no template is configured: it opens an empty report" in found.notes[0]
    assert "template_report_id" in found.notes[0]


def test_somebody_else_may_pay() -> None:
    """The billing project is the configured one."""
    tables = {"warehouse": {"url": "bigquery://acme-data/four_keys", "billing_project": "acme-jobs"}}
    found = datastudio.link(config.parse(tables, {}))

    assert "billingProjectId=acme-jobs" in found.url
    assert "run jobs in acme-jobs" in found.notes[1]


def test_duckdb_has_no_link(tmp_path: Path) -> None:
    """A warehouse that Data Studio cannot read is a configuration error that names the way out, on stderr."""
    with pytest.raises(ConfigError, match="cannot read duckdb"):
        datastudio.link(config.parse({}, {}))
    command = [sys.executable, "-m", "fourkeys", "dashboard", "link"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert (2, "") == (done.returncode, done.stdout)
    assert "fourkeys report" in done.stderr


def test_the_command_prints_the_link_alone(tmp_path: Path) -> None:
    """Standard output is the link; what happens then goes to standard error."""
    (tmp_path / "fourkeys.toml").write_text('[warehouse]\nurl = "bigquery://acme-data/four_keys"\n')
    command = [sys.executable, "-m", "fourkeys", "dashboard", "link"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert (0, datastudio.link(settings()).url + "\n") == (done.returncode, done.stdout)
    assert "no template" in done.stderr


def test_sources_are_views() -> None:
    """Every data source is a view of the mart with a date or that needs none."""
    assert set(datastudio.SOURCES) <= set(views.models())
    assert ["data_quality"] == [
        name
        for name in datastudio.SOURCES
        if "DATE" not in {column.type for column in views.models()[name].columns.values()}
    ]


@pytest.mark.parametrize("name", CHARTS)
def test_charts_run(name: str, warehouse: DuckDB, built: Built) -> None:
    """The SQL of a chart runs on DuckDB, and reads what the link connects, or the mart below it."""
    rows = warehouse.query(rendered(name, warehouse.names, built.settings.metrics))

    assert rows or name == "data_quality"
    assert views.View("", "", _files.sql_file(name)).reads & set(datastudio.SOURCES)


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_googlesql(name: str) -> None:
    """The SQL of a chart parses as GoogleSQL, and says in its first line what it is."""
    text = rendered(name, GOOGLE)

    assert sqlglot.parse_one(text, read="bigquery").named_selects
    assert re.match(r"-- (Chart|Table|Cards): .+\.\n", text)


@pytest.fixture(scope="module")
def analyzer() -> Any:
    """ZetaSQL with the tables and views of the mart."""
    pytest.importorskip("zetasql", reason="needs the dependency group `sql`: make test-sql")
    from test_zetasql import raw_tables  # noqa: PLC0415 - needs zetasql
    from zetasql_engine import ZetaSQL  # noqa: PLC0415 - as above

    engine = ZetaSQL()
    for table, columns in raw_tables().items():
        engine.put(f"raw.{table}", columns)
    for view, model in views.models().items():
        engine.put(f"mart.{view}", {column: its.type for column, its in model.columns.items()})
    return engine


@pytest.mark.zetasql
@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_taken_by_googles_analyzer(name: str, analyzer: Any) -> None:
    """Google's own analyzer takes the SQL of a chart."""
    columns, _ = analyzer.analyze(rendered(name, {"raw": "raw", "mart": "mart"}))

    assert "service" in columns


@pytest.mark.zetasql
def test_the_pages_own_query_is_taken_too(analyzer: Any) -> None:
    """So is the query for stages of windows, with windows in the place of its periods."""
    window = Window("28d", date(2026, 9, 3), date(2026, 10, 1))
    text = _files.page_file("lead_time_stages_of_windows.sql")
    names = {"raw": "raw", "mart": "mart"}
    values = views.settings(config.Metrics(), NOW)
    columns, _ = analyzer.analyze(views.render(text, names, values, periods([("28d", "o'shop", window)])))

    assert ["grain", "service", "period_start", "stage", "pull_requests", "hours_median", "hours_p90"] == list(columns)


def test_cards_equal_the_page(warehouse: DuckDB, built: Built) -> None:
    """The cards' SQL gives the figures of the page's windows of 28 and 90 days."""
    windows = data_of(built.page.read_text(encoding="utf-8"))["windows"]
    rows = warehouse.query(rendered("cards", warehouse.names, built.settings.metrics))

    assert len(built.company.names) * 2 == len(rows)
    for row in rows:
        shown = windows[f"{row['days']}d"][row["service"]]
        for figure in set(row) & set(shown) - {"is_partial"}:
            wanted = row[figure] if row[figure] is None else pytest.approx(row[figure], abs=1e-6)
            assert wanted == shown[figure], (row["service"], row["days"], figure)


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("deployment_frequency", ("deployments", "failed_deployments")),
        ("change_lead_time", ("lead_time_hours_median", "lead_time_hours_p90")),
        ("change_failure_rate", ("change_failure_rate",)),
        (
            "failed_deployment_recovery",
            ("failed_deployment_recovery_hours_median", "time_to_restore_hours_median"),
        ),
        ("deployment_rework_rate", ("deployment_rework_rate",)),
    ],
)
def test_weekly_charts_equal_the_page(name: str, figures: tuple[str, ...], warehouse: DuckDB, built: Built) -> None:
    """The SQL of a weekly chart gives the values that the page draws, week by week and service by service."""
    series = data_of(built.page.read_text(encoding="utf-8"))["series"]["week"]
    rows = warehouse.query(rendered(name, warehouse.names, built.settings.metrics))
    services = set(built.company.names)

    assert services == {row["service"] for row in rows} - {SILENT}
    for service in services:
        its = [row for row in rows if row["service"] == service]
        assert series[service]["start"] == its[0]["week_start"].isoformat()
        for figure in figures:
            wanted = [row[figure] if row[figure] is None else pytest.approx(row[figure], abs=1e-6) for row in its]
            assert wanted == series[service][figure], (service, figure)


@pytest.mark.parametrize(
    "name", ["deployments", "incidents", "undeployed_pull_requests", "merges_against_deployments", "request_health"]
)
def test_tables_equal_the_page(name: str, warehouse: DuckDB, built: Built) -> None:
    """A table of the page has the rows of its SQL, in their order."""
    table = data_of(built.page.read_text(encoding="utf-8"))["tables"][name]
    rows = warehouse.query(rendered(name, warehouse.names, built.settings.metrics))

    assert list(rows[0]) == list(table)
    assert [row["service"] for row in rows] == table["service"]


def test_the_specification_names_every_chart() -> None:
    """`datastudio.md` names each SQL file, each data source and each of its columns that it shows."""
    text = (DASHBOARDS / "datastudio.md").read_text(encoding="utf-8")

    assert set(CHARTS) == set(re.findall(r"datastudio/(\w+)\.sql", text))
    assert set(datastudio.SOURCES) == set(re.findall(r"^\| `(\w+)` \| ", text, re.MULTILINE)) & set(views.models())
    for view, columns in re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE):
        if view in views.models():
            assert set(re.findall(r"`(\w+)`", columns)) <= set(views.models()[view].columns), view

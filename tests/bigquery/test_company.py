"""The company of the demo, a whole run through Google's client library (`make test-bigquery`)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest_bigquery import new_warehouse
from fake_bigquery import FakeBigQuery

from fourkeys import config, pipeline
from fourkeys.mart.metrics import Query, measure
from fourkeys.mart.views import models, views
from fourkeys.sandbox import Sandbox
from fourkeys.sandbox.clock import NOW
from fourkeys.streams import DERIVED, STREAMS
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Window

if TYPE_CHECKING:
    from fake_engine import Table

    from fourkeys.warehouses.bigquery import BigQuery

pytestmark = pytest.mark.bigquery

PLACES = ["datasets.get company_raw", "datasets.get company"]
SCRIPT = ["jobs.insert query", "jobs.get", "jobs.getQueryResults"]
LISTED = ["tables.list company_raw"]
READ = ["jobs.query"]
STAGED = ["tables.insert", "jobs.insert load", "jobs.get"]
LOAD = ["jobs.get", *STAGED, *SCRIPT, "jobs.list", "jobs.get"]
"""One file: is there such a job, stage and load, merge, how many rows were new."""
REPLACED = [*STAGED, *SCRIPT]
OPENED = [*PLACES, *LISTED]
"""What a process asks before its first statement, once everything is there."""
VIEWS = ["tables.list company", *SCRIPT]
CATALOG = [*REPLACED, *REPLACED, *SCRIPT]
"""Services, their resources, no overrides."""
GHES_FILES = 11


@dataclass
class Night:
    """What a run did: its calls in order."""

    calls: list[str]
    said: list[str] = field(default_factory=list)


@dataclass
class Ran:
    """The company after two nights, on the fake and on DuckDB."""

    fake: FakeBigQuery
    folder: Path
    settings: config.Config
    nights: list[Night]
    duckdb: DuckDB
    tables: dict[str, Table]
    window: Query

    def scripts(self) -> list[str]:
        """Return the text of every script that ran, in order."""
        jobs = [job["configuration"] for job in self.fake.jobs.values() if "statistics" in job]
        return [job["query"]["query"] for job in jobs if "query" in job]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Run the company twice on the fake; load the files of the first night into DuckDB."""
    folder = tmp_path_factory.mktemp("company")
    patch = pytest.MonkeyPatch()
    sleep = time.sleep
    patch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    with FakeBigQuery() as fake, Sandbox(folder / "files", sources=("heroku", "incidents", "requests")) as sandbox:
        patch.setenv("BIGQUERY_EMULATOR_HOST", fake.url)
        warehouse = f'\n[warehouse]\nurl = "bigquery://{fake.project}/company"\n'
        (folder / "fourkeys.toml").write_text(sandbox.config_text + warehouse, encoding="utf-8")
        given = [file for file in sandbox.write_files() if file.suffix == ".csv"]
        settings = config.load(folder / "fourkeys.toml", sandbox.environment)

        @contextmanager
        def opened() -> Iterator[BigQuery]:
            warehouse = new_warehouse(fake)
            yield warehouse
            warehouse.close()

        with opened() as warehouse:
            pipeline.load(warehouse, given, lambda _: None)
        nights = []
        duckdb = DuckDB(":memory:")
        pipeline.load(duckdb, given, lambda _: None)
        for _ in range(2):
            before, night = len(fake.calls), Night([])
            out, say = folder / "data", night.said.append
            pipeline.run(pipeline.Night(opened, settings, sandbox.environment, Window(), out, NOW, say))
            night.calls = fake.calls[before:]
            nights.append(night)
            if len(nights) == 1:
                for source in ("ghes", "heroku", "incidents", "requests"):
                    pipeline.load(duckdb, [folder / "data" / source], lambda _: None)
                pipeline.build(duckdb, settings, NOW)
        first, end = sandbox.window
        mart = fake.engine.datasets["company"].tables
        yield Ran(fake, folder, settings, nights, duckdb, dict(mart), Query(start=first, end=end))
    duckdb.close()
    patch.undo()


def told(calls: list[str]) -> str:
    """Write calls so that a difference can be read: repeated ones once, with their number."""
    return "\n".join(f"{len(list(same))} {name}" for name, same in groupby(calls))


def test_the_calls_of_a_night(ran: Ran) -> None:
    """The whole sequence: each source asks for watermarks and loads its files; then catalog, links and views."""
    expected = (
        OPENED + READ                          # watermarks
        + OPENED + LOAD * GHES_FILES           # GHES
        + OPENED + READ                        # watermarks
        + READ                                 # known commits
        + OPENED + LOAD                        # Heroku
        + OPENED + READ + OPENED + LOAD * 2    # incidents and their events
        + OPENED + READ + OPENED + LOAD        # counts of requests
        + OPENED + CATALOG + VIEWS + READ      # the views that rename; deployed commits that are not known: none
        + OPENED + CATALOG + ["tables.list company"] + READ * 2  # deployments, commits for abbreviations
        + READ * 2                             # links, boundaries
        + READ                                 # commits of what is swept
        + REPLACED + SCRIPT + REPLACED         # commits, no boundaries, links
        + ["tables.list company"] + VIEWS      # what is there, and how it is clustered
    )  # fmt: skip

    assert told(expected) == told(ran.nights[0].calls)
    assert 0 == ran.nights[1].calls.count("storage.insert")


def test_a_second_night_changes_nothing(ran: Ran) -> None:
    """Nothing is new, no link is written, and the figures stay."""
    assert not [said for said in ran.nights[1].said if " rows read" in said and ", 0 new," not in said]
    assert "593 deployments of 6 services, 0 linked now" in ran.nights[1].said[-1]


def test_a_second_night_makes_no_view_again(ran: Ran) -> None:
    """Views stay as they are; tables are made anew, but for the one that keeps what holds."""
    last = [text for text in ran.scripts() if text.count("create or replace") > 1][-1]
    heads = [line for line in last.splitlines() if line.startswith(("create or replace", "delete", "insert"))]
    mart = "`test-project`.`company`"
    names = ", ".join(f"`{name}`" for name in models()["int_four_keys"].columns)
    stored = [view.name for view in views() if models()[view.name].materialized == "table"]
    new = {name: [f"create or replace table {mart}.{name} ("] for name in stored}
    new["int_four_keys"] = [f"delete from {mart}.int_four_keys as held", f"insert into {mart}.int_four_keys ({names})"]

    assert [head for name in stored for head in new[name]] == heads


@pytest.mark.parametrize("by", ["total", "month"])
def test_metrics_are_duckdbs(ran: Ran, by: Any) -> None:
    """Every figure of every service and period is DuckDB's."""
    query = Query(start=ran.window.start, end=ran.window.end, by=by)
    expected = measure(ran.duckdb, ran.settings.metrics, query, NOW)
    found = measure(new_warehouse(ran.fake), ran.settings.metrics, query, NOW)

    assert len(expected) >= 6
    assert len(expected) == len(found)
    for theirs, ours in zip(expected, found, strict=True):
        assert list(theirs) == list(ours)
        assert [] == [(key, value, ours[key]) for key, value in theirs.items() if not same(value, ours[key])]


@pytest.mark.parametrize("view", [view.name for view in views()])
def test_views_are_duckdbs(ran: Ran, view: str) -> None:
    """Each view has DuckDB's rows."""
    columns = ", ".join(models()[view].columns)
    sql = "select {} from {}.{}"
    expected = list(ran.duckdb.stream(sql.format(columns, ran.duckdb.names["mart"], view)))
    warehouse = new_warehouse(ran.fake)
    found = list(warehouse.stream(sql.format(columns, warehouse.names["mart"], view)))

    assert len(expected) == len(found)
    for theirs, ours in zip(sorted(expected, key=repr_of), sorted(found, key=repr_of), strict=True):
        assert all(map(same, theirs, ours)), (theirs, ours)


def test_everything_in_the_mart_is_described(ran: Ran) -> None:
    """Views and materialised tables, and each of their columns, say what they are; all are labelled."""
    assert {view.name for view in views()} == set(ran.tables)
    assert {model: its.materialized.upper() for model, its in models().items()} == {
        name: table.kind for name, table in ran.tables.items()
    }
    assert [] == [name for name, table in ran.tables.items() if not table.description]
    assert [] == [f["name"] for table in ran.tables.values() for f in table.fields if not f["description"]]
    assert {"fourkeys"} == {table.labels["managed_by"] for table in ran.tables.values()}


def test_stored_tables_are_clustered(ran: Ran) -> None:
    """Stored tables keep rows of a service together, and periods by their grain first."""
    stored = {name: model.columns for name, model in models().items() if model.materialized == "table"}

    assert ["grain", "service"] == ran.tables["int_four_keys"].clustering
    assert {name: [by for by in ("grain", "service") if by in columns] for name, columns in stored.items()} == {
        name: ran.tables[name].clustering for name in stored
    }


def test_a_table_with_another_clustering_is_made_anew(ran: Ran) -> None:
    """BigQuery refuses to replace it, so that it is dropped first; its figures are those that it had."""
    warehouse = new_warehouse(ran.fake)
    mart = ran.fake.engine.datasets["company"].tables
    sql = f"select * from {warehouse.names['mart']}.int_deployments order by service, deployment_id"
    before = list(warehouse.stream(sql))
    mart["int_deployments"].clustering = []

    pipeline.build(warehouse, ran.settings, NOW)

    assert ["service"] == mart["int_deployments"].clustering
    assert before == list(warehouse.stream(sql))


def test_within_bigquerys_limits(ran: Ran) -> None:
    """A script is under a megabyte, a description under 1,024 characters, a chain of views under 16 levels."""
    columns = [c.description for s in (STREAMS | DERIVED).values() for c in s.columns]
    columns += [column.description for model in models().values() for column in model.columns.values()]
    depth: dict[str, int] = {}
    for view in views():
        below = max((depth[name] for name in view.reads), default=0)
        depth[view.name] = 0 if models()[view.name].materialized == "table" else 1 + below

    assert 1_000_000 > max(map(len, ran.scripts()))
    assert 1_024 > max(map(len, columns))
    assert 16 > max(depth.values())


def repr_of(row: tuple[Any, ...]) -> str:
    """Order rows by all but floats."""
    return repr([value.timestamp() if hasattr(value, "timestamp") else value for value in row
                 if not isinstance(value, float)])  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, floats to 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)

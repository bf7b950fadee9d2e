"""The views on Google's own engine: what BigQuery would take, with the same rows as DuckDB (`make test-sql`)."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("zetasql", reason="needs the dependency group `sql`: make test-sql")

from expectations import assert_figures, assert_views
from worlds import build_world, day, groups, load_yaml, merge, renamed
from zetasql_engine import Refused, ZetaSQL

from fourkeys.config import Metrics
from fourkeys.mart.metrics import ASKED, FIGURES, asked
from fourkeys.mart.views import models, render, settings, sql_folder, views
from fourkeys.streams import DERIVED, STREAMS

pytestmark = pytest.mark.zetasql

HERE = Path(__file__).parent
NAMES = {"raw": "raw", "mart": "mart"}
FIXTURE = load_yaml(HERE / "fixture.yaml")
GOLDEN = {file.stem: load_yaml(file) for file in sorted((HERE.parent / "golden").glob("*.yaml"))}
FIXTURES = ["fixture Europe/Berlin", "fixture Asia/Tokyo", "fixture Australia/Sydney"]
COMPANIES = [*FIXTURES, *groups(GOLDEN)]
SOON = datetime(2024, 4, 8, tzinfo=UTC)  # few empty periods after what happens in the scenarios: ZetaSQL is slow


Window = tuple[str, date, date]


class Company:
    """One world, built on both engines."""

    def __init__(self, world: dict[str, Any], folder: Path, engine: ZetaSQL, windows: list[Window]) -> None:
        self.duckdb, config = build_world(world, folder)
        self.values, self.engine = settings(config.metrics, world["now"]), engine
        for name, columns in raw_tables().items():
            rows = list(self.duckdb.stream(f"select * from raw.{name}"))
            engine.put(f"raw.{name}", columns, [tuple(map(utc, row)) for row in rows])
        self.built: dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]] = {}
        for view in views():
            columns, rows = engine.query(render(view.text, NAMES, self.values))
            engine.put(f"mart.{view.name}", columns, rows)
            self.built[view.name] = columns, rows
        self.figures = {row["service"]: row for row in self._measure(windows)} if windows else {}

    def read(self, view: str) -> list[dict[str, Any]]:
        """Return the rows of a view."""
        columns, rows = self.built[view]
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _measure(self, windows: list[Window]) -> list[dict[str, Any]]:
        """Return the figures for windows of services, as `fourkeys metrics` asks for them."""
        periods = ASKED.replace("?", f"'{asked(windows)}'")
        text = next(view.text for view in views() if view.name == "int_four_keys")
        columns, rows = self.engine.query(render(text, NAMES, self.values, periods))
        return [dict(zip(columns, row, strict=True)) for row in rows]


def measured(name: str) -> str:
    """Name the service that a scenario measures, in the world that holds them all."""
    return f"{name.lower()}-{GOLDEN[name]['expect']['service']}"


def raw_tables() -> dict[str, dict[str, str]]:
    """The columns of the raw tables, as BigQuery has them."""
    return {
        name: {column.name: column.type.bigquery for column in stream.columns}
        for name, stream in (STREAMS | DERIVED).items()
    }


def utc(value: Any) -> Any:
    """Compare and write times as UTC; DuckDB gives them in the session's zone."""
    return value.astimezone(UTC) if hasattr(value, "tzinfo") and value.tzinfo else value


@pytest.fixture(scope="module")
def engine() -> ZetaSQL:
    """ZetaSQL with the stream contract as tables, and each view's columns once it has been analysed."""
    engine = ZetaSQL()
    for name, columns in raw_tables().items():
        engine.put(f"raw.{name}", columns)
    for view in views():
        engine.put(f"mart.{view.name}", {name: column.type for name, column in models()[view.name].columns.items()})
    return engine


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Companies by name, each built once."""
    engines = ZetaSQL()

    @cache
    def build(name: str) -> Company:
        if name.startswith("fixture"):
            world = FIXTURE | {"metrics": FIXTURE["metrics"] | {"timezone": name.split()[1]}}
            return Company(world, tmp_path_factory.mktemp("company"), engines, [])
        chosen = groups(GOLDEN)[name]
        windows = [
            (measured(key), day(each["window"]["from"]), day(each["window"]["to"])) for key, each in chosen.items()
        ]
        return Company(merge(chosen) | {"now": SOON}, tmp_path_factory.mktemp("company"), engines, windows)

    return build


@pytest.mark.parametrize("name", [view.name for view in views()])
def test_analysis(name: str, engine: ZetaSQL) -> None:
    """BigQuery's analyzer takes the view, with the columns and types that are written down."""
    view = next(view for view in views() if view.name == name)
    query = render(view.text, NAMES, settings(Metrics(), SOON))
    columns, aggregates = engine.analyze(f"create or replace view mart.{name} as\n{query}")

    assert {key: column.type for key, column in models()[name].columns.items()} == columns
    assert list(models()[name].columns) == list(columns)
    # ZetaSQL takes these as plain aggregates; BigQuery wants `over`, and has no exact median otherwise.
    assert not [function for function in aggregates if function.startswith(("percentile_", "approx_"))]


def test_refusal(engine: ZetaSQL) -> None:
    """What BigQuery refuses is refused here, with its place."""
    with pytest.raises(Refused, match=r"Unrecognized name: shaa; Did you mean sha\? \[at 1:8\]"):
        engine.analyze("select shaa from raw.ghes_commits")
    with pytest.raises(Refused, match="No matching signature for operator ="):
        engine.analyze("select * from raw.ghes_commits where sha = 1")


def test_behaviour_log(engine: ZetaSQL) -> None:
    """BigQuery's analyzer takes the statement that counts requests from a behaviour log, with its two parameters."""
    statement = (sql_folder() / "extra" / "request_counts.sql").read_text(encoding="utf-8")
    columns = {"service": "STRING", "ts": "TIMESTAMP", "status": "INT64", "duration_ms": "INT64"}
    engine.put("behaviour.requests", columns)
    window = {"since": "TIMESTAMP", "until": "TIMESTAMP"}

    engine.analyze(statement, window)
    with pytest.raises(Refused, match="since"):
        engine.analyze(statement)
    with pytest.raises(Refused, match="extracted"):
        engine.analyze(statement.replace("extracted_at)", "extracted)"), window)


@pytest.mark.parametrize("name", [view.name for view in views()])
@pytest.mark.parametrize("place", COMPANIES)
def test_same_rows(place: str, name: str, company: Any) -> None:
    """ZetaSQL's reference implementation gives the rows that DuckDB gives."""
    built = company(place)
    columns, rows = built.built[name]
    held = [tuple(map(utc, row)) for row in built.duckdb.stream(f"select {', '.join(columns)} from main.{name}")]

    assert_same(rows, held)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, company: Any) -> None:
    """The figures of a scenario are, on ZetaSQL too, those worked out by hand."""
    world = GOLDEN[name]
    built = company(json.dumps(world.get("metrics", {}), sort_keys=True))
    views = {view: rows for view, rows in world.get("views", {}).items() if "company" not in view}
    own = {view: [row for row in rows if row.get("service") != "unmapped"] for view, rows in views.items()}

    assert set(world["expect"]) <= {"service", *FIGURES}
    assert_figures(renamed(world["expect"], name), built.figures[measured(name)])
    assert_views(renamed(own, name), built.read)


def assert_same(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    """Compare rows in no order; floats to 1e-9."""
    assert len(ours) == len(theirs)
    for one, other in zip(sorted(ours, key=order), sorted(theirs, key=order), strict=True):
        assert all(map(same, one, other)), (one, other)


def order(row: tuple[Any, ...]) -> tuple[tuple[bool, str], ...]:
    """Sort by all that is exact first, then by floats as far as they are sure."""
    exact = [(value is None, str(value)) for value in row if not isinstance(value, float)]
    return tuple(exact) + tuple((False, f"{value:.6e}") for value in row if isinstance(value, float))


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, floats to 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other) and (one is None) == (other is None)

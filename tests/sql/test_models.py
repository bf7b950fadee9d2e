"""What `sql/models.yml` says of the views is what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from worlds import build_world, load_yaml

from fourkeys.mart.views import models, views

if TYPE_CHECKING:
    from fourkeys.warehouses.duckdb import DuckDB

BIGQUERY = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "DATE": "DATE",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "VARCHAR[]": "ARRAY<STRING>",
}
NAMES = [view.name for view in views()]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> DuckDB:
    """The fixture's company, built."""
    world = load_yaml(Path(__file__).with_name("fixture.yaml"))
    return build_world(world, tmp_path_factory.mktemp("fixture"))[0]


def test_every_file_is_described() -> None:
    """Each SQL file has an entry, and each entry a file."""
    assert set(NAMES) == set(models())


@pytest.mark.parametrize("name", NAMES)
def test_columns(name: str, warehouse: DuckDB) -> None:
    """The columns, their order and their types are those that are written down."""
    rows = warehouse._connection.execute(f"describe main.{name}").fetchall()

    assert {column: kind.type for column, kind in models()[name].columns.items()} == {
        column: BIGQUERY.get(kind, kind) for column, kind, *_ in rows
    }
    assert list(models()[name].columns) == [row[0] for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_storage(name: str, warehouse: DuckDB) -> None:
    """A view is stored as a table where the entry says so, and only there."""
    assert models()[name].materialized == warehouse.relations()[name].kind


@pytest.mark.parametrize("name", NAMES)
def test_grain(name: str, warehouse: DuckDB) -> None:
    """The key is never null and identifies a row; the fixture gives every view at least two rows."""
    key = ", ".join(f'"{column}"' for column in models()[name].key)
    missing = " or ".join(f'"{column}" is null' for column in models()[name].key)
    sql = (
        f"select count(*) as n, count(distinct ({key})) as keys, count(*) filter ({missing}) as nulls from main.{name}"
    )
    rows, keys, nulls = warehouse._connection.execute(sql).fetchall()[0]

    assert rows >= 2
    assert rows == keys
    assert nulls == 0


@pytest.mark.parametrize("name", NAMES)
def test_descriptions(name: str) -> None:
    """The description says the grain, and durations say their unit."""
    model = models()[name]

    assert model.description.startswith("One row per ")
    assert set(model.key) <= set(model.columns)
    assert all(column.description for column in model.columns.values())
    assert all("hours" in column.description for key, column in model.columns.items() if "_hours" in key)

"""The catalogue: tbls's schema and configuration, and what `fourkeys schema` prints of streams and views."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from fourkeys.cli._app import app
from fourkeys.mart import lineage, tbls, views
from fourkeys.streams import DERIVED, STREAMS


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A part of tbls's JSON Schema, in our words: nothing but its properties may stand there."""


class Label(Strict):
    """A label."""

    name: str
    virtual: bool = False


class Column(Strict):
    """A column."""

    name: str
    type: str
    nullable: bool
    comment: str = ""


class Constraint(Strict):
    """A constraint; a key here."""

    name: str
    type: str
    definition: str = msgspec.field(name="def")
    table: str
    columns: list[str]


class Table(Strict):
    """A table or view."""

    name: str
    type: str
    columns: list[Column]
    comment: str = ""
    constraints: list[Constraint] = []
    definition: str = msgspec.field(name="def", default="")
    labels: list[Label] = []
    referenced_tables: list[str] = []


class Relation(Strict):
    """A relation; of the cardinalities, the two that we write."""

    table: str
    columns: list[str]
    parent_table: str
    parent_columns: list[str]
    definition: str = msgspec.field(name="def")
    cardinality: str = ""
    parent_cardinality: str = ""
    virtual: bool = False


class Viewpoint(Strict):
    """A viewpoint."""

    name: str
    desc: str
    tables: list[str] = []


class Driver(Strict):
    """What made the schema."""

    name: str


class Schema(Strict):
    """A whole `schema.json`."""

    tables: list[Table]
    name: str = ""
    desc: str = ""
    relations: list[Relation] = []
    driver: Driver = msgspec.field(default_factory=lambda: Driver("none"))
    labels: list[Label] = []
    viewpoints: list[Viewpoint] = []


@pytest.fixture(scope="module")
def graph() -> lineage.Lineage:
    """Return the lineage of all views."""
    return lineage.read()


@pytest.fixture(scope="module")
def schema(graph: lineage.Lineage) -> Schema:
    """Return the schema, read strictly: a field that tbls does not know, or a wrong type, is an error."""
    return msgspec.json.decode(json.dumps(tbls.schema(graph)), type=Schema)


def test_tbls_has_every_table_and_a_word_for_each_column(schema: Schema) -> None:
    """All streams, derived tables and views are there, and everything is described."""
    assert {f"raw.{name}" for name in STREAMS | DERIVED} | {view.name for view in views.views()} == {
        table.name for table in schema.tables
    }
    assert [] == [table.name for table in schema.tables if not (table.comment and table.labels)]
    assert [] == [(t.name, c.name) for t in schema.tables for c in t.columns if not c.comment]


def test_relations_name_what_is_there(schema: Schema) -> None:
    """Each relation names columns of its tables, as many on both sides, with a cardinality that tbls knows."""
    columns = {table.name: {column.name for column in table.columns} for table in schema.tables}
    types = {(table.name, column.name): column.type for table in schema.tables for column in table.columns}

    for each in schema.relations:
        assert set(each.columns) <= columns[each.table], each
        assert set(each.parent_columns) <= columns[each.parent_table], each
        assert [types[each.table, name] for name in each.columns] == [
            types[each.parent_table, name] for name in each.parent_columns
        ]
        assert {each.cardinality, each.parent_cardinality} <= {"zero_or_one", "exactly_one", "zero_or_more"}
    related = {name for each in schema.relations for name in (each.table, each.parent_table)}
    assert {f"raw.{s.name}" for s in STREAMS.values() if s.source == "ghes"} <= related


def test_viewpoints_show_every_table(schema: Schema) -> None:
    """Each table is in a viewpoint, and each name or pattern of a viewpoint means one."""
    names = [table.name for table in schema.tables]
    patterns = [pattern for each in schema.viewpoints for pattern in each.tables]

    assert [] == [name for name in names if not any(fnmatch(name, pattern) for pattern in patterns)]
    assert [] == [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in names)]
    assert set(lineage.HEADLINES.values()) <= {each.name.lower() for each in schema.viewpoints}


def test_views_reference_what_they_read(schema: Schema) -> None:
    """The tables that a view names are those of its SQL."""
    names = {table.name for table in schema.tables}
    found = {table.name: set(table.referenced_tables) for table in schema.tables}

    assert all(tables <= names for tables in found.values())
    assert {"raw.ghes_commits"} == found["stg_commits"]
    assert "int_four_keys" in found["four_keys_weekly"]


def test_the_configuration_says_the_same(graph: lineage.Lineage, schema: Schema) -> None:
    """`.tbls.yml` has the same relations and viewpoints, and reads the schema beside it."""
    document = msgspec.yaml.decode(msgspec.yaml.encode(tbls.config(graph)))

    assert "json://schema.json" == document["dsn"]
    assert [(r.table, r.columns, r.parent_table, r.parent_columns) for r in schema.relations] == [
        (r["table"], r["columns"], r["parentTable"], r["parentColumns"]) for r in document["relations"]
    ]
    assert [(v.name, v.tables) for v in schema.viewpoints] == [(v["name"], v["tables"]) for v in document["viewpoints"]]


def printed(*arguments: str) -> tuple[int, str, Any]:
    """Run `fourkeys schema`; returns its exit code, what it printed, and its error."""
    result = CliRunner().invoke(app, ["schema", *arguments])
    return result.exit_code, result.stdout, result.exception


def test_markdown_has_streams_and_views() -> None:
    """Without names, all of both; with names, these alone."""
    whole = printed("--format", "markdown")[1]
    some = printed("releases", "four_keys_weekly")[1]

    assert all(f"## {name}\n" in whole for name in [*STREAMS, *views.models()])
    assert ["## ghes_releases", "## four_keys_weekly"] == [line for line in some.splitlines() if line[:2] == "##"]
    assert "| change_failure_rate | FLOAT64 | " in some


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "tbls", "issues"), "takes no names"),
        (("--format", "bigquery", "four_keys_weekly"), "is a view"),
        (("isues",), "unknown stream"),
    ],
)
def test_what_cannot_be_printed_is_said(arguments: tuple[str, ...], says: str) -> None:
    """Names that a format cannot take are refused."""
    code, out, error = printed(*arguments)

    assert (1, "") == (code, out)
    assert says in str(error)

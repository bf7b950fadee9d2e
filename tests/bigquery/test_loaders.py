"""The CSV files as other programs load them: pandas, DuckDB, `bq load` with the printed schema, Embulk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cloud_sdk
import duckdb
import msgspec
import pandas as pd
import pytest
from fake_engine import TYPES
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from fourkeys.cli import _loaders
from fourkeys.files import Dialect
from fourkeys.streams import STREAMS, Type

if TYPE_CHECKING:
    from pathlib import Path

    from fake_bigquery import FakeBigQuery

    from fourkeys.streams import Stream

AWKWARD = 'a "quote", a comma\r\nand lines\n🎉 \\n \\" NULL 007'
VALUES: dict[Type, tuple[Any, Any]] = {
    Type.STRING: (AWKWARD, ""),
    Type.JSON: (['"', "\\"], []),
    Type.INTEGER: (2**53 + 1, -1),
    Type.FLOAT: (0.1, 12.5),
    Type.BOOLEAN: (True, False),
    Type.TIMESTAMP: (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), datetime(1999, 12, 31, tzinfo=UTC)),
}
OPTIONS = {
    "type", "columns", "header_line", "skip_header_lines", "delimiter", "quote", "escape", "null_string",
    "trim_if_not_quoted", "quotes_in_quoted_fields", "max_quoted_size_limit", "comment_line_marker",
    "allow_optional_columns", "allow_extra_columns", "stop_on_invalid_record", "charset", "newline",
    "line_delimiter_recognized", "default_timezone", "default_timestamp_format", "default_date",
}  # fmt: skip
"""What embulk-parser-csv reads."""


def rows_of(stream: Stream) -> list[tuple[Any, ...]]:
    """Return three records: awkward values, empty and small ones, and NULL wherever there may be one."""
    whole = [tuple(VALUES[column.type][number] for column in stream.columns) for number in range(2)]
    return [*whole, tuple(VALUES[c.type][1] if c.name in stream.key else None for c in stream.columns)]


def held(stream: Stream) -> list[tuple[Any, ...]]:
    """Return the same records as any loader must hold them: JSON is text."""
    return [
        tuple(msgspec.json.encode(value).decode() if isinstance(value, list) else value for value in row)
        for row in rows_of(stream)
    ]


def write(stream: Stream, folder: Path) -> Path:
    """Write the records as `extract` does."""
    dialect = Dialect(stream)
    file = folder / f"{stream.name}.csv"
    file.write_bytes(dialect.header + dialect.encode(rows_of(stream))[0])
    return file


@pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))
def test_duckdb(stream: Stream, tmp_path: Path) -> None:
    """DuckDB's COPY into the printed table holds every value, NULL and "" apart."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(_loaders.duckdb(stream))
    connection.execute(f"copy {stream.name} from '{write(stream, tmp_path)}' (header, nullstr '', escape '\"', "
                       "quote '\"', delim ',', allow_quoted_nulls false, auto_detect false)")  # fmt: skip

    assert held(stream) == connection.sql(f"from {stream.name}").fetchall()


@pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))
def test_pandas(stream: Stream, tmp_path: Path) -> None:
    """Pandas reads every value as it is; NULL and "" are one to it."""
    kinds = {Type.INTEGER: "Int64", Type.FLOAT: "Float64", Type.BOOLEAN: "boolean"}
    frame = pd.read_csv(
        write(stream, tmp_path),
        dtype={c.name: kinds.get(c.type, "string") for c in stream.columns},
        parse_dates=[c.name for c in stream.columns if c.type is Type.TIMESTAMP],
        date_format="ISO8601",
        keep_default_na=False,
        na_values=[""],
    )
    plain = frame.astype(object).where(frame.notna(), None)
    found = [tuple(row) for row in plain.itertuples(index=False)]

    assert [tuple(None if value == "" else value for value in row) for row in held(stream)] == found


@pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))
def test_the_job_of_bq_load(stream: Stream, fake: FakeBigQuery, tmp_path: Path) -> None:
    """A load job as `bq load` configures it, with the printed schema, holds every value."""
    fake.engine.run(f"create schema `{fake.project}`.`mine` options (location = 'US')", [])
    client = bigquery.Client(fake.project, AnonymousCredentials(), client_options={"api_endpoint": fake.url})
    config = bigquery.LoadJobConfig(
        schema=[
            bigquery.SchemaField.from_api_repr(field) for field in msgspec.json.decode(_loaders.bigquery([stream]))
        ],
        source_format="CSV",
        skip_leading_rows=1,
        allow_quoted_newlines=True,
        write_disposition="WRITE_TRUNCATE",
    )
    with write(stream, tmp_path).open("rb") as file:
        client.load_table_from_file(file, f"mine.{stream.name}", job_config=config).result()
    client.close()

    assert held(stream) == fake.engine.connection.sql(f"from mine.{stream.name}").fetchall()


@pytest.mark.bigquery
@pytest.mark.skipif(cloud_sdk.missing() is not None, reason=cloud_sdk.missing() or "")
def test_bq_load(fake: FakeBigQuery, tmp_path: Path) -> None:
    """The Cloud SDK's own `bq load` sends that job for every stream, and the rows are there."""
    fake.engine.run(f"create schema `{fake.project}`.`mine` options (location = 'US')", [])
    files = [(stream, write(stream, tmp_path)) for stream in STREAMS.values()]

    assert [] == cloud_sdk.load(fake.url, fake.project, "mine", files, tmp_path)
    for stream in STREAMS.values():
        assert held(stream) == fake.engine.connection.sql(f"from mine.{stream.name}").fetchall()


@pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))
def test_embulk(stream: Stream) -> None:
    """The configuration has only options that Embulk's parser reads, and all columns with types that fit."""
    document = msgspec.yaml.decode(_loaders.embulk(stream))
    parser, target = document["in"]["parser"], document["out"]
    pairs = list(zip(parser["columns"], target["column_options"], stream.columns, strict=True))

    assert set(parser) <= OPTIONS
    assert ('"', None, 1, False) == tuple(parser[key] for key in ("quote", "escape", "skip_header_lines",
                                                                  "trim_if_not_quoted"))  # fmt: skip
    assert [c.name for c in stream.columns] == [column["name"] for column, _, _ in pairs]
    assert {"string", "long", "double", "boolean"} >= {column["type"] for column, _, _ in pairs}
    # What Embulk's output plugin can make of each type, and no type that BigQuery does not have.
    known = {"string": {"STRING", "TIMESTAMP"}, "long": {"INTEGER"}, "double": {"FLOAT"}, "boolean": {"BOOLEAN"}}
    assert all(option["type"] in known[column["type"]] for column, option, _ in pairs)
    assert all(TYPES[option["type"]] == TYPES[column.type.bigquery] for _, option, column in pairs)

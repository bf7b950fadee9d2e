"""The columns of streams as other loaders want them: BigQuery's `bq load`, Embulk, DuckDB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.streams import Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fourkeys.streams import Stream

_EMBULK = {
    Type.STRING: "string",
    Type.JSON: "string",
    Type.INTEGER: "long",
    Type.FLOAT: "double",
    Type.BOOLEAN: "boolean",
    Type.TIMESTAMP: "string",
}
"""Embulk's own timestamp wants one format for all values; BigQuery reads RFC 3339 with and without fractions."""
_LARGEST_FIELD = 104_857_600


def bigquery(streams: Sequence[Stream]) -> str:
    """Return JSON: the list of fields of one stream, as a file for `bq load`; of several, by their names."""
    fields = {stream.name: _fields(stream) for stream in streams}
    document: Any = next(iter(fields.values())) if len(fields) == 1 else fields
    return json.dumps(document, indent=2)


def embulk(stream: Stream) -> str:
    """Return YAML: a configuration of Embulk that reads the stream's file and replaces a table of BigQuery with it."""
    parser = {
        "type": "csv",
        "charset": "UTF-8",
        "newline": "LF",
        "delimiter": ",",
        "quote": '"',
        "escape": None,  # a backslash is a backslash; a quote is doubled
        "quotes_in_quoted_fields": "ACCEPT_ONLY_RFC4180_ESCAPED",
        "max_quoted_size_limit": _LARGEST_FIELD,
        "trim_if_not_quoted": False,
        "skip_header_lines": 1,
        "allow_optional_columns": False,
        "allow_extra_columns": False,
        "stop_on_invalid_record": True,
        "columns": [{"name": column.name, "type": _EMBULK[column.type]} for column in stream.columns],
    }
    options = [
        {
            "name": field["name"],
            "type": _LEGACY.get(field["type"], field["type"]),
            "mode": field["mode"],
            "description": field["description"],
        }
        for field in _fields(stream)
    ]
    target = {
        "type": "bigquery",
        "mode": "replace",
        "auth_method": "application_default",
        "project": "my-project",
        "dataset": "my_dataset",
        "table": stream.name,
        "auto_create_table": True,
        "source_format": "NEWLINE_DELIMITED_JSON",  # the only one of Embulk's that tells "" from NULL
        "column_options": options,
    }
    source = {"type": "file", "path_prefix": f"data/{stream.name}.csv", "parser": parser}
    return msgspec.yaml.encode({"in": source, "out": target}).decode()


_LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
"""Embulk's plugin knows types by BigQuery's older names."""


def duckdb(stream: Stream) -> str:
    """Return the statement that makes the stream's table in DuckDB."""
    lines = ",\n".join(f'    "{column.name}" {column.type.duckdb}' for column in stream.columns)
    return f"create table if not exists {stream.name} (\n{lines}\n);"


def _fields(stream: Stream) -> list[dict[str, str]]:
    return [
        {
            "name": column.name,
            "type": column.type.bigquery,
            "mode": "REQUIRED" if column.name in stream.key else "NULLABLE",
            "description": column.description,
        }
        for column in stream.columns
    ]

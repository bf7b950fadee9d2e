"""The SQL by which DuckDB reads a CSV as texts, finds those that are no value of their column, and casts the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fourkeys.streams import Stream, Type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MOMENT = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?([Zz]|UTC|[+-][0-9]{2}(:?[0-9]{2}(:[0-9]{2})?)?))?)?"
)
_FITS = {
    Type.INTEGER: "regexp_full_match({text}, '[+-]?[0-9]+')",
    Type.FLOAT: "isfinite({value})",
    Type.TIMESTAMP: (
        "{value} between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00' "
        "and regexp_full_match({text}, '{moment}')"
    ),
}
"""What DuckDB's casts let through: 1.5 as the number 2, no number as one, the year 6, T002:00."""


def read(file: Path, header: Sequence[str]) -> str:
    """Return the table function that reads *file* as text; an empty unquoted field is NULL, `""` is empty."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in header)
    path = str(file).replace("'", "''")
    return (
        f"read_csv('{path}', header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{columns}}}, "
        "nullstr = '', allow_quoted_nulls = false, strict_mode = true, auto_detect = false, "
        "max_line_size = 100000000)"
    )


def bad(name: str, kind: Type, *, required: bool) -> str:
    """Return the SQL condition under which a text is no value of *kind*; empty where every text is one."""
    tests = [f'"{name}" is null'] if required else []
    if kind is Type.JSON:
        tests.append(f'("{name}" is not null and not json_valid("{name}"))')
    elif kind is not Type.STRING:
        value = f'try_cast("{name}" as {kind.duckdb})'
        fits = _FITS.get(kind, "true").format(text=f'"{name}"', value=value, moment=_MOMENT)
        tests.append(f'("{name}" is not null and not coalesce({value} is not null and {fits}, false))')
    return " or ".join(tests)


def typed(stream: Stream, header: Sequence[str], written_at: str | None = None) -> str:
    """Return the query that casts `texts` to the stream's types.

    Columns that are missing are NULL, but for `extracted_at`, where it is known when the file was written.
    """
    known = {name: f'"{name}"' for name in header}
    if written_at:
        known.setdefault("extracted_at", f"'{written_at}'")
    parts = [
        f'cast({known.get(column.name, "null")} as {column.type.duckdb}) as "{column.name}"'
        for column in stream.columns
    ]
    return f"select {', '.join(parts)} from texts"


def misfit(message: str) -> str:
    """Say line and cause of what DuckDB finds wrong with a CSV; empty where its message is another one."""
    found = re.search(r"CSV Error on Line: (\d+)\nOriginal Line:[^\n]*\n(.*?)\nPossible", message, re.DOTALL)
    return f", line {found[1]}: {' '.join(found[2].split())}" if found else ""

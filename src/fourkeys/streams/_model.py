"""What a stream and a column are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec

Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that a table can hold, for the records of sources."""


class Type(StrEnum):
    """The types of the contract; the value is BigQuery's name, except for JSON, which is kept as text."""

    STRING = "STRING"
    INTEGER = "INT64"
    FLOAT = "FLOAT64"
    BOOLEAN = "BOOL"
    TIMESTAMP = "TIMESTAMP"
    JSON = "JSON"

    @property
    def bigquery(self) -> str:
        """BigQuery's type; JSON lists and objects are STRING there, so that any loader can write them."""
        return "STRING" if self is Type.JSON else self.value

    @property
    def duckdb(self) -> str:
        """DuckDB's type."""
        return _DUCKDB[self]


_DUCKDB = {
    Type.STRING: "VARCHAR",
    Type.INTEGER: "BIGINT",
    Type.FLOAT: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN",
    Type.TIMESTAMP: "TIMESTAMPTZ",
    Type.JSON: "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream.

    Attributes:
        name: as in the CSV header and in the table.
        type: one of the contract's types.
        description: what the value is, in one line; units where it has one.
    """

    name: str
    type: Type
    description: str


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record from one source.

    Attributes:
        name: of the stream, its CSV file and its raw table.
        source: the outside system that it comes from, or `manual` and `catalog`.
        description: one record, in one line.
        key: the columns that identify a record; rows are merged by them.
        columns: all columns in CSV order; the last is `extracted_at`.
        cursor: the time column that tells when a record was new or changed; partitions are cut by it.
        settled: a column that is known once and for all: a row that knows it wins over a newer one that does not.
            succeeded and failed are known, expired says that it was not seen in time.
    """

    name: str
    source: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    cursor: str | None = None
    settled: str | None = None

    @property
    def header(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def newest_by(self) -> tuple[str, ...]:
        """The columns that decide, in order, which of two rows with one key is newer."""
        return tuple(name for name in ("updated_at", "extracted_at") if name in self.header)

    def column(self, name: str) -> Column:
        """Return the column called *name*; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def columns(spec: str) -> tuple[Column, ...]:
    """Parse a table of columns: `name type description`, one a line."""
    rows = [line.split(None, 2) for line in spec.strip().splitlines() if line.strip()]
    return tuple(Column(name, _SHORT[kind], description) for name, kind, description in rows)


_SHORT = {
    "text": Type.STRING,
    "int": Type.INTEGER,
    "float": Type.FLOAT,
    "bool": Type.BOOLEAN,
    "time": Type.TIMESTAMP,
    "json": Type.JSON,
}

EXTRACTED_AT = Column("extracted_at", Type.TIMESTAMP, "When this row was read from its source (the source's clock)")

"""Every statement that fourkeys itself writes for BigQuery, as GoogleSQL; pure text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fourkeys.streams import DERIVED, STREAMS
from fourkeys.warehouses.merging import ages, newer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fourkeys.streams import Column, Stream
    from fourkeys.warehouses.base import Definition

LABELS = {"managed_by": "fourkeys"}
TABLES: dict[str, Stream] = STREAMS | DERIVED
WATERMARKS = "watermarks"

_MOST_CLUSTERED = 4


def shape(stream: Stream) -> str:
    """Return a label's value that changes with the stream's columns: a table that lacks it lacks columns."""
    columns = ",".join(f"{column.name} {column.type.bigquery}" for column in stream.columns)
    return hashlib.sha256(columns.encode()).hexdigest()[:16]


def create_dataset(name: str, location: str, description: str) -> str:
    """Return the statement that makes a dataset where there is none."""
    options = f"location = {literal(location)}, description = {literal(description)}, {_labels(LABELS)}"
    return f"create schema if not exists {name}\noptions ({options})"


def create_table(raw: str, stream: Stream) -> str:
    """Return the statement that makes a stream's table: described, labelled, partitioned by month, clustered by key.

    Months, not days: one job may touch 4,000 partitions at most, and a first load may hold fifteen years.
    """
    columns = ",\n".join(f"  {_column(column, required=is_required(stream, column))}" for column in stream.columns)
    lines = [f"create table if not exists {raw}.{stream.name} (\n{columns}\n)"]
    if stream.cursor:
        lines.append(f"partition by timestamp_trunc(`{stream.cursor}`, month)")
    lines.append(f"cluster by {', '.join(f'`{name}`' for name in clustering(stream))}")
    description = literal(f"{stream.description}; key {', '.join(stream.key)}")
    lines.append(f"options (description = {description}, {_labels(LABELS | {'columns': shape(stream)})})")
    return "\n".join(lines)


def add_columns(raw: str, stream: Stream) -> list[str]:
    """Return the statements that give an older table the columns that it lacks."""
    table = f"{raw}.{stream.name}"
    added = ",\n".join(f"add column if not exists {_column(c, required=False)}" for c in stream.columns)
    labels = _labels(LABELS | {"columns": shape(stream)})
    return [f"alter table {table}\n{added}", f"alter table {table} set options ({labels})"]


def make(mart: str, its: Definition, *, moves: bool) -> list[str]:
    """Return the statements that make a view or a table of the mart; *moves* where it is there, clustered otherwise."""
    table = f"{mart}.{its.name}"
    if its.stale is not None:
        names = ", ".join(f"`{name}`" for name in its.columns)
        return [f"delete from {table} as held\nwhere {its.stale}", f"insert into {table} ({names})\n{its.query}"]
    columns = ",\n".join(
        f"  `{name}`{f' {kind}' if its.kind == 'table' else ''} options (description = {literal(description)})"
        for name, (kind, description) in its.columns.items()
    )
    clustered = f"cluster by {', '.join(its.clustered_by)}\n" if its.clustered_by else ""
    options = f"description = {literal(its.description)}, {_labels(LABELS | {'version': its.version})}"
    made = f"create or replace {its.kind} {table} (\n{columns}\n)\n{clustered}options ({options}) as\n{its.query}"
    return [f"drop table {table}", made] if moves else [made]


def is_required(stream: Stream, column: Column) -> bool:
    """Whether a value must be there: in the key of what users load."""
    return column.name in stream.key and stream.name in STREAMS


def clustering(stream: Stream) -> tuple[str, ...]:
    """Return the columns that a table is clustered by: its key without the host, which is mostly one."""
    return tuple(name for name in stream.key if name != "host")[:_MOST_CLUSTERED]


def merge(raw: str, stream: Stream, staging: str, header: Collection[str], written_at: str | None = None) -> str:
    """Return the statement that merges a staging table with the columns of *header* by key; the newest wins.

    Columns that are missing are NULL, but for `extracted_at`, where it is known when the file was written.
    """
    missing = {"extracted_at": f"timestamp {literal(written_at)}"} if written_at else {}
    given = ", ".join(
        f"`{column.name}`"
        if column.name in header
        else f"{missing.get(column.name, f'cast(null as {column.type.bigquery})')} as `{column.name}`"
        for column in stream.columns
    )
    keys = ", ".join(f"given.`{name}`" for name in stream.key)
    order = ", ".join(f"{age} desc" for age in ages(stream, "given"))
    same = " and ".join(f"held.`{name}` = incoming.`{name}`" for name in stream.key)
    return (
        f"merge into {raw}.{stream.name} as held\n"
        f"using (\n  select given.*\n  from (select {given} from {staging}) as given\n"
        f"  where true\n  qualify row_number() over (partition by {keys} order by {order}) = 1\n) as incoming\n"
        f"on {same}\n"
        f"when matched and {newer(stream, 'incoming', 'held')} then update set {_assignments(stream)}\n"
        f"when not matched then insert ({_names(stream)}) values ({_values(stream)})"
    )


def merge_watermarks(raw: str) -> str:
    """Return the statement that stores the parameter `@watermarks`; a watermark never moves back."""
    stream = DERIVED[WATERMARKS]
    marks = "select given.*, cast(null as timestamp) as extracted_at from unnest(@watermarks) as given"
    return (
        f"merge into {raw}.{WATERMARKS} as held\nusing ({marks}) as incoming\n"
        "on held.stream = incoming.stream and held.`partition` = incoming.`partition`\n"
        f"when matched and held.watermark <= incoming.watermark then update set {_assignments(stream)}\n"
        f"when not matched then insert ({_names(stream)}) values ({_values(stream)})"
    )


def replace(raw: str, stream: Stream, where: str, staging: str | None, header: Sequence[str]) -> Iterator[str]:
    """Yield the statements that put a staging table's rows in the place of those for which *where* holds."""
    if where != "false":
        yield f"delete from {raw}.{stream.name} where {where}"
    if staging:
        names = ", ".join(f"`{name}`" for name in header)
        yield f"insert into {raw}.{stream.name} ({names})\nselect {names} from {staging}"


def transaction(statements: Sequence[str], staging: str | None = None) -> list[str]:
    """Return the statements that do *statements* all or not at all, and then drop a staging table."""
    drop = [f"drop table if exists {staging}"] if staging else []
    return ["begin transaction", *statements, "commit transaction", *drop]


def tables(raw: str) -> Iterator[str]:
    """Yield the statements that make every raw table where it is missing."""
    for stream in TABLES.values():
        yield create_table(raw, stream)


def loads(raw: str) -> Iterator[str]:
    """Yield the statements of a load of every stream, each from its own table: to be rehearsed, not to be run."""
    for stream in STREAMS.values():
        yield merge(raw, stream, f"{raw}.{stream.name}", stream.header)
    yield merge_watermarks(raw)


def script(statements: Sequence[str]) -> str:
    """Return statements as one script."""
    return "".join(f"{statement};\n" for statement in statements)


def literal(text: str) -> str:
    """Write a text as a GoogleSQL literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _column(column: Column, *, required: bool) -> str:
    null = " not null" if required else ""
    return f"`{column.name}` {column.type.bigquery}{null} options (description = {literal(column.description)})"


def _labels(labels: dict[str, str]) -> str:
    pairs = ", ".join(f"({literal(name)}, {literal(value)})" for name, value in labels.items())
    return f"labels = [{pairs}]"


def _assignments(stream: Stream) -> str:
    return ", ".join(f"`{name}` = incoming.`{name}`" for name in stream.header if name not in stream.key)


def _names(stream: Stream) -> str:
    return ", ".join(f"`{name}`" for name in stream.header)


def _values(stream: Stream) -> str:
    return ", ".join(f"incoming.`{name}`" for name in stream.header)

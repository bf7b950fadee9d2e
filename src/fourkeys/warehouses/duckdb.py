"""The embedded warehouse: one DuckDB file, no account."""

from __future__ import annotations

import csv
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from fourkeys.errors import FileError, WarehouseError
from fourkeys.streams import DERIVED, STREAMS, Stream
from fourkeys.warehouses import texts
from fourkeys.warehouses.base import Held, Loaded, Row
from fourkeys.warehouses.googlesql import to_duckdb
from fourkeys.warehouses.header import NOTHING_LOADED, line_of_record, read_header, written_at
from fourkeys.warehouses.merging import ages
from fourkeys.window import Watermark, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fourkeys.warehouses.base import Definition

_NULL = r"\N"
_DISK = (duckdb.IOException, duckdb.FatalException, duckdb.OutOfMemoryException)
_ROOM = "make room on its disk, then run it again"
_MARK = "managed by fourkeys"
"""How the comment begins that tells what fourkeys made from what others keep in the same file."""


class DuckDB:
    """A DuckDB file as a warehouse: streams in the schema `raw`, the mart in `main`."""

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        """Open or make the file at *path*; `:memory:` keeps everything in memory.

        Raises:
            WarehouseError: the file is locked by another process, or is no DuckDB file.
        """
        self.path = path
        is_new = path != ":memory:" and not Path(path).exists()
        try:
            self._connection = duckdb.connect(path, read_only=read_only)
            self._connection.execute("set timezone = 'UTC'")
            if not read_only:
                self._create_tables()
        except duckdb.Error as error:
            locked = "lock on file" in str(error)
            hint = "another run has it open: wait for it, or use another file" if locked else "check the path"
            if is_new and not locked:
                with suppress(OSError):
                    Path(path).unlink()  # on a full disk it begins, and is no database
                    hint = _ROOM
            raise WarehouseError(f"duckdb:///{path}: {_first_line(error)}", hint) from None

    @property
    def names(self) -> Mapping[str, str]:
        """The namespaces as SQL names."""
        return {"raw": "raw", "mart": "main"}

    def load(self, stream: Stream, file: Path, watermarks: Sequence[Watermark] = ()) -> Loaded:
        """Merge a CSV file into the stream's table; see `Warehouse.load`."""
        header = read_header(stream, file)
        run = self._connection.execute
        try:
            with self._transaction():
                run(f"create or replace temp table texts as select * from {texts.read(file, header)}")
                self._refuse_bad_values(stream, header, file)
                run(f"create or replace temp table incoming as {texts.typed(stream, header, written_at(stream, file))}")
                read, new, changed = self._merge(stream)
                self._move_watermarks(watermarks)
                run("drop table texts; drop table incoming; drop table held; drop table newer")
        except _DISK as error:
            raise WarehouseError(f"duckdb:///{self.path}: {_first_line(error)}", _ROOM) from None
        except duckdb.Error as error:
            what = texts.misfit(str(error)) or f": {_first_line(error)}"
            raise FileError(f"{file}{what}", "it must be UTF-8 CSV as RFC 4180 has it") from None
        return Loaded(stream.name, read, new, changed)

    def replace(self, stream: Stream, rows: Iterable[Row], where: str = "true") -> None:
        """Put *rows* in the place of the table's rows for which *where* holds; see `Warehouse.replace`."""
        table, run = stream.name, self._connection.execute
        header = [name for name in stream.header if name != "extracted_at"]
        columns = ", ".join(f"'{name}': '{stream.column(name).type.duckdb}'" for name in header)
        with tempfile.TemporaryDirectory(prefix="fourkeys-") as folder:
            file = Path(folder) / "rows.csv"
            with file.open("w", encoding="utf-8", newline="") as text:
                writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL)
                writer.writerow(header)
                writer.writerows([_text(row.get(name)) for name in header] for row in rows)
            try:
                with self._transaction():
                    run(to_duckdb(f"delete from raw.{table} where {where}"))
                    run(
                        f"insert into raw.{table} ({', '.join(header)}) select * from read_csv(?, header = true, "
                        f"columns = {{{columns}}}, nullstr = '{_NULL}', quote = '\"', escape = '\"', "
                        "strict_mode = true, max_line_size = 100000000)",
                        [str(file)],
                    )
            except duckdb.Error as error:
                raise WarehouseError(f"duckdb:///{self.path}: {table}: {_first_line(error)}", _ROOM) from error

    def watermarks(self) -> dict[tuple[str, str], Watermark]:
        """All watermarks by stream and partition."""
        rows = self._connection.execute("select stream, partition, watermark, state from raw.watermarks").fetchall()
        return {(row[0], row[1]): Watermark(row[0], row[1], _utc(row[2]), row[3]) for row in rows}

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run GoogleSQL that reads, and return its rows."""
        with _interruptible():
            cursor = self._run(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, map(_utc, row), strict=True)) for row in cursor.fetchall()]

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run GoogleSQL that reads, and yield its rows as tuples, a chunk in memory at a time."""
        with _interruptible():
            cursor = self._run(sql, parameters)
            while rows := cursor.fetchmany(10_000):
                yield from rows

    def make(self, definitions: Sequence[Definition], gone: Mapping[str, str]) -> None:
        """Drop what is *gone*, then make views and tables, in one transaction; see `Warehouse.make`."""
        run = self._connection.execute
        try:
            with self._transaction(), ThreadPoolExecutor(1) as ahead:  # translates what comes next while DuckDB works
                for name, kind in gone.items():
                    run(f"drop {kind} main.{name}")
                queries = ahead.map(to_duckdb, [each.query for each in definitions])
                for each, query in zip(definitions, queries, strict=True):
                    if each.stale is None:
                        run(f"create or replace {each.kind} main.{each.name} as {query}")
                        run(f"comment on {each.kind} main.{each.name} is '{_MARK} {each.version}'")
                    else:
                        run(to_duckdb(f"delete from main.{each.name} as held where {each.stale}"))
                        run(f"insert into main.{each.name} ({', '.join(each.columns)}) {query}")
        except duckdb.Error as error:
            raise WarehouseError(f"duckdb:///{self.path}: {_first_line(error)}", "`fourkeys build` again") from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do all or nothing."""
        with _interruptible():
            self._connection.execute("begin")
            try:
                yield
                self._connection.execute("commit")
            except BaseException:
                with suppress(duckdb.Error):  # a database that is broken has no transaction left
                    self._connection.execute("rollback")
                raise

    def relations(self) -> dict[str, Held]:
        """What fourkeys made in the mart, by name; see `Warehouse.relations`."""
        rows = self._connection.execute(
            "select name, kind, substr(comment, length($mark) + 2) from ("
            "select table_name as name, 'table' as kind, schema_name, comment from duckdb_tables() "
            "union all select view_name, 'view', schema_name, comment from duckdb_views()"
            ") where schema_name = 'main' and starts_with(comment, $mark)",
            {"mark": _MARK},
        ).fetchall()
        return {name: Held(kind, version) for name, kind, version in rows}

    def _create_tables(self) -> None:
        self._connection.execute("create schema if not exists raw")
        for name, stream in (STREAMS | DERIVED).items():
            columns = ", ".join(f'"{column.name}" {column.type.duckdb}' for column in stream.columns)
            self._connection.execute(f"create table if not exists raw.{name} ({columns})")
        sql = "select table_name, column_name from information_schema.columns where table_schema = 'raw'"
        known = set(self._connection.execute(sql).fetchall())
        for name, stream in (STREAMS | DERIVED).items():
            for column in stream.columns:
                if (name, column.name) not in known:  # the file is of an older version
                    kind = column.type.duckdb
                    self._connection.execute(f'alter table raw.{name} add column "{column.name}" {kind}')

    def _run(self, sql: str, parameters: Sequence[Any]) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.cursor().execute(to_duckdb(sql), list(parameters))
        except duckdb.CatalogException as error:
            raise WarehouseError(f"duckdb:///{self.path}: {_first_line(error)}", "run `fourkeys build` first") from None
        except duckdb.Error as error:
            raise WarehouseError(f"duckdb:///{self.path}: {_first_line(error)}") from error

    def _scalar(self, sql: str) -> Any:
        row = self._connection.execute(sql).fetchone()
        return row[0] if row else None

    def _refuse_bad_values(self, stream: Stream, header: Sequence[str], file: Path) -> None:
        """Raise FileError for the first value that its column cannot take."""
        for name in header:
            column = stream.column(name)
            test = texts.bad(column.name, column.type, required=name in stream.key)
            bad = (
                test
                and self._connection.execute(
                    f'select row_number, "{name}" from (select row_number() over () as row_number, * from texts) '
                    f"where {test} order by row_number limit 1"
                ).fetchone()
            )
            if bad:
                line = line_of_record(file, bad[0])
                value = "an empty value" if bad[1] is None else repr(bad[1][:80])
                what = f"{file}, line {line}, column {name}: {value} is no {column.type.value}"
                raise FileError(what, NOTHING_LOADED)

    def _merge(self, stream: Stream) -> tuple[int, int, int]:
        """Merge the temporary table `incoming` by key; returns rows read, new and changed."""
        table, run, key = f"raw.{stream.name}", self._connection.execute, ", ".join(stream.key)
        read = self._scalar("select count(*) from texts")
        if read > self._scalar(f"select count(*) from (select {key} from incoming group by {key})"):
            run(
                f"create or replace temp table newest as select * from incoming "
                f"qualify row_number() over (partition by {key} order by {_age('incoming', stream)} desc) = 1"
            )
            run("drop table incoming; alter table newest rename to incoming")
        # The few rows that are held already are looked at apart from the many that the table has.
        run(f"create or replace temp table held as select * from {table} semi join incoming using ({key})")
        new = self._scalar("select (select count(*) from incoming) - (select count(*) from held)")
        run(
            f"create or replace temp table newer as select incoming.* from incoming join held using ({key}) "
            f"where {_age('incoming', stream)} > {_age('held', stream)}"
        )
        changed = self._scalar("select count(*) from newer")
        same = " and ".join(f"held.{name} = newer.{name}" for name in stream.key)
        run(f"delete from {table} as held using newer where {same}")
        run(
            f"insert into {table} by name select * from incoming anti join held using ({key}) "
            "union all by name select * from newer"
        )
        return read, new, changed

    def _move_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        """Store watermarks; one never moves back."""
        for mark in watermarks:
            key = [mark.stream, mark.partition]
            held = self._connection.execute(
                "select watermark from raw.watermarks where stream = ? and partition = ?", key
            ).fetchone()
            if held is None or held[0] <= mark.at:
                self._connection.execute("delete from raw.watermarks where stream = ? and partition = ?", key)
                self._connection.execute(
                    "insert into raw.watermarks (stream, partition, watermark, state) values (?, ?, ?, ?)",
                    [*key, mark.at, mark.state],
                )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C be what it is everywhere: DuckDB makes another error of it while it works."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


def _age(alias: str, stream: Stream) -> str:
    """Return what orders rows of one key: the newest is the greatest."""
    return f"row({', '.join(to_duckdb(each) for each in ages(stream, alias))})"


def _text(value: Any) -> Any:
    if type(value) is str:
        return value
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return str(value).lower()
    return rfc3339(value) if isinstance(value, datetime) else value


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]

"""BigQuery as a warehouse: streams in the dataset `<dataset>_raw`, the mart in `<dataset>`."""

from __future__ import annotations

import hashlib
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.errors import ConfigError, WarehouseError
from fourkeys.warehouses.base import Held, Loaded, Row
from fourkeys.warehouses.bigquery import _statements as sql_of
from fourkeys.warehouses.bigquery._door import Staging
from fourkeys.warehouses.header import read_header, written_at
from fourkeys.window import Watermark, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fourkeys.streams import Stream
    from fourkeys.warehouses.base import Definition
    from fourkeys.warehouses.bigquery._door import Door, Table

_DEFAULT_LOCATION = "US"
_URL = re.compile(r"bigquery://([a-z][a-z0-9.:-]{4,61}[a-z0-9])/([A-Za-z0-9_]{1,1020})")


def parse_url(url: str) -> tuple[str, str]:
    """Return project and dataset of `bigquery://project/dataset`.

    Raises:
        ConfigError: it is none.
    """
    found = _URL.fullmatch(url)
    if not found:
        raise ConfigError(f"warehouse {url!r} is no project and dataset", "write bigquery://project/dataset")
    return found[1], found[2]


class BigQuery:
    """Two datasets as a warehouse; nothing is asked and nothing is made before it is needed."""

    def __init__(self, door: Door, project: str, dataset: str, *, read_only: bool = False) -> None:
        """Take the door, and the project and dataset of the mart; *read_only* makes nothing that is missing."""
        self._door, self._project, self._dataset, self._read_only = door, project, dataset, read_only
        self._raw = f"{project}.{dataset}_raw"
        self._tables: Mapping[str, Table] | None = None

    @property
    def names(self) -> Mapping[str, str]:
        """The namespaces as SQL names."""
        return {"raw": f"`{self._project}`.`{self._dataset}_raw`", "mart": f"`{self._project}`.`{self._dataset}`"}

    def load(self, stream: Stream, file: Path, watermarks: Sequence[Watermark] = ()) -> Loaded:
        """Merge a CSV file into the stream's table; see `Warehouse.load`.

        The file becomes a staging table by a load job, and one script merges it and moves the watermarks in one
        transaction. Both jobs are called after the file, the table and the watermarks: whoever comes again after a
        break goes on with them.
        """
        header = read_header(stream, file)
        table = self._make_room()[stream.name]
        name = self._digest(stream, file, table, watermarks)
        staging = self._staging(stream, name, header)
        job_name = f"fourkeys_{stream.name}_{name}"
        known = self._door.last(f"{job_name}_load")
        number = 0 if known is None else known
        rows = None if known is None else self._staged(staging, job_name, known)
        if rows is None:
            number = 0 if known is None else known + 1
            rows = self._door.stage(staging, file, f"{job_name}_load_{number}")
        raw = self.names["raw"]
        merges = [sql_of.merge(raw, stream, self._quoted(staging), header, written_at(stream, file))]
        if watermarks:
            merges.append(sql_of.merge_watermarks(raw))
        statements = sql_of.transaction(merges, self._quoted(staging))
        merged = self._door.merged(self._door.run(statements, f"{job_name}_merge_{number}", watermarks))
        return Loaded(stream.name, rows, merged.new, merged.changed)

    def replace(self, stream: Stream, rows: Iterable[Row], where: str = "true") -> None:
        """Put *rows* in the place of the table's rows for which *where* holds; see `Warehouse.replace`."""
        header = [name for name in stream.header if name != "extracted_at"]
        self._make_room()
        with tempfile.TemporaryDirectory(prefix="fourkeys-") as folder:
            file = Path(folder) / f"{stream.name}.csv"
            staging = None
            if _write(file, header, rows):
                staging = self._staging(stream, _sha256(file)[:24], header)
                self._door.stage(staging, file)
        table = self._quoted(staging) if staging else None
        statements = list(sql_of.replace(self.names["raw"], stream, where, table, header))
        if statements:
            self._door.run(sql_of.transaction(statements, table))

    def watermarks(self) -> dict[tuple[str, str], Watermark]:
        """All watermarks by stream and partition."""
        if not self._read_only:
            self._make_room()
        sql = f"select stream, `partition`, watermark, state from {self.names['raw']}.{sql_of.WATERMARKS}"
        return {(row[0], row[1]): Watermark(row[0], row[1], row[2].astimezone(UTC), row[3]) for row in self.stream(sql)}

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run GoogleSQL that reads, and return its rows."""
        names, rows = self._door.rows(sql, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run GoogleSQL that reads, and yield its rows as tuples, a page in memory at a time."""
        yield from self._door.rows(sql, parameters)[1]

    def relations(self) -> dict[str, Held]:
        """What fourkeys made in the mart, by name; see `Warehouse.relations`."""
        return {
            name: Held(table.kind, table.labels.get("version", ""))
            for name, table in self._in_mart().items()
            if sql_of.LABELS.items() <= table.labels.items()
        }

    def make(self, definitions: Sequence[Definition], gone: Mapping[str, str]) -> None:
        """Drop what is *gone*, then make views and tables, as one script; see `Warehouse.make`.

        BigQuery has no transaction for DDL, so what ran before stays.
        """
        self._make_room()
        script = [f"drop {kind} {self.names['mart']}.{name}" for name, kind in gone.items()]
        held = self._in_mart() if any(each.clustered_by for each in definitions) else {}
        for each in definitions:
            table = held.get(each.name)
            # BigQuery replaces no table that has another clustering.
            moves = bool(table and table.kind == each.kind == "table" and table.clustering != each.clustered_by)
            script += sql_of.make(self.names["mart"], each, moves=moves)
        if not script:
            return
        try:
            self._door.run(script)
        except WarehouseError as error:
            raise WarehouseError(_named(error.message, script), error.hint or "`fourkeys build` again") from error

    def _in_mart(self) -> Mapping[str, Table]:
        return self._door.tables(f"{self._project}.{self._dataset}") or {}

    def close(self) -> None:
        """Let go of connections."""
        self._door.close()

    def _make_room(self) -> Mapping[str, Table]:
        """Return the raw tables, all there and with all columns: what is missing is made, once."""
        if self._tables is None:
            self._tables = self._made(self.locate())
        return self._tables

    def locate(self) -> dict[str, bool]:
        """Tell which datasets are there, and settle the location of all jobs."""
        places = {
            key: self._door.dataset_location(f"{self._project}.{self._dataset}{end}") for key, end in _ENDS.items()
        }
        found = {place for place in places.values() if place}
        wanted = self._door.location
        if len(found) > 1 or (wanted and any(place.lower() != wanted.lower() for place in found)):
            told = ", ".join(f"{self._dataset}{_ENDS[key]} in {place}" for key, place in places.items() if place)
            raise ConfigError(
                f"the datasets are not in one place: {told}; [warehouse].location is {wanted or 'not set'}",
                "set [warehouse].location to where they are, or take other datasets",
            )
        self._door.location = next(iter(found), wanted or _DEFAULT_LOCATION)
        return {key: place is not None for key, place in places.items()}

    def _made(self, located: Mapping[str, bool]) -> Mapping[str, Table]:
        present = (self._door.tables(self._raw) if located["raw"] else None) or {}
        location = self._door.location or _DEFAULT_LOCATION
        statements = [
            sql_of.create_dataset(self.names[key], location, _DESCRIPTIONS[key])
            for key, there in located.items()
            if not there
        ]
        for name, stream in sql_of.TABLES.items():
            if name not in present:
                statements.append(sql_of.create_table(self.names["raw"], stream))
            elif present[name].labels.get("columns") != sql_of.shape(stream):
                statements += sql_of.add_columns(self.names["raw"], stream)
        if not statements:
            return present
        self._door.run(statements)
        return self._door.tables(self._raw) or {}

    def _staged(self, staging: Staging, job_name: str, number: int) -> int | None:
        """Return the rows of an earlier load of this very file that is not merged yet; None where there is none."""
        job = self._door.find(f"{job_name}_load_{number}")
        merge = self._door.find(f"{job_name}_merge_{number}")
        under_way = merge is not None and merge.state != "DONE"
        failed = merge is not None and not under_way and merge.error_result is not None
        if failed or not self._door.succeeded(job) or not (under_way or self._door.has(staging)):
            return None
        return int(job.output_rows or 0)

    def _digest(self, stream: Stream, file: Path, table: Table, watermarks: Sequence[Watermark]) -> str:
        """Return what tells this load from any other: content, the table as it was made, what is to be stored."""
        parts = [_sha256(file), self._raw, stream.name, str(table.created), msgspec.json.encode(watermarks).decode()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def _staging(self, stream: Stream, name: str, header: Sequence[str]) -> Staging:
        return Staging(f"{self._raw}.staging_{stream.name}_{name}", stream, tuple(header))

    def _quoted(self, staging: Staging) -> str:
        return f"{self.names['raw']}.{staging.table.rpartition('.')[2]}"


_ENDS = {"raw": "_raw", "mart": ""}
_DESCRIPTIONS = {
    "raw": "fourkeys: one table per stream, merged by key",
    "mart": "fourkeys: deployments, changes and the four keys, as views and tables",
}


def _write(file: Path, header: Sequence[str], rows: Iterable[Row]) -> int:
    """Write rows as CSV: NULL is empty, a text is quoted; returns their number."""
    count = 0
    with file.open("w", encoding="utf-8", newline="") as text:
        text.write(",".join(header) + "\n")
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last is the number
            text.write(",".join(_field(row.get(name)) for name in header) + "\n")
    return count


def _field(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return rfc3339(value)
        case str():
            return '"' + value.replace('"', '""') + '"'
        case _:
            return str(value)


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _named(message: str, statements: Sequence[str]) -> str:
    """Name the statement of a script that BigQuery refuses with `at [line:column]`."""
    place = re.search(r"at \[(\d+):(\d+)\]", message)
    if not place:
        return message
    line = int(place[1])
    for statement in statements:
        length = statement.count("\n") + 1
        if line <= length:
            return f"{message} (line {line} of: {statement.splitlines()[0][:120]})"
        line -= length
    return message

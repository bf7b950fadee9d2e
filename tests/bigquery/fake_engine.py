"""What stands behind the fake of BigQuery: datasets, tables and what is said of them; GoogleSQL runs on DuckDB."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from fourkeys.warehouses.googlesql import to_duckdb

TYPES = {
    "STRING": "VARCHAR", "INT64": "BIGINT", "INTEGER": "BIGINT", "FLOAT64": "DOUBLE", "FLOAT": "DOUBLE",
    "BOOL": "BOOLEAN", "BOOLEAN": "BOOLEAN", "TIMESTAMP": "TIMESTAMPTZ", "DATE": "DATE",
}  # fmt: skip
NAMES = {
    "VARCHAR": "STRING", "BIGINT": "INTEGER", "INTEGER": "INTEGER", "HUGEINT": "INTEGER", "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "DATE": "DATE",
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - what the server answers, not an error of the test
    """What BigQuery would refuse: the reason as its API has it, and the message."""

    def __init__(self, reason: str, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reason, self.message, self.details = reason, message, details


@dataclass
class Table:
    """What tables.get says."""

    kind: str
    fields: list[dict[str, Any]]
    created: datetime
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    partitioning: str = ""
    clustering: list[str] = field(default_factory=list)
    expires: datetime | None = None


@dataclass
class Dataset:
    """What datasets.get says, and the tables."""

    location: str
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


@dataclass
class Done:
    """What one statement did."""

    kind: str
    text: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    fields: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class Engine:
    """Datasets of one project."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.datasets: dict[str, Dataset] = {}
        self.statements: list[str] = []
        self.break_at: str | None = None
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'")
        self._made = datetime(2026, 1, 1, tzinfo=UTC)

    def run(self, sql: str, parameters: Sequence[dict[str, Any]]) -> list[Done]:
        """Run a statement or a script; a script that fails rolls back its open transaction."""
        named = {p["name"]: _literal(p) for p in parameters if "name" in p}
        values = [_value(p["parameterType"]["type"], p["parameterValue"]) for p in parameters if "name" not in p]
        done = []
        open_transaction = False
        for text in split(sql):
            try:
                self._break(text)
                each = self._statement(text, named, values)
            except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
                refused: Refused | None = _refusal(error, text)
            except Refused as error:
                refused = error
            else:
                refused = None
            if refused:
                if open_transaction:
                    self.connection.execute("rollback")
                raise refused
            self.statements.append(text)
            open_transaction = each.kind == "BEGIN_TRANSACTION" or (
                open_transaction and each.kind != "COMMIT_TRANSACTION"
            )
            done.append(each)
        return done

    def create(self, dataset: str, name: str, table: Table) -> None:
        """Make a table.

        Raises:
            Refused: it is there, or the dataset is not.
        """
        tables = self.dataset(dataset).tables
        if name in tables:
            raise Refused("duplicate", f"Already Exists: Table {self.project}:{dataset}.{name}")
        columns = ", ".join(
            f'"{f["name"]}" {TYPES[f["type"]]}{" not null" if f.get("mode") == "REQUIRED" else ""}'
            for f in table.fields
        )
        self.connection.execute(f'create table "{dataset}"."{name}" ({columns})')
        tables[name] = table

    def dataset(self, name: str) -> Dataset:
        """Return a dataset, or refuse."""
        if name not in self.datasets:
            raise Refused("notFound", f"Not found: Dataset {self.project}:{name}")
        return self.datasets[name]

    def load(self, dataset: str, name: str, fields: list[dict[str, Any]], data: bytes) -> int:
        """Put a CSV's rows in the place of a table's; returns their number."""
        table = self.dataset(dataset).tables.get(name)
        if table is None:
            self.create(dataset, name, Table("TABLE", fields, self.tick()))
        offsets = _offsets(data, len(fields))
        columns = ", ".join(f"'{f['name']}': 'VARCHAR'" for f in fields)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "data.csv"
            file.write_bytes(data)
            self.connection.execute(
                f"create or replace temp table texts as select row_number() over () as n, * from read_csv('{file}', "
                f"header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{columns}}}, nullstr = '', "
                "allow_quoted_nulls = false, auto_detect = false, max_line_size = 100000000)"
            )
        for position, f in enumerate(fields):
            kind = TYPES[f["type"]]
            # What BigQuery does with `""` in a column that is no text.
            text = f'"{f["name"]}"' if kind == "VARCHAR" else f"nullif(\"{f['name']}\", '')"
            if f.get("mode") == "REQUIRED" and (bad := self._first(f"{text} is null")):
                detail = f"Required column value for column index: {position} is missing in row starting at position: "
                raise _bad_data(detail + str(offsets[bad[0] - 1]))
            if bad := self._first(f"try_cast({text} as {kind}) is null and {text} is not null", f'"{f["name"]}"'):
                raise _bad_data(
                    f"Unable to parse; line_number: {bad[0] + 1} byte_offset_to_start_of_line: {offsets[bad[0] - 1]} "
                    f'column_index: {position} column_name: "{f["name"]}" column_type: {f["type"]} value: "{bad[1]}"'
                )
        casts = ", ".join(
            f'"{f["name"]}"' if f["type"] == "STRING" else f"cast(nullif(\"{f['name']}\", '') as {TYPES[f['type']]})"
            for f in fields
        )
        self.connection.execute(f'delete from "{dataset}"."{name}"')
        self.connection.execute(f'insert into "{dataset}"."{name}" select {casts} from texts order by n')
        return len(offsets)

    def tick(self) -> datetime:
        """Return a time that never comes back."""
        self._made += timedelta(seconds=1)
        return self._made

    def _break(self, text: str) -> None:
        if self.break_at and self.break_at in text:
            raise Refused("resourcesExceeded", "Resources exceeded: the fake breaks here")

    def _first(self, condition: str, value: str = "null") -> tuple[int, Any] | None:
        sql = f"select n, {value} from texts where {condition} order by n limit 1"
        return self.connection.execute(sql).fetchone()

    def _statement(  # noqa: PLR0911 - a table of kinds
        self, text: str, named: dict[str, str], values: list[Any]
    ) -> Done:
        tree = _parsed(text)
        plain = text.replace(f"`{self.project}`.", "")
        for name, literal in named.items():
            plain = plain.replace(f"@{name}", literal)
        match tree:
            case exp.Transaction():
                self.connection.execute("begin")
                return Done("BEGIN_TRANSACTION", text)
            case exp.Commit():
                self.connection.execute("commit")
                return Done("COMMIT_TRANSACTION", text)
            case exp.Create():
                self._create(tree, plain)
                return Done(f"CREATE_{tree.kind}", text)
            case exp.Alter():
                self._alter(tree)
                return Done("ALTER_TABLE", text)
            case exp.Drop():
                name = tree.find(exp.Table)
                assert name
                self.connection.execute(to_duckdb(plain))
                self.dataset(name.db).tables.pop(name.name, None)
                return Done("DROP_TABLE", text)
            case exp.Merge():
                cursor = self.connection.execute(to_duckdb(plain) + " returning merge_action")
                actions = [action for (action,) in cursor.fetchall()]
                return Done("MERGE", text, inserted=actions.count("INSERT"), updated=actions.count("UPDATE"))
            case exp.Delete():
                return Done("DELETE", text, deleted=self._count(plain))
            case exp.Insert():
                return Done("INSERT", text, inserted=self._count(plain))
        cursor = self.connection.execute(to_duckdb(plain), values)
        return Done("SELECT", text, fields=_fields(cursor.description), rows=cursor.fetchall())

    def _count(self, sql: str) -> int:
        row = self.connection.execute(to_duckdb(sql)).fetchone()
        return int(row[0]) if row else 0

    def _create(self, tree: exp.Create, plain: str) -> None:
        properties = tree.args["properties"].expressions if tree.args.get("properties") else []
        options = {p.name.lower(): p.args["value"] for p in properties if type(p) is exp.Property}
        description = options["description"].name if "description" in options else ""
        labels = _labels(options.get("labels"))
        name = tree.find(exp.Table)
        assert name
        if tree.kind == "SCHEMA":
            location = re.search(r"location = '([^']+)'", plain)
            self.datasets.setdefault(name.db, Dataset(location[1] if location else "US", description, labels))
            self.connection.execute(f'create schema if not exists "{name.db}"')
            return
        dataset = self.dataset(name.db)
        described = {column.name: column for column in tree.this.expressions} if tree.this is not name else {}
        if tree.expression:
            held = dataset.tables.get(name.name)
            if held and held.kind != str(tree.kind):
                raise Refused("invalidQuery", f"{self.project}:{name.db}.{name.name} is not of that kind")
            cluster = tree.find(exp.ClusterProperty)
            clustering = [column.name for column in cluster.expressions] if cluster else []
            if held and held.clustering != clustering:
                raise Refused("invalidQuery", "Cannot replace a table with a different partitioning spec")
            query = to_duckdb(plain.partition("')]) as")[2])  # labels are the last of the options
            self.connection.execute(f'create or replace {tree.kind} "{name.db}"."{name.name}" as {query}')
            cursor = self.connection.execute(f'select * from "{name.db}"."{name.name}" limit 0')
            fields = _fields(cursor.description)
            if described and [f["name"] for f in fields] != list(described):
                raise Refused("invalidQuery", f"columns of {name.name} do not fit its query")
            for f in fields:
                f["description"] = _description(described.get(f["name"]))
            made = Table(str(tree.kind), fields, self.tick(), description, labels, clustering=clustering)
            dataset.tables[name.name] = made
        elif name.name not in dataset.tables:
            fields = [_field(column) for column in described.values()]
            made = Table("TABLE", fields, self.tick(), description, labels)
            cut, cluster = tree.find(exp.PartitionedByProperty), tree.find(exp.ClusterProperty)
            made.partitioning = cut.this.sql("bigquery") if cut else ""
            made.clustering = [column.name for column in cluster.expressions] if cluster else []
            self.create(name.db, name.name, made)

    def _alter(self, tree: exp.Alter) -> None:
        name = tree.find(exp.Table)
        assert name
        table = self.dataset(name.db).tables[name.name]
        for action in tree.args["actions"]:
            if isinstance(action, exp.ColumnDef):
                if action.name not in {f["name"] for f in table.fields}:
                    table.fields.append(_field(action))
                    kind = TYPES[_field(action)["type"]]
                    self.connection.execute(f'alter table "{name.db}"."{name.name}" add column "{action.name}" {kind}')
            else:
                table.labels = _labels(next(p.args["value"] for p in action.find_all(exp.Property)))


@lru_cache(4096)
def _parsed(text: str) -> exp.Expression:
    return sqlglot.parse_one(text, read="bigquery")


@lru_cache(4096)
def split(sql: str) -> tuple[str, ...]:
    """Return the statements of a script as they are written."""
    return tuple(_split(sql))


def _split(sql: str) -> Iterator[str]:
    start = 0
    for token in sqlglot.tokenize(sql, read="bigquery"):
        if token.token_type is TokenType.SEMICOLON:
            yield sql[start : token.start].strip()
            start = token.end + 1
    if rest := sql[start:].strip():
        yield rest


def _offsets(data: bytes, width: int) -> list[int]:
    """Return where the records start, as bytes; refuse what has not *width* fields."""
    place = 0

    def lines() -> Iterator[str]:
        nonlocal place
        for line in io.BytesIO(data):
            place += len(line)
            yield line.decode("utf-8-sig")

    csv.field_size_limit(1 << 30)
    reader, starts, before = csv.reader(lines()), [], 0
    for number, row in enumerate(reader):
        if number:
            starts.append(before)
            if len(row) > width:
                raise _bad_data(f"Too many values in row starting at position: {before}")
            if len(row) < width:
                raise _bad_data(
                    f"CSV table references column position {len(row)}, but line starting at position:{before} "
                    f"contains only {len(row)} columns."
                )
        before = place
    return starts


def _bad_data(detail: str) -> Refused:
    head = "Error while reading data, error message: "
    message = f"{head}CSV processing encountered too many errors, giving up. Rows: 0; errors: 1; max bad: 0"
    return Refused("invalid", message, [head + detail])


def _refusal(error: Exception, text: str) -> Refused:
    if isinstance(error, duckdb.CatalogException):
        return Refused("notFound", f"Not found: {error}")
    return Refused("invalidQuery", f"{str(error).splitlines()[0]} in {text[:80]!r}")


def _fields(description: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "type": NAMES[str(kind).removesuffix("[]")],
            "mode": "REPEATED" if str(kind).endswith("[]") else "NULLABLE",
        }
        for name, kind, *_ in description
    ]


def _field(column: exp.ColumnDef) -> dict[str, Any]:
    required = any(isinstance(c.kind, exp.NotNullColumnConstraint) for c in column.args.get("constraints", ()))
    kind = column.args["kind"].sql("bigquery")
    mode = "REQUIRED" if required else "NULLABLE"
    return {"name": column.name, "type": kind, "mode": mode, "description": _description(column)}


def _description(column: exp.Expression | None) -> str:
    found = [p for p in column.find_all(exp.Property) if p.name == "description"] if column else []
    return str(found[0].args["value"].name) if found else ""


def _labels(value: exp.Expression | None) -> dict[str, str]:
    found = [literal.name for literal in value.find_all(exp.Literal)] if value else []
    return dict(zip(found[::2], found[1::2], strict=True))


def _literal(parameter: dict[str, Any]) -> str:
    """Write an array of structs as GoogleSQL."""
    kinds = {f["name"]: f["type"]["type"] for f in parameter["parameterType"]["arrayType"]["structTypes"]}
    rows = [
        ", ".join(f"{_sql(kinds[name], its.get('value'))} as `{name}`" for name, its in row["structValues"].items())
        for row in parameter["parameterValue"]["arrayValues"]
    ]
    return "[" + ", ".join(f"struct({row})" for row in rows) + "]"


def _sql(kind: str, value: Any) -> str:
    if value is None:
        return f"cast(null as {kind})"
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"cast('{text}' as {kind})"


def _value(kind: str, value: dict[str, Any]) -> Any:
    text = value.get("value")
    if text is None or kind in {"STRING", "DATE"}:
        return text
    return {"INT64": int, "FLOAT64": float, "BOOL": lambda t: t == "true", "TIMESTAMP": datetime.fromisoformat}[kind](
        text
    )

"""Google's SQL engine in this process: ZetaSQL (package `zetasql`), with the language that BigQuery speaks.

ZetaSQL is the open-source core of BigQuery's SQL: its analyzer says what BigQuery would accept and which types come
out, its reference implementation says which rows. The first start compiles the module (about a minute), later ones
take it from `$XDG_CACHE_HOME/fourkeys-zetasql`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import wasmtime
from zetasql.core.exceptions import ServerError
from zetasql.core.wasm_client import WasmClient, get_tzinfo_dir
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto
from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2 as kinds

# What BigQuery's documentation has and these views may use; anything else is refused.
FEATURES = """
ANALYTIC_FUNCTIONS NUMERIC_TYPE JSON_TYPE JSON_ARRAY_FUNCTIONS JSON_VALUE_EXTRACTION_FUNCTIONS INTERVAL_TYPE
NAMED_ARGUMENTS PARAMETERIZED_TYPES TEMPLATE_FUNCTIONS V_1_1_ORDER_BY_IN_AGGREGATE V_1_1_LIMIT_IN_AGGREGATE
V_1_1_HAVING_IN_AGGREGATE V_1_1_NULL_HANDLING_MODIFIER_IN_AGGREGATE V_1_1_NULL_HANDLING_MODIFIER_IN_ANALYTIC
V_1_1_SELECT_STAR_EXCEPT_REPLACE V_1_1_WITH_ON_SUBQUERY V_1_2_CIVIL_TIME V_1_2_SAFE_FUNCTION_CALL
V_1_2_WEEK_WITH_WEEKDAY V_1_2_GROUP_BY_STRUCT V_1_2_GROUP_BY_ARRAY V_1_3_ADDITIONAL_STRING_FUNCTIONS
V_1_3_CONCAT_MIXED_TYPES V_1_3_DATE_ARITHMETICS V_1_3_DATE_TIME_CONSTRUCTORS V_1_3_EXTENDED_DATE_TIME_SIGNATURES
V_1_3_IS_DISTINCT V_1_3_NULLS_FIRST_LAST_IN_ORDER_BY V_1_3_QUALIFY
""".split()  # noqa: SIM905 - a table of names
STATEMENTS = ("QUERY_STMT", "CREATE_VIEW_STMT", "CREATE_TABLE_AS_SELECT_STMT", "MERGE_STMT")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALARS = {
    "BOOL": type_pb2.TYPE_BOOL,
    "DATE": type_pb2.TYPE_DATE,
    "FLOAT64": type_pb2.TYPE_DOUBLE,
    "INT64": type_pb2.TYPE_INT64,
    "STRING": type_pb2.TYPE_STRING,
    "TIMESTAMP": type_pb2.TYPE_TIMESTAMP,
}
_NAMES = {kind: name for name, kind in _SCALARS.items()}


class Refused(Exception):  # noqa: N818 - what it says, not an error of this program
    """ZetaSQL does not take a statement; the message has line and column."""


class _Module(WasmClient):
    """The compiled module: kept in a cache, and memory copied in one go."""

    def __init__(self) -> None:
        config = wasmtime.Config()
        config.shared_memory = True
        engine = wasmtime.Engine(config)
        wasi = wasmtime.WasiConfig()
        wasi.preopen_dir(str(get_tzinfo_dir()), "/usr/share/zoneinfo")
        self.store = wasmtime.Store(engine)
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self.instance = linker.instantiate(self.store, _compiled(engine))
        self.exports = self.instance.exports(self.store)
        self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._base() + ptr, data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._base() + ptr, size)

    def _base(self) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents)


def _compiled(engine: wasmtime.Engine) -> wasmtime.Module:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    code = get_wasm_path().read_bytes()
    name = hashlib.sha256(code + version("wasmtime").encode()).hexdigest()[:16]
    file = Path(home) / "fourkeys-zetasql" / f"{name}.module"
    if file.exists():
        return wasmtime.Module.deserialize_file(engine, str(file))
    module = wasmtime.Module(engine, code)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as beside:
        beside.write(module.serialize())
    Path(beside.name).replace(file)
    return module


class ZetaSQL:
    """Tables in memory, and statements on them. A table's name is `dataset.table`."""

    def __init__(self) -> None:
        self._module = _Module()
        self._types: dict[str, list[tuple[str, type_pb2.TypeProto]]] = {}
        self._rows: dict[str, service.TableContent] = {}
        self._language = _language()
        options = self._call("GetAnalyzerOptions", service.AnalyzerOptionsRequest(), options_pb2.AnalyzerOptionsProto)
        options.language_options.CopyFrom(self._language)
        options.default_timezone = "UTC"
        options.error_message_mode = public.ERROR_MESSAGE_ONE_LINE
        options.ClearField("allowed_hints_and_options")
        self._options = options

    def put(self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]] = ()) -> None:
        """Make or replace a table, with its columns and their types; *rows* in the columns' order."""
        types = [(column, type_of(kind)) for column, kind in columns.items()]
        content = service.TableContent()
        content.table_data.SetInParent()
        for row in rows:
            cells = content.table_data.row.add().cell
            cells.extend(to_proto(value, kind) for value, (_, kind) in zip(row, types, strict=True))
        self._types[name], self._rows[name] = types, content

    def analyze(self, statement: str, parameters: Mapping[str, str] | None = None) -> tuple[dict[str, str], set[str]]:
        """Resolve a statement.

        Args:
            statement: in GoogleSQL.
            parameters: names and types of what it names with `@`.

        Returns:
            Its columns with their types, none for a merge, and the names of the functions that it aggregates with.

        Raises:
            Refused: BigQuery would not take it.
        """
        options = options_pb2.AnalyzerOptionsProto()
        options.CopyFrom(self._options)
        for name, kind in (parameters or {}).items():
            options.query_parameters.add(name=name, type=type_of(kind))
        request = service.AnalyzeRequest(
            options=options, simple_catalog=self._catalog(_read_by(statement)), sql_statement=statement
        )
        tree = self._call("Analyze", request, service.AnalyzeResponse).resolved_statement
        columns: Any = next((node.output_column_list for node in _walk(tree) if _has_output(node)), ())
        calls = (node for node in _walk(tree) if node.DESCRIPTOR.name == "ResolvedAggregateFunctionCallProto")
        aggregates = {call.parent.parent.function.name.removeprefix("ZetaSQL:") for call in calls}
        return {column.name: name_of(column.column.type) for column in columns}, aggregates

    def query(self, query: str) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
        """Run a query on the reference implementation.

        Returns:
            The columns with their types, and the rows in no order.
        """
        reads = _read_by(query)
        # Rows belong to top-level tables only: `dataset.table` becomes one quoted name.
        flat = re.sub(r"\b(raw|mart)\.(\w+)", r"`\1.\2`", query)
        request = service.EvaluateQueryRequest(
            sql=flat, options=self._options, simple_catalog=self._catalog(reads, flat=True)
        )
        for name in reads:
            request.table_content[name].CopyFrom(self._rows[name])
        answer = self._call("EvaluateQuery", request, service.EvaluateQueryResponse)
        columns = answer.prepared.columns
        rows = [
            tuple(from_proto(cell, column.type) for cell, column in zip(row.cell, columns, strict=True))
            for row in answer.content.table_data.row
        ]
        return {column.name: name_of(column.type) for column in columns}, rows

    def _catalog(self, names: Iterable[str], *, flat: bool = False) -> simple_catalog_pb2.SimpleCatalogProto:
        catalog = simple_catalog_pb2.SimpleCatalogProto(name="catalog")
        catalog.builtin_function_options.language_options.CopyFrom(self._language)
        datasets: dict[str, simple_catalog_pb2.SimpleCatalogProto] = {}
        for number, name in enumerate(sorted(names), 1):
            dataset, _, short = name.partition(".")
            if not flat and dataset not in datasets:
                datasets[dataset] = catalog.catalog.add(name=dataset)
            place = catalog if flat else datasets[dataset]
            table = place.table.add(name=name if flat else short, full_name=name, serialization_id=number)
            for column, kind in self._types[name]:
                table.column.add(name=column, type=kind)
        return catalog

    def _call(self, method: str, request: Any, answer: Any) -> Any:
        try:
            return self._module.call_grpc_func(f"ZetaSqlLocalService_{method}", request, answer)
        except ServerError as error:
            raise Refused(error.message) from None


def _language() -> options_pb2.LanguageOptionsProto:
    options = options_pb2.LanguageOptionsProto(
        name_resolution_mode=public.NAME_RESOLUTION_DEFAULT, product_mode=public.PRODUCT_EXTERNAL
    )
    options.enabled_language_features.extend(public.LanguageFeature.Value(f"FEATURE_{name}") for name in FEATURES)
    options.supported_statement_kinds.extend(getattr(kinds, f"RESOLVED_{name}") for name in STATEMENTS)
    options.reserved_keywords.append("QUALIFY")
    return options


def _read_by(sql: str) -> set[str]:
    return {".".join(found) for found in re.findall(r"(?:from|join|merge into)\s+(raw|mart|behaviour)\.(\w+)", sql)}


def type_of(name: str) -> type_pb2.TypeProto:
    """Return ZetaSQL's form of a type by BigQuery's name: a scalar, or an array of one."""
    inner = re.fullmatch(r"ARRAY<(.+)>", name)
    if not inner:
        return type_pb2.TypeProto(type_kind=_SCALARS[name])
    kind = type_pb2.TypeProto(type_kind=type_pb2.TYPE_ARRAY)
    kind.array_type.element_type.CopyFrom(type_of(inner[1]))
    return kind


def name_of(kind: type_pb2.TypeProto) -> str:
    """Return BigQuery's name of a type."""
    if kind.type_kind == type_pb2.TYPE_ARRAY:
        return f"ARRAY<{name_of(kind.array_type.element_type)}>"
    return _NAMES.get(kind.type_kind) or type_pb2.TypeKind.Name(kind.type_kind)


def to_proto(value: Any, kind: type_pb2.TypeProto) -> ValueProto:
    """Write a Python value as ZetaSQL's."""
    proto = ValueProto()
    if value is None:
        return proto
    match _NAMES.get(kind.type_kind, "ARRAY"):
        case "BOOL":
            proto.bool_value = value
        case "DATE":
            proto.date_value = (value - _EPOCH.date()).days
        case "FLOAT64":
            proto.double_value = value
        case "INT64":
            proto.int64_value = value
        case "STRING":
            proto.string_value = value
        case "TIMESTAMP":
            micros = (value - _EPOCH) // timedelta(microseconds=1)
            proto.timestamp_value.SetInParent()
            proto.timestamp_value.seconds, rest = divmod(micros, 1_000_000)
            proto.timestamp_value.nanos = rest * 1000
        case _:
            proto.array_value.SetInParent()
            proto.array_value.element.extend(to_proto(element, kind.array_type.element_type) for element in value)
    return proto


def from_proto(proto: ValueProto, kind: type_pb2.TypeProto) -> Any:
    """Read ZetaSQL's value as Python's."""
    which = proto.WhichOneof("value")
    if which is None:
        return None
    match _NAMES.get(kind.type_kind, "ARRAY"):
        case "DATE":
            return _EPOCH.date() + timedelta(proto.date_value)
        case "TIMESTAMP":
            time = proto.timestamp_value
            return _EPOCH + timedelta(seconds=time.seconds, microseconds=time.nanos // 1000)
        case "ARRAY":
            return [from_proto(element, kind.array_type.element_type) for element in proto.array_value.element]
        case _:
            return getattr(proto, which)


def _walk(tree: Any) -> Iterator[Any]:
    """Yield a message and all that it holds, the outer before the inner."""
    level = [tree]
    while level:
        yield from level
        level = [
            inner
            for message in level
            for field, value in message.ListFields()
            if field.message_type is not None
            for inner in ([value] if hasattr(value, "ListFields") else value)
        ]


def _has_output(node: Any) -> bool:
    columns = getattr(node, "output_column_list", ())
    return len(columns) > 0 and columns[0].DESCRIPTOR.name == "ResolvedOutputColumnProto"

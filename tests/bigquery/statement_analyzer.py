"""BigQuery's analyzer for whole statements: queries, DDL, DML and transactions, with the names as they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2 as kinds
from zetasql_engine import ZetaSQL, type_of

FEATURES = """
CREATE_TABLE_PARTITION_BY CREATE_TABLE_CLUSTER_BY CREATE_TABLE_NOT_NULL CREATE_TABLE_FIELD_ANNOTATIONS
CREATE_TABLE_AS_SELECT_COLUMN_LIST CREATE_VIEW_WITH_COLUMN_LIST CREATE_VIEWS_WITH_COLUMN_OPTIONS
""".split()  # noqa: SIM905 - a table of names
STATEMENTS = """
CREATE_TABLE_STMT CREATE_SCHEMA_STMT DROP_STMT ALTER_TABLE_STMT INSERT_STMT DELETE_STMT MERGE_STMT BEGIN_STMT
COMMIT_STMT
""".split()  # noqa: SIM905 - a table of names
Tables = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Columns and their types, by dataset and table."""


class Analyzer(ZetaSQL):
    """ZetaSQL with the statements and the OPTIONS that BigQuery documents; unknown ones are refused."""

    def __init__(self, project: str) -> None:
        super().__init__()
        self._project, language = project, self._options.language_options
        language.enabled_language_features.extend(public.LanguageFeature.Value(f"FEATURE_{name}") for name in FEATURES)
        language.supported_statement_kinds.extend(getattr(kinds, f"RESOLVED_{name}") for name in STATEMENTS)
        allowed = self._options.allowed_hints_and_options
        allowed.disallow_unknown_options = allowed.disallow_duplicate_option_names = True
        for name in ("description", "location"):
            allowed.option.add(name=name, type=type_of("STRING"))
        labels = type_pb2.TypeProto(type_kind=type_pb2.TYPE_ARRAY)
        labels.array_type.element_type.CopyFrom(_struct({"name": "STRING", "value": "STRING"}))
        allowed.option.add(name="labels", type=labels)

    def resolve(self, statement: str, tables: Tables, positional: Sequence[str] = ()) -> None:
        """Resolve one statement against tables.

        The parameter `@watermarks`, and *positional* ones by their types, are there.

        Raises:
            Refused: BigQuery would not take it.
        """
        options = options_pb2.AnalyzerOptionsProto()
        options.CopyFrom(self._options)
        if positional:
            options.parameter_mode = public.PARAMETER_POSITIONAL
            options.positional_query_parameters.extend(map(type_of, positional))
        else:
            marks = type_pb2.TypeProto(type_kind=type_pb2.TYPE_ARRAY)
            columns = {"stream": "STRING", "partition": "STRING", "watermark": "TIMESTAMP", "state": "STRING"}
            marks.array_type.element_type.CopyFrom(_struct(columns))
            options.query_parameters.add(name="watermarks", type=marks)
        catalog = self._catalog([])
        project = catalog.catalog.add(name=self._project)
        number = 0
        for dataset, its in tables.items():
            inner = project.catalog.add(name=dataset)
            for name, columns in its.items():
                number += 1
                _add(inner, name, columns, number)
        request = service.AnalyzeRequest(options=options, simple_catalog=catalog, sql_statement=statement)
        self._call("Analyze", request, service.AnalyzeResponse)


def _add(dataset: simple_catalog_pb2.SimpleCatalogProto, name: str, columns: Mapping[str, str], number: int) -> None:
    table = dataset.table.add(name=name, full_name=name, serialization_id=number)
    for column, kind in columns.items():
        table.column.add(name=column, type=type_of(kind))


def _struct(fields: Mapping[str, str]) -> type_pb2.TypeProto:
    kind = type_pb2.TypeProto(type_kind=type_pb2.TYPE_STRUCT)
    for name, its in fields.items():
        kind.struct_type.field.add(field_name=name, field_type=type_of(its))
    return kind

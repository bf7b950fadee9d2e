"""Lineage for other tools: Mermaid, one JSON document, OpenLineage events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fourkeys import __version__
from fourkeys.mart import lineage, origins, views
from fourkeys.mart.lineage import RAW
from fourkeys.mart.selects import ROWS, Place
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from fourkeys.mart.lineage import Edge, Lineage
    from fourkeys.streams import Stream

PRODUCER = f"urn:x-fourkeys:{__version__}"
"""Who made an event, as a URI."""
EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_FACETS = "https://openlineage.io/spec/facets/"
_COLUMNS = f"{_FACETS}1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
_SCHEMA = f"{_FACETS}1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"


def origin(place: Place) -> str:
    """Return where a raw table's column comes from; empty for a view's column."""
    stream = lineage.stream_of(place)
    return origins.origin(stream, place.column) if stream and place.column != ROWS else ""


def document(edges: Sequence[Edge]) -> dict[str, Any]:
    """Return nodes and edges as one JSON document."""
    places = sorted({place for edge in edges for place in (edge.target, edge.source) if place.column != ROWS})
    return {
        "columns": [
            {
                "relation": place.relation,
                "column": place.column,
                "description": lineage.description(place),
                "origin": origin(place) or None,
            }
            for place in places
        ],
        "edges": [
            {"from": str(edge.source), "to": str(edge.target), "kind": "value" if edge.is_value else "condition"}
            for edge in edges
            if ROWS not in {edge.source.column, edge.target.column}
        ],
    }


def mermaid(edges: Sequence[Edge]) -> str:
    """Return a flowchart: one box for each relation with its columns, arrows from what is read to what is made.

    Solid arrows are values, dotted ones conditions.
    """
    columns: dict[str, dict[str, None]] = {}
    arrows: dict[tuple[str, str], bool] = {}
    for edge in edges:
        for place in (edge.source, edge.target):
            columns.setdefault(place.relation, {})
        if edge.source.relation != edge.target.relation:
            pair = (edge.source.relation, edge.target.relation)
            arrows[pair] = arrows.get(pair, False) or edge.is_value
        if edge.is_value:
            columns[edge.source.relation][edge.source.column] = None
            columns[edge.target.relation][edge.target.column] = None
    lines = ["flowchart LR"]
    for relation, names in sorted(columns.items()):
        label = "<br>".join([f"<b>{relation}</b>", *sorted(names)])
        lines.append(f'  {_id(relation)}["{label}"]')
    for (source, target), is_value in sorted(arrows.items()):
        lines.append(f"  {_id(source)} {'-->' if is_value else '-.->'} {_id(target)}")
    return "\n".join(lines)


def openlineage(graph: Lineage, names: Iterable[str], namespace: str, at: datetime) -> list[dict[str, Any]]:
    """Return OpenLineage's static lineage: one JobEvent for each view, with its schema and its columns' lineage.

    Args:
        graph: the lineage.
        names: of views.
        namespace: of the datasets, such as `bigquery` or `duckdb`.
        at: time of the events.
    """
    return [_job(graph, view, namespace, at) for view in names]


def _job(graph: Lineage, view: str, namespace: str, at: datetime) -> dict[str, Any]:
    places = [Place(view, column) for column in graph.columns(view)]
    rows = graph.inputs(Place(view, ROWS)).conditions
    read = {source.relation for place in places for source in graph.inputs(place).all} | {row.relation for row in rows}
    return {
        "eventTime": rfc3339(at),
        "producer": PRODUCER,
        "schemaURL": f"{EVENT}JobEvent",
        "job": {"namespace": namespace, "name": f"fourkeys.build.{view}"},
        "inputs": [{"namespace": namespace, "name": relation} for relation in sorted(read)],
        "outputs": [dataset(graph, view, namespace)],
    }


def dataset(graph: Lineage, view: str, namespace: str) -> dict[str, Any]:
    """Return a view as an OpenLineage dataset, with its schema and the lineage of its columns."""
    places = [Place(view, column) for column in graph.columns(view)]
    rows = graph.inputs(Place(view, ROWS)).conditions
    fields = {
        place.column: {
            "inputFields": [
                _input(namespace, source, "DIRECT" if source in inputs.values else "INDIRECT")
                for source in sorted(inputs.all - rows | inputs.values)
                if source.column != ROWS
            ]
        }
        for place in places
        for inputs in [graph.inputs(place)]
    }
    columns = views.models()[view].columns
    lineage_facet = {
        "_producer": PRODUCER,
        "_schemaURL": _COLUMNS,
        "fields": fields,
        "dataset": [_input(namespace, row, "INDIRECT") for row in sorted(rows) if row.column != ROWS],
    }
    facets = {
        "schema": _schema([(name, its.type, its.description) for name, its in columns.items()]),
        "columnLineage": lineage_facet,
    }
    return {"namespace": namespace, "name": view, "facets": facets}


def table(stream: Stream, namespace: str) -> dict[str, Any]:
    """Return a raw table as an OpenLineage dataset, with its schema."""
    columns = [(column.name, column.type.bigquery, column.description) for column in stream.columns]
    return {"namespace": namespace, "name": f"{RAW}{stream.name}", "facets": {"schema": _schema(columns)}}


def _schema(columns: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    fields = [{"name": name, "type": kind, "description": text} for name, kind, text in columns]
    return {"_producer": PRODUCER, "_schemaURL": _SCHEMA, "fields": fields}


def _input(namespace: str, place: Place, kind: str) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "name": place.relation,
        "field": place.column,
        "transformations": [{"type": kind}],
    }


def _id(relation: str) -> str:
    return relation.replace(RAW, "raw_")

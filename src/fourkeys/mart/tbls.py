"""The catalogue for tbls: its `schema.json`, and a `.tbls.yml` with relations and viewpoints.

tbls has no driver for DuckDB, but reads a schema from JSON: `dsn: json://schema.json`. What is said of each table and
column is said once, in `fourkeys.streams` and `sql/models.yml`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fourkeys.mart import views
from fourkeys.mart.lineage import HEADLINES, RAW
from fourkeys.mart.selects import Place
from fourkeys.streams import DERIVED, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fourkeys.mart.lineage import Lineage
    from fourkeys.streams import Stream

_DESCRIPTION = "The four keys of software delivery: raw tables of what was read, and the views that count it."
_RELATIONS = """
ghes_issues host,repository ghes_repositories host,repository
ghes_labels host,repository ghes_repositories host,repository
ghes_releases host,repository ghes_repositories host,repository
ghes_commits host,repository ghes_repositories host,repository
ghes_pull_requests host,repository ghes_repositories host,repository
ghes_deployments host,repository ghes_repositories host,repository
ghes_workflow_runs host,repository ghes_repositories host,repository
ghes_issue_comments host,repository,issue_number ghes_issues host,repository,number
ghes_issue_events host,repository,issue_number ghes_issues host,repository,number
ghes_issues host,author_login ghes_users host,login
ghes_releases host,repository,target_sha ghes_commits host,repository,sha
ghes_pull_requests host,repository,merge_commit_sha ghes_commits host,repository,sha
ghes_pull_request_commits host,repository,number ghes_pull_requests host,repository,number
ghes_pull_request_reviews host,repository,number ghes_pull_requests host,repository,number
ghes_pull_request_files host,repository,number ghes_pull_requests host,repository,number
ghes_deployments host,repository,sha ghes_commits host,repository,sha
ghes_deployment_statuses host,repository,deployment_id ghes_deployments host,repository,id
ghes_workflow_jobs host,repository,run_id ghes_workflow_runs host,repository,id
incident_events source,incident_id incidents source,incident_id
deployments service services service
service_resources service services service
overrides service services service
deployment_links service services service
deployment_commits service,environment,deployment_id deployment_links service,environment,deployment_id
"""
"""Of raw tables: the child and its columns, the parent and its columns."""

_MART_RELATIONS = """
changes service,deployment_id deployments service,deployment_id
incidents_linked service,deployment_id deployments service,deployment_id
pull_requests_delivered service,deployment_id deployments service,deployment_id
"""


class Relation(NamedTuple):
    """A child's columns name a row of a parent."""

    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


def relations() -> list[Relation]:
    """Return how tables hang together: raw tables, views of the mart, and each view that has a service."""
    found = [*_parsed(_RELATIONS, RAW), *_parsed(_MART_RELATIONS, "")]
    marts = {view.name for view in views.views() if view.folder == "marts"}
    for name, model in views.models().items():
        if name in marts and "service" in model.columns and not any(each.table == name for each in found):
            found.append(Relation(name, ("service",), f"{RAW}services", ("service",)))
    return found


def viewpoints(graph: Lineage) -> list[dict[str, Any]]:
    """Return tbls's viewpoints: each layer, and for each figure the tables that its value comes from."""
    marts = [view.name for view in views.views() if view.folder == "marts"]
    found: list[dict[str, Any]] = [
        {"name": "Raw", "desc": "What was read, as it was read", "tables": [f"{RAW}*"]},
        {"name": "Staging", "desc": "Renamed and typed, nothing counted", "tables": ["stg_*"]},
        {"name": "Intermediate", "desc": "The steps between", "tables": ["int_*"]},
        {"name": "Marts", "desc": "What dashboards and people read", "tables": marts},
    ]
    for column, title in HEADLINES.items():
        tables = sorted({place.relation for place in _behind(graph, Place("four_keys_weekly", column))})
        found.append({"name": title.capitalize(), "desc": f"What {title} is computed from", "tables": tables})
    return found


def schema(graph: Lineage) -> dict[str, Any]:
    """Return tbls's `schema.json`, valid against its own JSON Schema."""
    return {
        "name": "fourkeys",
        "desc": _DESCRIPTION,
        "tables": [*_raw_tables(), *_view_tables()],
        "relations": [
            {
                "table": each.table,
                "columns": list(each.columns),
                "cardinality": "zero_or_more",
                "parent_table": each.parent,
                "parent_columns": list(each.parent_columns),
                "parent_cardinality": "zero_or_one",
                "def": _definition(each),
                "virtual": True,
            }
            for each in relations()
        ],
        "driver": {"name": "fourkeys"},
        "labels": [],
        "viewpoints": viewpoints(graph),
    }


def config(graph: Lineage, file: str = "schema.json") -> dict[str, Any]:
    """Return a `.tbls.yml` that makes documents of *file*, and lints that everything is described."""
    return {
        "name": "fourkeys",
        "desc": _DESCRIPTION,
        "dsn": f"json://{file}",
        "docPath": "dbdoc",
        "er": {"format": "mermaid", "distance": 1},
        "lint": {
            name: {"enabled": True}
            for name in ("requireTableComment", "requireColumnComment", "requireTableLabels", "requireViewpoints")
        },
        "relations": [
            {
                "table": each.table,
                "columns": list(each.columns),
                "cardinality": "zero or more",
                "parentTable": each.parent,
                "parentColumns": list(each.parent_columns),
                "parentCardinality": "zero or one",
                "def": _definition(each),
                "override": True,
            }
            for each in relations()
        ],
        "viewpoints": viewpoints(graph),
    }


def _parsed(text: str, prefix: str) -> Iterator[Relation]:
    for line in text.strip().splitlines():
        table, columns, parent, parent_columns = line.split()
        pair = tuple(columns.split(",")), tuple(parent_columns.split(","))
        yield Relation(prefix + table, pair[0], prefix + parent, pair[1])


def _definition(each: Relation) -> str:
    return f"{', '.join(each.columns)} of {each.table} name a row of {each.parent}"


def _behind(graph: Lineage, place: Place) -> set[Place]:
    """Return every column that the value of *place* is computed from, itself included."""
    seen, waiting = {place}, [place]
    while waiting:
        new = graph.inputs(waiting.pop()).values - seen
        seen |= new
        waiting.extend(new)
    return seen


def _raw_tables() -> Iterator[dict[str, Any]]:
    for stream in (STREAMS | DERIVED).values():
        columns = [
            {
                "name": column.name,
                "type": column.type.bigquery,
                "nullable": column.name not in stream.key,
                "comment": column.description,
            }
            for column in stream.columns
        ]
        yield _table(f"{RAW}{stream.name}", "BASE TABLE", stream.description, columns, stream.key) | {
            "labels": _labels("raw", stream)
        }


def _view_tables() -> Iterator[dict[str, Any]]:
    for view in views.views():
        model = views.models()[view.name]
        columns = [
            {
                "name": name,
                "type": column.type,
                "nullable": name not in model.key,
                "comment": column.description,
            }
            for name, column in model.columns.items()
        ]
        raw = re.findall(r"\$\{raw\}\.(\w+)", view.text)
        read = sorted({*view.reads, *(f"{RAW}{name}" for name in raw)} - {view.name})
        kind = "BASE TABLE" if model.materialized == "table" else "VIEW"
        yield _table(view.name, kind, model.description, columns, model.key) | {
            "labels": _labels(view.folder),
            "def": view.text,
            "referenced_tables": read,
        }


def _table(name: str, kind: str, comment: str, columns: list[dict[str, Any]], key: tuple[str, ...]) -> dict[str, Any]:
    constraint = {
        "name": "key",
        "type": "PRIMARY KEY",
        "def": f"PRIMARY KEY ({', '.join(key)})",
        "table": name,
        "columns": list(key),
    }
    return {"name": name, "type": kind, "comment": comment, "columns": columns, "constraints": [constraint]}


def _labels(layer: str, stream: Stream | None = None) -> list[dict[str, Any]]:
    """Return labels as BigQuery has them: `key:value`."""
    names = [f"layer:{layer}"] + ([f"source:{stream.source}"] if stream else [])
    return [{"name": name, "virtual": True} for name in names]


__all__ = ["Relation", "config", "relations", "schema", "viewpoints"]

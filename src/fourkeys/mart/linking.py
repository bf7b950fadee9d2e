"""Read deployments and commits from the warehouse, sweep, and write the links back."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.mart.link import Deployment, Graph, Link, sweep
from fourkeys.streams import DERIVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fourkeys.warehouses.base import Row, Warehouse

_Line = tuple[str, str, str]
_ORDER = "finished_at, length(deployment_id), deployment_id"


def link(warehouse: Warehouse) -> int:
    """Link every deployment to the one before it, and every commit to its first deployment; returns deployments."""
    raw, mart = warehouse.names["raw"], warehouse.names["mart"]
    rows = warehouse.query(
        "select service, environment, coalesce(repository, '') as repository, deployment_id, sha, declared_kind, "
        f"finished_at from {mart}.stg_deployments order by {_ORDER}"
    )
    positions = _positions(rows)
    lines: dict[str, dict[_Line, list[Deployment]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        line = (row["service"], row["environment"], row["repository"])
        lines[row["repository"]][line].append(
            Deployment(row["deployment_id"], row["sha"], row["declared_kind"], row["finished_at"])
        )
    links: list[tuple[_Line, Link]] = []
    for repository, its_lines in lines.items():
        graph = Graph(_commits(warehouse, raw, repository))
        links += [(line, found) for line, deployments in its_lines.items() for found in sweep(graph, deployments)]
    warehouse.replace("deployment_links", DERIVED["deployment_links"], _link_rows(links, positions))
    warehouse.replace("deployment_commits", DERIVED["deployment_commits"], _commit_rows(links))
    return len(links)


def _commits(warehouse: Warehouse, raw: str, repository: str) -> Iterator[tuple[str, list[str]]]:
    decode = msgspec.json.Decoder(list[str]).decode
    sql = f"select sha, parents from {raw}.ghes_commits where repository = ?"
    for sha, parents in warehouse.stream(sql, [repository]):
        yield sha, decode(parents) if parents else []


def _positions(rows: Sequence[Row]) -> dict[tuple[str, str, str], int]:
    """Number the deployments of each service and environment, from 1, in order."""
    ordered = sorted(rows, key=_service_and_environment)
    return {
        (row["service"], row["environment"], row["deployment_id"]): position
        for _, group in groupby(ordered, key=_service_and_environment)
        for position, row in enumerate(group, 1)
    }


def _service_and_environment(row: Row) -> tuple[str, str]:
    return row["service"], row["environment"]


def _link_rows(links: Sequence[tuple[_Line, Link]], positions: dict[tuple[str, str, str], int]) -> Iterator[Row]:
    for (service, environment, repository), found in links:
        yield {
            "service": service,
            "environment": environment,
            "deployment_id": found.deployment.deployment_id,
            "repository": repository or None,
            "sha": found.deployment.sha,
            "position": positions[service, environment, found.deployment.deployment_id],
            "kind": found.kind,
            "base": found.base,
            "previous_deployment_id": found.previous_id,
            "undoes_deployment_id": found.undoes_id,
        }


def _commit_rows(links: Sequence[tuple[_Line, Link]]) -> Iterator[dict[str, Any]]:
    for (service, environment, repository), found in links:
        for sha in found.commits:
            yield {
                "service": service,
                "environment": environment,
                "repository": repository,
                "sha": sha,
                "deployment_id": found.deployment.deployment_id,
            }

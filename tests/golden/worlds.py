"""Small worlds for the mart: given rows as YAML, written as CSV, loaded, built and measured.

In a world a commit is a short name; its sha is a hash of it (`b[:8]` is the abbreviated one). What a row leaves out is
filled in as its source would: one host, one repository, finished and successful production deployments.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import yaml

from fourkeys import config, pipeline
from fourkeys.mart.metrics import Query, measure
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2024, 6, 1, tzinfo=UTC)
_NAMES = {
    "name", "owner", "service", "service_key", "source", "app_id", "app_name", "incident_keys", "request_keys",
    "production", "staging",
}  # fmt: skip
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same values, several times faster
_SHA_COLUMNS = {"sha", "merge_commit_sha", "cause_sha", "head_sha", "target_sha", "commit_sha"}


def sha(name: str) -> str:
    """Return the hash that stands for a commit's short name; what is a hash stays."""
    if re.fullmatch(r"[0-9a-fA-F]{7,40}", name):
        return name
    short = re.fullmatch(r"(.+)\[:(\d+)\]", name)
    if short:
        return sha(short[1])[: int(short[2])]
    return hashlib.sha1(name.encode()).hexdigest()


def build_world(world: dict[str, Any], folder: Path) -> tuple[DuckDB, config.Config]:
    """Load and build *world* in a warehouse of its own; return it with the configuration."""
    given = {key: world[key] for key in ("metrics", "services") if key in world}
    settings = config.parse(given | {"overrides": [mark(row) for row in world.get("overrides", ())]}, {})
    warehouse = DuckDB(":memory:")
    write(world["given"], folder)
    pipeline.load(warehouse, [folder], lambda _: None)
    pipeline.build(warehouse, settings, world.get("now", NOW))
    return warehouse, settings


def mark(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `overrides` as `[[overrides]]` of the configuration writes it."""
    names = {"deployment_id": "deployment", "incident_id": "incident", "is_failed": "failed"}
    return {names.get(key, key): value for key, value in row.items()}


def measure_world(world: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Load and build *world*, and return its figures for its window."""
    warehouse, settings = build_world(world, folder)
    window = Query(start=day(world["window"]["from"]), end=day(world["window"]["to"]))
    return measure(warehouse, settings.metrics, window, NOW)


def figures(warehouse: DuckDB, settings: config.Config, world: dict[str, Any], service: str) -> dict[str, Any]:
    """Return the figures of one service in the world's window."""
    return figures_of_all(warehouse, settings, *asked(world))[service]


def asked(world: dict[str, Any]) -> tuple[date, date, datetime]:
    """Return the window that a world asks for, and the time at which it does."""
    return day(world["window"]["from"]), day(world["window"]["to"]), world.get("now", NOW)


def figures_of_all(
    warehouse: DuckDB, settings: config.Config, start: date, end: date, now: datetime
) -> dict[str, dict[str, Any]]:
    """Return the figures of a window, by service."""
    rows = measure(warehouse, settings.metrics, Query(start=start, end=end), now)
    return {row["service"]: row for row in rows}


def groups(worlds: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Group worlds by what they configure."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, world in worlds.items():
        found.setdefault(json.dumps(world.get("metrics", {}), sort_keys=True), {})[name] = world
    return found


def merge(worlds: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Put worlds of one configuration side by side; its name goes before their names."""
    merged: dict[str, Any] = {"metrics": {}, "services": [], "given": {}, "overrides": []}
    for name, world in worlds.items():
        merged["metrics"] = world.get("metrics", {})
        merged["overrides"] += renamed(world.get("overrides", []), name)
        merged["services"] += renamed(world["services"], name)
        for stream, rows in world["given"].items():
            moved = [renamed(_owned(stream, row), name) for row in rows]
            merged["given"].setdefault(stream, []).extend(moved)
    return merged


def _owned(stream: str, row: dict[str, Any]) -> dict[str, Any]:
    """Fill in what tells the rows of one world from those of another."""
    if stream.startswith("ghes_"):
        return {"repository": "acme/r"} | row
    return {"source": "bot"} | row if stream == "incidents" else row


def renamed(value: Any, name: str, key: str = "") -> Any:
    """Put the name of a world before the names that are in it."""
    if isinstance(value, dict):
        return {inner: renamed(each, name, inner) for inner, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, name, key) for each in value]
    if key in _NAMES and isinstance(value, str):
        return f"{name.lower()}-{value}" if value else value
    return value.replace("acme/", f"{name.lower()}/") if isinstance(value, str) else value


def write(given: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Write the *given* rows as one CSV file per stream."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in given.items():
        full = [_complete(name, row) for row in rows]
        header = [column for column in STREAMS[name].header if any(column in row for row in full)]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header)
            writer.writeheader()
            writer.writerows(full)


def load_yaml(file: Path) -> dict[str, Any]:
    """Read one scenario."""
    return dict(yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader))


def _complete(stream: str, row: dict[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    if stream.startswith("ghes_"):
        defaults = {"host": "ghe.example", "repository": "acme/r"}
    if stream in {"ghes_commits", "ghes_pull_request_commits"}:
        defaults["committed_at"] = row["authored_at"]
    if stream == "ghes_pull_requests":
        defaults |= {"id": 1000 + row["number"], "updated_at": row["created_at"], "labels": []}
    if stream == "incidents":
        defaults |= {"source": "bot", "updated_at": row["started_at"]}
    return {column: _written(column, value) for column, value in (defaults | row).items()}


def _written(column: str, value: Any) -> Any:
    """Write a value as its source's CSV has it."""
    if column == "parents" and isinstance(value, list):
        return json.dumps([sha(parent) for parent in value])
    if column in _SHA_COLUMNS and value is not None:
        return sha(value)
    if isinstance(value, list):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else value


def day(value: date | str) -> date:
    """Return a date."""
    return value if isinstance(value, date) else date.fromisoformat(value)

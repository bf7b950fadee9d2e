"""Where a figure comes from, and what an outside system's failure does to it: read from the SQL itself.

A column depends on others in two ways. *Values* are the columns that its expression is computed from. *Conditions* are
the columns that decide which rows it is computed over: joins, filters, groups. A left join decides only over columns
that are taken from its right side. What `link` computes in Python is declared in `_LINKED`, and held to the statements
that it runs by a test.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from fourkeys.config import Metrics
from fourkeys.errors import UsageError
from fourkeys.mart import views
from fourkeys.mart.selects import ROWS, Inputs, Place, Statement
from fourkeys.streams import DERIVED, STREAMS, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RAW = "raw."
_NAMES = {"raw": "raw", "mart": "mart"}
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)

_DEPLOYMENT = {
    name: frozenset({Place("stg_deployments", name)})
    for name in ("service", "environment", "deployment_id", "repository")
}
_SHA = frozenset({Place("stg_deployments", "sha"), Place("raw.ghes_commits", "sha")})
_ORDER = frozenset({Place("stg_deployments", "finished_at"), Place("stg_deployments", "deployment_id")})
_GRAPH = frozenset({Place("raw.ghes_commits", "parents"), Place("raw.ghes_commits", "repository")}) | _SHA
_LINKED: dict[str, dict[str, frozenset[Place]]] = {
    "deployment_links": _DEPLOYMENT
    | {
        "sha": _SHA,
        "position": _ORDER,
        "declared_kind": frozenset({Place("stg_deployments", "declared_kind")}),
        "kind": _GRAPH | {Place("stg_deployments", "declared_kind")},
        "base": _GRAPH,
        "previous_deployment_id": _ORDER,
        "undoes_deployment_id": _GRAPH | _ORDER,
    },
    "deployment_commits": _DEPLOYMENT | {"sha": frozenset({Place("raw.ghes_commits", "sha")})},
    "link_boundaries": {"repository": _DEPLOYMENT["repository"], "sha": _SHA, "is_known": _GRAPH},
}
_LINKED_ROWS = _GRAPH | _ORDER
NEUTRAL = {"int_four_keys": frozenset({"event_days"})}
"""CTEs that only leave out days on which nothing is counted; a test shows that no figure depends on them."""

HEADLINES = {
    "deployments_per_day": "deployment frequency",
    "lead_time_hours_median": "change lead time",
    "change_failure_rate": "change failure rate",
    "failed_deployment_recovery_hours_median": "failed deployment recovery time",
    "time_to_restore_hours_median": "time to restore",
    "deployment_rework_rate": "deployment rework rate",
}
"""Columns of `four_keys_weekly` and the names of the figures that they are."""


class Edge(NamedTuple):
    """One step of lineage: *target* depends on *source*, for its value or as a condition."""

    target: Place
    source: Place
    is_value: bool


class Lineage:
    """All columns of the mart and of the raw tables, and what each depends on."""

    def __init__(self, inputs: Mapping[Place, Inputs]) -> None:
        self._inputs = inputs
        self._users: dict[Place, set[Place]] = defaultdict(set)
        for place, found in inputs.items():
            for source in found.values | found.conditions:
                self._users[source].add(place)

    def inputs(self, place: Place) -> Inputs:
        """Return what *place* depends on directly; nothing for a column of a stream."""
        return self._inputs.get(place, Inputs())

    def columns(self, relation: str) -> tuple[str, ...]:
        """Return the columns of a view or a raw table, in order."""
        if relation.startswith(RAW):
            return _raw(relation).header
        return tuple(place.column for place in self._inputs if place.relation == relation and place.column != ROWS)

    def edges(self, targets: Iterable[Place]) -> list[Edge]:
        """Return every step that leads down from *targets*, each once, nearest first."""
        found: dict[Edge, None] = {}
        waiting, seen = list(targets), set(targets)
        for target in waiting:
            inputs = self.inputs(target)
            for source in sorted(inputs.values | inputs.conditions):
                found[Edge(target, source, source in inputs.values)] = None
                if source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return list(found)

    def ends(self, targets: Iterable[Place]) -> dict[Place, bool]:
        """Return the columns of streams that *targets* end at; true where they are values all the way."""
        targets = list(targets)
        values = _reached(targets, lambda place: self.inputs(place).values)
        reached = _reached(targets, lambda place: self.inputs(place).values | self.inputs(place).conditions)
        ends = [place for place in sorted(reached) if place.relation.startswith(RAW) and place not in self._inputs]
        return {place: place in values for place in ends if place.column != ROWS}

    def users(self, sources: Iterable[Place]) -> list[Place]:
        """Return every column of the mart that depends on one of *sources*, however far."""
        sources = list(sources)
        reached = _reached(sources, lambda place: self._users[place])
        return sorted(place for place in reached - set(sources) if place.column != ROWS)

    def places(self, text: str, *, raw_first: bool = False) -> list[Place]:
        """Return the columns that `RELATION` or `RELATION.COLUMN` means; a stream may be meant by its name alone.

        Raises:
            UsageError: there is no such view, table or column; the hint names the nearest.
        """
        relation, column = self._split(text, raw_first=raw_first)
        columns = self.columns(relation)
        if column and column not in columns:
            raise UsageError(f"{relation} has no column {column!r}", _near(column, columns))
        return [Place(relation, name) for name in ([column] if column else columns)]

    def _split(self, text: str, *, raw_first: bool) -> tuple[str, str]:
        names = {place.relation for place in self._inputs} | {f"{RAW}{name}" for name in STREAMS}
        for prefix in (RAW, "") if raw_first else ("", RAW):
            whole = prefix + text
            head, _, tail = whole.rpartition(".")
            if whole in names:
                return whole, ""
            if head in names:
                return head, tail
        known = sorted(name.removeprefix(RAW) for name in names)
        raise UsageError(f"unknown view or stream {text!r}", _near(text.partition(".")[0], known))


def read(chosen: Iterable[views.View] | None = None) -> Lineage:
    """Read the lineage of views from their SQL: of all, or of *chosen*, each after those that it reads."""
    found: dict[Place, Inputs] = {}
    schema = {
        "raw": {name: {column.name: column.type.bigquery for column in each.columns} for name, each in _tables()},
        "mart": {},
    }
    values = views.settings(Metrics(), _ANY_TIME)
    for view in views.views() if chosen is None else chosen:
        sql = views.render(view.text, _NAMES, values)
        statement = Statement(sql, schema, NEUTRAL.get(view.name, frozenset()))
        for column, inputs in statement.outputs().items():
            found[Place(view.name, column)] = inputs
        schema["mart"][view.name] = dict.fromkeys(statement.columns, "STRING")
    for table, columns in _LINKED.items():
        for column, sources in columns.items():
            found[Place(f"{RAW}{table}", column)] = Inputs(sources, _LINKED_ROWS)
        found[Place(f"{RAW}{table}", ROWS)] = Inputs(frozenset(), _LINKED_ROWS)
    return Lineage(found)


@cache
def _known() -> Lineage:
    return read()


def affected(streams: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the figures that may be wrong where *streams* are stale or failed."""
    lineage = _known()
    sources = [place for name in streams for place in _stream_places(lineage, name)]
    users = set(lineage.users(sources))
    return tuple(name for column, name in HEADLINES.items() if Place("four_keys_weekly", column) in users)


def _stream_places(lineage: Lineage, name: str) -> list[Place]:
    relation = f"{RAW}{name}"
    return [*(Place(relation, column) for column in lineage.columns(relation)), Place(relation, ROWS)]


def stream_of(place: Place) -> Stream | None:
    """Return the stream or the derived table that *place* is a column of; None for a view's column."""
    return _raw(place.relation) if place.relation.startswith(RAW) else None


def description(place: Place) -> str:
    """Return what the column means, in one line."""
    if stream := stream_of(place):
        return stream.column(place.column).description
    model = views.models().get(place.relation)
    column = model.columns.get(place.column) if model else None
    return column.description if column else ""


def _raw(relation: str) -> Stream:
    name = relation.removeprefix(RAW)
    return STREAMS[name] if name in STREAMS else DERIVED[name]


def _tables() -> Iterable[tuple[str, Stream]]:
    return (STREAMS | DERIVED).items()


def _reached(start: Iterable[Place], step: Callable[[Place], Iterable[Place]]) -> set[Place]:
    waiting = list(start)
    seen = set(waiting)
    while waiting:
        new = set(step(waiting.pop())) - seen
        seen |= new
        waiting.extend(new)
    return seen


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 3, 0.5)
    return f"did you mean {' or '.join(near)}?" if near else "`fourkeys lineage` lists all views"

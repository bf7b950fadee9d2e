"""The SQL of the mart: found, put in order, rendered, applied.

The files under `sql/` are GoogleSQL with placeholders: `${raw}` and `${mart}` for the namespaces, and the settings of
`[metrics]`. A view's name is its file's name; what it reads is what it names as `${mart}.name`. `sql/models.yml` says
what a row of each is, its key, whether its rows are stored, and what its columns mean.
"""

from __future__ import annotations

import graphlib
import hashlib
import importlib.metadata
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Literal

import msgspec

from fourkeys import __version__
from fourkeys.warehouses.base import Definition
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from importlib.resources.abc import Traversable

    from fourkeys.config import Metrics
    from fourkeys.warehouses.base import Warehouse

_FOLDERS = ("staging", "intermediate", "marts")
_READS = re.compile(r"\$\{mart\}\.(\w+)")
PERIODS = "${mart}.int_period_inputs"
"""What `int_four_keys` reads its periods from, unless the caller has others."""

_CLUSTERED_BY = "grain", "service"
"""What the stored rows of a table are kept together by on BigQuery, where it has these columns."""


class ModelColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a view.

    Attributes:
        type: BigQuery's name of its type.
        description: what the value is, in one line; units where it has one.
    """

    type: str
    description: str


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `sql/models.yml` says of a view.

    Attributes:
        description: what one row is, in one line.
        key: the columns that identify a row; unique and not null.
        materialized: table where its rows are stored by `build`, view where they are computed when read.
        columns: by name, in order.
        kept_by: of a table, the column that tells whether a stored row still holds: `build` computes only those rows
            again for whose key the periods that it is computed from have another value there.
    """

    description: str
    key: tuple[str, ...]
    materialized: Literal["table", "view"]
    columns: dict[str, ModelColumn]
    kept_by: str | None = None


_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class View:
    """One SQL file.

    Attributes:
        name: of the file and of the view.
        folder: staging, intermediate or marts.
        text: GoogleSQL with placeholders.
    """

    name: str
    folder: str
    text: str

    @property
    def reads(self) -> frozenset[str]:
        """Names of the views that it reads."""
        return frozenset(_READS.findall(self.text.replace("${periods}", PERIODS)))


def sql_folder() -> Traversable:
    """Return the folder `sql/`: in the installed package, or in the checkout."""
    installed = resources.files("fourkeys") / "sql"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "sql"


@cache
def views() -> tuple[View, ...]:
    """Return all views, each after those that it reads."""
    found = {
        file.name.removesuffix(".sql"): View(file.name.removesuffix(".sql"), folder, file.read_text(encoding="utf-8"))
        for folder in _FOLDERS
        for file in sorted((sql_folder() / folder).iterdir(), key=lambda entry: entry.name)
        if file.name.endswith(".sql")
    }
    order = graphlib.TopologicalSorter({name: sorted(view.reads) for name, view in found.items()}).static_order()
    return tuple(found[name] for name in order)


@cache
def models() -> dict[str, Model]:
    """Return what `sql/models.yml` says, by name of the view."""
    return msgspec.yaml.decode((sql_folder() / "models.yml").read_bytes(), type=dict[str, Model])


def settings(metrics: Metrics, now: datetime) -> dict[str, str]:
    """Return the placeholders that stand for configuration and for the time, as GoogleSQL."""
    return {
        "timezone": metrics.timezone,
        "environment": _escaped(metrics.environment),
        "incident_link_hours": repr(float(metrics.incident_link_hours)),
        "hotfix_labels": _strings(label.lower() for label in metrics.hotfix_labels),
        "hotfix_branches": _strings(metrics.hotfix_branches),
        "request_window_minutes": str(metrics.request_window_minutes),
        "request_minimum": str(metrics.request_minimum),
        "request_z": repr(float(metrics.request_z)),
        "request_rate_increase": repr(float(metrics.request_rate_increase)),
        "availability_target": f"cast({_number(metrics.availability_target)} as float64)",
        "now": f"timestamp '{rfc3339(now)}'",
    }


def _version(names: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Return a hash of what the mart is made by, beside events and the time: names, settings, SQL, its translation."""
    parts = [
        __version__,
        importlib.metadata.version("sqlglot"),
        *names.values(),
        *(value for name, value in values.items() if name != "now"),
        *_CLUSTERED_BY,
        *(view.text for view in views()),
        (sql_folder() / "models.yml").read_text(encoding="utf-8"),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def render(text: str, names: Mapping[str, str], values: Mapping[str, str], periods: str = PERIODS) -> str:
    """Fill in the placeholders of *text*; other *periods* are a query in parentheses, and are not kept."""
    if periods != PERIODS:
        periods = f"(select *, 0 as inputs from {periods})"
    return Template(text.replace("${periods}", periods)).substitute(values, **names)


def apply(warehouse: Warehouse, metrics: Metrics, now: datetime, folders: Iterable[str] = _FOLDERS) -> int:
    """Make the views of *folders*, and remove what no file describes; returns their number.

    What is there in this version is left as it is, if it is a view, and keeps the rows that still hold, if it is a
    table that can tell.
    """
    chosen = [view for view in views() if view.folder in folders]
    values, names, present = settings(metrics, now), warehouse.names, warehouse.relations()
    version = _version(names, values)
    kinds = {view.name: models()[view.name].materialized for view in views()}
    made = {name for name, held in present.items() if held == (kinds.get(name), version)}
    gone = {name: held.kind for name, held in sorted(present.items()) if kinds.get(name) != held.kind}
    warehouse.make(
        [
            _definition(view, version, names, values, is_made=view.name in made)
            for view in chosen
            if view.name not in made or kinds[view.name] == "table"
        ],
        gone,
    )
    return len(chosen)


def _definition(
    view: View, version: str, names: Mapping[str, str], values: Mapping[str, str], *, is_made: bool
) -> Definition:
    model = models()[view.name]
    text, stale = view.text, None
    if model.kept_by and is_made:
        same = " and ".join(f"held.{name} = periods.{name}" for name in (*model.key, model.kept_by))
        text = text.replace(
            "${periods}",
            f"(select periods.* from {PERIODS} as periods "
            f"left join ${{mart}}.{view.name} as held on {same} where held.{model.kept_by} is null)",
        )
        stale = render(f"not exists (select 1 from {PERIODS} as periods where {same})", names, values)
    by = _CLUSTERED_BY if model.materialized == "table" else ()
    return Definition(
        name=view.name,
        kind=model.materialized,
        version=version,
        query=render(text, names, values),
        stale=stale,
        description=model.description,
        columns={name: (column.type, column.description) for name, column in model.columns.items()},
        clustered_by=tuple(name for name in by if name in model.columns),
    )


def _number(value: float | None) -> str:
    return "null" if value is None else repr(float(value))


def _strings(values: Iterable[str]) -> str:
    """Write strings as a GoogleSQL array."""
    texts = ", ".join(map(quoted, values))
    return f"[{texts}]" if texts else "cast([] as array<string>)"


def quoted(value: str) -> str:
    """Write a string as GoogleSQL."""
    return f"'{_escaped(value)}'"


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES)

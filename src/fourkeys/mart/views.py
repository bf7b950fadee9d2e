"""The SQL of the mart: found, put in order, rendered, applied.

The files under `sql/` are GoogleSQL with placeholders: `${raw}` and `${mart}` for the namespaces, and the settings of
`[metrics]`. A view's name is its file's name; what it reads is what it names as `${mart}.name`. `sql/models.yml` says
what a row of each is, its key, whether its rows are stored, and what its columns mean.
"""

from __future__ import annotations

import graphlib
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Literal

import msgspec

from fourkeys.errors import WarehouseError
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
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
    """Return the placeholders that stand for configuration, as GoogleSQL; `version` is of all but the time."""
    values = {
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
    }
    return values | {"now": f"timestamp '{rfc3339(now)}'", "version": _version(tuple(values.values()))}


@cache
def _version(values: tuple[str, ...]) -> str:
    """Return a hash of what all figures depend on beside their events: settings and SQL."""
    parts = [
        *values,
        *_CLUSTERED_BY,
        *(view.text for view in views()),
        (sql_folder() / "models.yml").read_text(encoding="utf-8"),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def render(text: str, names: Mapping[str, str], values: Mapping[str, str], periods: str = PERIODS) -> str:
    """Fill in the placeholders of *text*; other *periods* are a query in parentheses, and are not kept."""
    if periods != PERIODS:
        periods = f"(select *, '' as inputs from {periods})"
    return Template(text.replace("${periods}", periods)).substitute(values, **names)


def apply(warehouse: Warehouse, metrics: Metrics, now: datetime, folders: Iterable[str] = _FOLDERS) -> int:
    """Create or replace the views of *folders*, and remove what no file describes; returns their number."""
    chosen = [view for view in views() if view.folder in folders]
    values = settings(metrics, now)
    present = warehouse.relations()
    gone = set(present) - {view.name for view in views()}
    kept = {view.name for view in chosen if view.name in present and _is_kept(warehouse, view.name, values["version"])}
    warehouse.execute(_statements(chosen, gone, present, kept, warehouse.names, values))
    return len(chosen)


def _is_kept(warehouse: Warehouse, name: str, version: str) -> bool:
    """Whether the stored rows of a view are of this version, so that those that still hold can be kept."""
    column, mart = models()[name].kept_by, warehouse.names["mart"]
    if column is None:
        return False
    try:
        return bool(warehouse.query(f"select 1 from {mart}.{name} where starts_with({column}, '{version}') limit 1"))
    except WarehouseError:  # it has other columns, from an older version: it is made anew
        return False


def _statements(
    chosen: Iterable[View],
    gone: Iterable[str],
    present: Mapping[str, str],
    kept: Collection[str],
    names: Mapping[str, str],
    values: Mapping[str, str],
) -> Iterator[str]:
    for name in sorted(gone):
        yield f"drop {present[name]} {names['mart']}.{name}"
    for view in chosen:
        model = models()[view.name]
        if present.get(view.name, model.materialized) != model.materialized:
            yield f"drop {present[view.name]} {names['mart']}.{view.name}"
        text = _only_changed(view, model) if view.name in kept else view.text
        yield f"{_head(names['mart'], view.name, model)} as\n{render(text, names, values)}"


def _only_changed(view: View, model: Model) -> str:
    """Return the text of a view that takes those of its stored rows that still hold, and computes the others."""
    same = " and ".join(f"held.{name} = periods.{name}" for name in (*model.key, model.kept_by))
    held = f"${{mart}}.{view.name} as held"
    changed = (
        f"(select periods.* from {PERIODS} as periods left join {held} on {same} where held.{model.kept_by} is null)"
    )
    return (
        f"select held.* from {held} inner join {PERIODS} as periods on {same}\n"
        f"union all\nselect * from (\n{view.text.replace('${periods}', changed)}\n)"
    )


def _head(mart: str, name: str, model: Model) -> str:
    """Write what stands before a view's query: its name, its columns and what they mean.

    The label tells what fourkeys made from what others keep in the same place.
    """
    columns = ",\n".join(
        f"  `{column}`{f' {its.type}' if model.materialized == 'table' else ''} "
        f"options (description = {quoted(its.description)})"
        for column, its in model.columns.items()
    )
    options = f"description = {quoted(model.description)}, labels = [('managed_by', 'fourkeys')]"
    by = [column for column in _CLUSTERED_BY if column in model.columns and model.materialized == "table"]
    clustered = f"cluster by {', '.join(by)}\n" if by else ""
    return f"create or replace {model.materialized} {mart}.{name} (\n{columns}\n)\n{clustered}options ({options})"


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

"""Golden scenarios: small worlds, worked out by hand, and the figures that a correct mart gives."""

from __future__ import annotations

import json
import os
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from expectations import assert_figures, assert_views
from worlds import asked, build_world, figures, figures_of_all, groups, load_yaml, merge, renamed

if TYPE_CHECKING:
    from fourkeys.warehouses.duckdb import DuckDB

SCENARIOS = {file.stem: load_yaml(file) for file in sorted(Path(__file__).parent.glob("*.yaml"))}
SHARED = Path(os.environ.get("FOURKEYS_SHARED", "/nonexistent")) / "golden" / "scenarios.json"


@pytest.mark.parametrize("metrics", groups(SCENARIOS), ids=str)
def test_side_by_side(metrics: str, tmp_path: Path) -> None:
    """Scenarios of one configuration, loaded into one warehouse, do not disturb each other."""
    chosen = groups(SCENARIOS)[metrics]
    warehouse, settings = build_world(merge(chosen), tmp_path)

    measured, held = cache(partial(figures_of_all, warehouse, settings)), cache(partial(read, warehouse))
    for name, world in chosen.items():
        expect = renamed(world["expect"], name)
        assert_figures(expect, measured(*asked(world))[expect["service"]])
        # The company is one here, and `unmapped` is everybody's.
        views = {view: rows for view, rows in world.get("views", {}).items() if "company" not in view}
        own = {view: [row for row in rows if row.get("service") != "unmapped"] for view, rows in views.items()}
        assert_views(renamed(own, name), held)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, tmp_path: Path) -> None:
    """The figures of a small world are those worked out by hand."""
    world = SCENARIOS[name]
    warehouse, settings = build_world(world, tmp_path)

    assert_figures(world["expect"], figures(warehouse, settings, world, world["expect"]["service"]))
    assert_views(world.get("views", {}), partial(read, warehouse))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs FOURKEYS_SHARED")
def test_contract_scenarios(tmp_path: Path) -> None:
    """The scenarios of the contract hold as they are written there."""
    for world in json.loads(SHARED.read_text(encoding="utf-8")):
        given = world | {"given": world["streams"]}
        warehouse, settings = build_world(given, tmp_path / world["name"])

        assert_figures(world["expect"], figures(warehouse, settings, given, world["expect"]["service"]))


def read(warehouse: DuckDB, view: str) -> list[dict[str, Any]]:
    """Return the rows of a view."""
    return warehouse.query(f"select * from main.{view}")

"""Golden scenarios: small worlds, worked out by hand, and the figures that a correct mart gives."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from worlds import load_yaml, measure_world

SCENARIOS = sorted(Path(__file__).parent.glob("*.yaml"))
SHARED = Path(os.environ.get("FOURKEYS_SHARED", "/nonexistent")) / "golden" / "scenarios.json"


def assert_figures(expect: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare the keys that *expect* names with the row of its service, numbers to 1e-6."""
    row = next(row for row in rows if row["service"] == expect["service"])
    for key, value in expect.items():
        wanted = pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
        assert wanted == row[key], key


@pytest.mark.parametrize("file", SCENARIOS, ids=[file.stem for file in SCENARIOS])
def test_scenario(file: Path, tmp_path: Path) -> None:
    """The figures of a small world are those worked out by hand."""
    world = load_yaml(file)

    assert_figures(world["expect"], measure_world(world, tmp_path))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs FOURKEYS_SHARED")
def test_contract_scenarios(tmp_path: Path) -> None:
    """The scenarios of the contract hold as they are written there."""
    for world in json.loads(SHARED.read_text(encoding="utf-8")):
        given = world | {"given": world["streams"]}

        assert_figures(world["expect"], measure_world(given, tmp_path / world["name"]))

"""Random worlds: every figure of the mart equals that of an oracle in plain Python."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from oracle import Oracle
from random_worlds import world
from worlds import NOW, build_world

from fourkeys.mart.metrics import Query, measure

WINDOWS = [
    (date(2024, 2, 26), date(2024, 4, 15)),
    (date(2024, 3, 3), date(2024, 3, 12)),
    (date(2024, 3, 4), date(2024, 3, 5)),
]


@pytest.mark.parametrize("seed", range(6))
def test_every_figure_equals_the_oracle(seed: int, tmp_path: Path) -> None:
    """Thirty services at once, three windows, sixteen figures each."""
    given = world(seed)
    warehouse, settings = build_world(given, tmp_path)
    oracles = {service["name"]: Oracle(given, service) for service in given["services"]}
    differences = []
    for start, end in WINDOWS:
        for row in measure(warehouse, settings.metrics, Query(start=start, end=end), NOW):
            for key, value in oracles[row["service"]].figures(start, end).items():
                wanted = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
                if wanted != row[key]:
                    differences.append((row["service"], start.isoformat(), key, value, row[key]))

    assert [] == differences

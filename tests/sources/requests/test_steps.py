"""Rule (e): what the requests of a harmless deployment look like by chance does not make it failed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "bench" / "request_steps.py"


@pytest.fixture(scope="module")
def bench() -> Any:
    """Return the module that computes the chances, exactly and with the mart's own view."""
    spec = importlib.util.spec_from_file_location("request_steps", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_harmless_deployment_hardly_ever_fails(bench: Any) -> None:
    """Once in 5,000 at most, also with many requests before and few after, where a normal test errs 1 in 200 times."""
    cells = [(100, 100, 0.1), (300, 300, 0.03), (1_000, 100, 0.003), (10_000, 100, 0.001), (10_000, 300, 0.003)]
    chances = bench.chances_of_failing([bench.Cell(before, after, rate, rate) for before, after, rate in cells])

    assert len(cells) == len(chances)
    assert max(chances) < 1 / 5_000


def test_a_harmful_deployment_fails(bench: Any) -> None:
    """A rise from 0.1 % to 3 % is found nine times in ten once there are 1,000 requests on each side."""
    (chance,) = bench.chances_of_failing([bench.Cell(1_000, 1_000, 0.001, 0.031)])

    assert chance > 0.9

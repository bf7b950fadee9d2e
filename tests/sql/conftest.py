"""Which tests go to one worker: those of a company, and those of all statements, whose set-up takes its time."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scheduling import OneWorkerEach
from worlds import load_yaml

GOLDEN = Path(__file__).parents[1] / "golden"


@cache
def company_of(name: str) -> str:
    """Return the name of the company that a scenario is in: the settings that it has."""
    return json.dumps(load_yaml(GOLDEN / f"{name}.yaml").get("metrics", {}), sort_keys=True)


def scope(nodeid: str) -> str:
    """Return what a test shares with others."""
    test, _, parameters = nodeid.rpartition("::")[2].partition("[")
    if test == "test_same_rows":
        return parameters.rpartition("-")[0]
    if test == "test_golden":
        return company_of(parameters.removesuffix("]"))
    return "statements" if "test_statements.py" in nodeid else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerEach:
    """Schedule by what tests share."""
    return OneWorkerEach(config, log, scope)

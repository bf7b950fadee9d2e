"""Which tests go to one worker: those of a company, and those of all statements, whose set-up takes its time."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from worlds import load_yaml
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Callable

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


class OneWorkerEach(LoadScopeScheduling):
    """Schedules by what tests share: with pytest 9.2, xdist does not see the groups of marks."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., Any]) -> LoadScopeScheduling:
    """Schedule by what tests share."""
    return OneWorkerEach(config, log)

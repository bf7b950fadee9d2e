"""The bash of the tasks, with a program in the place of fourkeys; needs no Airflow."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """#!/bin/bash
echo "$*" >> calls
case "$1" in
  sources) echo ghes;;
  extract) exit CODE;;
esac
"""
SINCE = "2d'; touch hacked"


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return `fourkeys.airflow`; what it takes from Airflow stands still."""
    for name in ("airflow", "airflow.sdk", "airflow.timetables", "airflow.timetables.interval"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    yield importlib.import_module("fourkeys.airflow")
    del sys.modules["fourkeys.airflow"]


EXTRACT, LOAD = (
    f"extract ghes --since {SINCE} --until 2026-10-01 --out my data/ghes --quiet",
    "load my data/ghes --quiet",
)


@pytest.mark.parametrize(
    ("source", "code", "expected", "calls"),
    [
        ("ghes", 0, 0, ["sources", EXTRACT, LOAD]),
        ("ghes", 3, 3, ["sources", EXTRACT, LOAD]),
        ("ghes", 1, 1, ["sources", EXTRACT]),
        ("heroku", 0, 99, ["sources"]),
    ],
    ids=["all was read", "a part was read", "nothing was read", "not configured"],
)
def test_a_source_is_loaded_as_far_as_it_was_read(
    wiring: Any, tmp_path: Path, source: str, code: int, expected: int, calls: list[str]
) -> None:
    """The exit code is the extraction's; 99, which Airflow skips, where there is nothing to read; all is quoted."""
    program = tmp_path / "four keys"
    program.write_text(PROGRAM.replace("CODE", str(code)), encoding="utf-8")
    program.chmod(0o755)
    job = wiring.Job(folder=str(tmp_path), data="my data", command=str(program))
    done = subprocess.run(
        ["bash", "-c", wiring.source_command(job, source, SINCE, "2026-10-01")], cwd=tmp_path, check=False, timeout=30
    )

    assert expected == done.returncode
    assert calls == (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert not (tmp_path / "hacked").exists()


def test_deployed_commits_are_read_in_the_same_window(wiring: Any, tmp_path: Path) -> None:
    """A person's window holds for them too; nothing is loaded where nothing was read."""
    program = tmp_path / "fourkeys"
    program.write_text(PROGRAM.replace("CODE", "0"), encoding="utf-8")
    program.chmod(0o755)
    job = wiring.Job(folder=str(tmp_path), data="data", command=str(program))
    command = wiring.deployed_command(job, "2026-09-01", "2026-10-01")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, timeout=30)

    extract = "extract deployed --since 2026-09-01 --until 2026-10-01 --out data/ghes-deployed --quiet"
    assert ["sources", extract] == (tmp_path / "calls").read_text(encoding="utf-8").splitlines()

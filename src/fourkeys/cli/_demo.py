"""`fourkeys demo`: the simulated company through the real pipeline, and its own answer beside ours."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fourkeys import config, pipeline
from fourkeys.cli import _common, _figures
from fourkeys.errors import CheckError, UsageError
from fourkeys.mart.metrics import Query, measure
from fourkeys.report import write_report
from fourkeys.sandbox import Sandbox
from fourkeys.sandbox.clock import NOW
from fourkeys.window import Window

_MARK = ".fourkeys-demo"


def play(directory: Path, say: Callable[[str], None]) -> None:
    """Extract, load, build and measure the simulated company in *directory*, and compare with its answer.

    Raises:
        UsageError: *directory* holds something that is no earlier demo.
        CheckError: a figure differs from what the simulation knows.
    """
    _make_room(directory)
    with Sandbox(directory / "company", sources=("heroku", "incidents", "requests")) as sandbox:
        file = directory / "fourkeys.toml"
        file.write_text(sandbox.config_text + _warehouse(directory), encoding="utf-8")
        written = sandbox.write_files()
        settings = config.load(file, sandbox.environment)
        first, end = sandbox.window
        say(f"a company of {len(settings.services)} services answers at {settings.sources.ghes.url}; reading it")
        with _common.warehouse(settings) as warehouse:
            pipeline.load(warehouse, [each for each in written if each.suffix == ".csv"], _common.hush)
        out, opened = directory / "data", lambda: _common.warehouse(settings)
        pipeline.run(pipeline.Night(opened, settings, sandbox.environment, Window(), out, NOW, _common.hush))
        with _common.warehouse(settings, read_only=True) as warehouse:
            write_report(warehouse, settings, NOW, directory / "report.html")
            rows = measure(warehouse, settings.metrics, Query(start=first, end=end), NOW)
        answer = {str(row["service"]): dict(row) for row in sandbox.answer()}
    _figures.print_figures(
        rows, more=("as the simulation knows", lambda row: _agreement(row, answer.get(row["service"], {})))
    )
    differences = list(_differences(rows, answer))
    if differences:
        raise CheckError("the figures are not what the simulation knows: " + "; ".join(differences))
    count = sum(len(row) for row in answer.values())
    say(f"{len(rows)} services, {count} figures: all as the simulation knows them")
    say(f"open {directory / 'report.html'} in a browser; the data and the configuration are beside it")
    say(f"look further with: fourkeys metrics --config {file} --by month")


def _make_room(directory: Path) -> None:
    """Empty the folder of an earlier demo; leave anything else alone."""
    mark = directory / _MARK
    if directory.exists() and any(directory.iterdir()) and not mark.exists():
        raise UsageError(f"{directory} is not empty, and no demo made it", "give another folder with --dir")
    if mark.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _warehouse(directory: Path) -> str:
    return f'\n[warehouse]\nurl = "duckdb:///{(directory.resolve() / "fourkeys.duckdb").as_posix()}"\n'


def _differences(rows: list[dict[str, Any]], answer: dict[str, dict[str, Any]]) -> list[str]:
    found = {row["service"]: row for row in rows}
    if missing := set(answer) ^ set(found):
        return [f"services {sorted(missing)}"]
    return [
        f"{service} {key}: {found[service].get(key)!r} where {value!r} is right"
        for service, expected in answer.items()
        for key, value in expected.items()
        if not _equal(found[service].get(key), value)
    ]


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    return bool(str(ours) == str(theirs))


def _agreement(row: dict[str, Any], known: dict[str, Any]) -> str:
    same = sum(_equal(row.get(key), value) for key, value in known.items())
    return f"{same} of {len(known)} figures"

"""`fourkeys metrics` and `fourkeys explain` as somebody reads them in a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fourkeys.cli import _figures

if TYPE_CHECKING:
    from conftest import Built

SEPTEMBER = ("--from", "2026-09-01", "--to", "2026-10-01")
FREQUENCY, LEAD_TIME, FAILURES = _figures.FIGURES[:3]


def typed(built: Built, *arguments: str, columns: int = 80, **environment: str) -> str:
    """Return what the program prints in a terminal that is *columns* wide."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "fourkeys", *arguments, "--config", str(built.config_file)]
    surroundings = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), **environment}
    with subprocess.Popen(command, stdout=its, stdin=its, stderr=its, env=surroundings) as process:
        os.close(its)
        printed = b""
        while chunk := read(ours):
            printed += chunk
        assert 0 == process.wait(60), printed.decode()
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    """Read from a terminal; nothing once the program has let go of it."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_metrics_fit_a_narrow_terminal(built: Built) -> None:
    """At 80 columns no line is wider and nothing is cut; each figure has its n under it, and arrows are explained."""
    printed = typed(built, "metrics", *SEPTEMBER, TERM="dumb", NO_COLOR="1")
    lines = printed.splitlines()

    assert 80 >= max(map(len, lines))
    assert "…" not in printed
    assert "\x1b" not in printed
    assert {"service-01", "silent"} <= {line.partition(" ")[0] for line in lines}
    assert 7 * len(_figures.FIGURES) == sum(line.count("n ") for line in lines if not line[0].strip())
    assert ["from 2026-09-01 to before 2026-10-01", _figures.LEGEND] == lines[-2:]


def test_months_have_arrows_against_the_month_before(built: Built) -> None:
    """Of rows that follow one another, the first has no arrow, and the others go against the one before."""
    printed = typed(built, "metrics", "--by", "month", "--service", "service-01", "--from", "2026-07-01", NO_COLOR="1")
    july, august = (next(line for line in printed.splitlines() if day in line) for day in ("2026-07-01", "2026-08-01"))

    assert not set("▲▼≈") & set(july)
    assert set("▲▼≈") & set(august)


def test_explain_fits_a_narrow_terminal(built: Built) -> None:
    """At 80 columns the definition and the rows are folded, not cut, and times are those of the time zone."""
    printed = typed(built, "explain", "deployment_frequency", "--service", "service-01", "--period", "2026-09")

    assert "…" not in printed
    assert "deployments = " in printed
    assert "2026-09-" in printed
    assert "Z" not in printed


@pytest.mark.parametrize(
    ("now", "before", "partial", "expected"),
    [
        ((2.0, 60), (1.0, 30), False, ("▲", "better")),
        ((1.0, 30), (2.0, 60), False, ("▼", "worse")),
        ((1.05, 31), (1.0, 30), False, ("≈", "")),
        ((2.0, 60), (0.1, 4), False, ("▲", "")),
        ((2.0, 60), (1.0, 30), True, ("▲", "")),
    ],
)
def test_which_way_a_figure_went(
    now: tuple[float, int], before: tuple[float, int], partial: bool, expected: tuple[str, str]
) -> None:
    """A tenth is steady; nothing is judged of fewer than five, nor of a period that is not over."""
    rows = [{"deployments_per_day": value, "deployments": n, "is_partial": partial} for value, n in (now, before)]

    assert expected == (FREQUENCY.way(*rows), FREQUENCY.judgement(*rows))


def test_less_is_better_of_times_and_rates() -> None:
    """A shorter lead time is better; a rate within the interval of the other period is steady; no data has no way."""
    key, rate = "lead_time_hours_median", "change_failure_rate"
    wide = {rate: 0.2, f"{rate}_low": 0.05, f"{rate}_high": 0.5, "deployments": 10}
    high = {rate: 0.4, f"{rate}_low": 0.2, f"{rate}_high": 0.7, "deployments": 10}
    sure = {rate: 0.4, f"{rate}_low": 0.39, f"{rate}_high": 0.41, "deployments": 9000}
    few = {rate: 0.1, f"{rate}_low": 0.09, f"{rate}_high": 0.11, "deployments": 9000}

    assert "better" == LEAD_TIME.judgement({key: 5.0, "changes": 9}, {key: 9.0, "changes": 9})
    assert "" == LEAD_TIME.way({key: None, "changes": 0}, {key: 9.0, "changes": 9})
    assert "≈" == FAILURES.way(high, wide)
    assert ("▲", "worse") == (FAILURES.way(sure, few), FAILURES.judgement(sure, few))


@pytest.mark.parametrize(
    ("write", "value", "expected"),
    [
        (_figures.per_day, 1.5, "1.5/day"),
        (_figures.per_day, 0.4, "2.8/week"),
        (_figures.per_day, 0.1, "3.0/30 d"),
        (_figures.per_day, 0.0, "0"),
        (_figures.hours, 0.5, "30 min"),
        (_figures.hours, 3.25, "3.2 h"),
        (_figures.hours, 47.0, "47 h"),
        (_figures.hours, 72.0, "3.0 d"),
        (_figures.percent, 0.054, "5.4%"),
    ],
)
def test_how_values_are_written(write: Any, value: float, expected: str) -> None:
    """Each value in the unit that reads best."""
    assert expected == write(value)

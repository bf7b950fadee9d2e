"""Bad nights: whatever breaks, the data are true, or the message says what is missing and the next run repairs it.

A locked warehouse is tried by default; `make test-faults` tries all the rest, with seeds.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulty import KINDS, Tables, broken, run, settings_of, tables

from fourkeys.errors import FourkeysError, WarehouseError
from fourkeys.sandbox import Sandbox
from fourkeys.warehouses.duckdb import DuckDB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEDS = int(os.environ.get("FOURKEYS_FAULT_SEEDS", "3"))
KILLS = int(os.environ.get("FOURKEYS_KILLS", "50"))
FATAL = {"expired", "gone"}
full = pytest.mark.faults


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company, with all its sources."""
    with Sandbox(tmp_path_factory.mktemp("company"), sources=("heroku", "incidents", "requests")) as running:
        running.write_files()
        yield running


@pytest.fixture(scope="module")
def toml(sandbox: Sandbox) -> str:
    """Return a configuration of services that all the sources feed."""
    names = tuple(plan.service for plan in sandbox.company.plans if plan.deployments_from == "heroku")
    return settings_of(sandbox, (*names, "shop"))


@pytest.fixture(scope="module")
def truth(sandbox: Sandbox, toml: str, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return what a quiet night gives."""
    place = tmp_path_factory.mktemp("truth")
    (place / "fourkeys.toml").write_text(toml, encoding="utf-8")
    assert run(place, sandbox.environment) is None
    found = tables(place)
    filled = {name for name in found if found[name]}
    assert {"raw.heroku_releases", "raw.incidents", "raw.request_counts", "raw.deployment_commits"} <= filled
    return found


@pytest.fixture
def place(tmp_path: Path, toml: str) -> Path:
    """Return a folder with the configuration."""
    (tmp_path / "fourkeys.toml").write_text(toml, encoding="utf-8")
    return tmp_path


def start(place: Path, sandbox: Sandbox, *, most: int | None = None) -> subprocess.Popen[str]:
    """Start `fourkeys run` in a folder; no file of it may grow beyond *most* bytes."""

    def limit() -> None:
        if most:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.Popen(
        [sys.executable, "-m", "fourkeys", "run", "--quiet"],
        cwd=place, env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | sandbox.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit,  # noqa: PLW1509 - no thread holds a lock that it needs
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return exit code and what was said; there is no traceback and no secret in it."""
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    assert "sandbox-token" not in out + err
    return process.returncode, err


@full
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_breaks(place: Path, sandbox: Sandbox, truth: Tables, kind: str, seed: int) -> None:
    """GHES and Heroku: what passes is waited out; what does not is named, and the next run ends with the truth."""
    with broken(kind, seed) as made:
        error = run(place, sandbox.environment)
    assert sum(each.broken for each in made) > 0
    if kind in FATAL:
        assert error
        assert error.exit_code in {1, 3}
        assert "127.0.0.1" in error.message
        assert error.hint
    else:
        assert error is None, error
        assert truth == tables(place)
    assert run(place, sandbox.environment) is None
    assert truth == tables(place)


def _locked(path: Path) -> Callable[[], None]:
    held = sqlite3.connect(path, timeout=0)
    held.execute("begin exclusive")
    return held.close


def _cut(path: Path) -> Callable[[], None]:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return lambda: _restore(path, whole)


def _gone(path: Path) -> Callable[[], None]:
    whole = path.read_bytes()
    path.unlink()
    return lambda: _restore(path, whole)


def _restore(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)


@full
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("requests.ndjson.gz", _cut),
        ("incidents.sqlite", _locked),
        ("incidents.sqlite", _cut),
        ("incidents.sqlite", _gone),
        ("requests.ndjson.gz", _gone),
    ],
)
def test_a_file_or_database_that_breaks(
    place: Path, sandbox: Sandbox, truth: Tables, name: str, fault: Callable[[Path], Callable[[], None]]
) -> None:
    """The incident bot's database locked, cut or gone, a log cut or gone: named with 3, and repaired."""
    mend = fault(sandbox.directory / name)
    try:
        error = run(place, sandbox.environment)
    finally:
        mend()
    assert isinstance(error, FourkeysError)
    assert 3 == error.exit_code
    assert name.partition(".")[0] in error.message
    assert truth["raw.ghes_commits"] == tables(place)["raw.ghes_commits"]
    assert run(place, sandbox.environment) is None
    assert truth == tables(place)


@full
@pytest.mark.parametrize("most", [1 << size for size in (12, 15, 16, 18, 21, 22)])
def test_a_disk_that_is_full(place: Path, sandbox: Sandbox, truth: Tables, most: int) -> None:
    """When a file cannot grow, the exit code and the message say so; with room again all is well.

    At the largest size the run ends well: what the database's file cannot hold is in its log.
    """
    code, said = ended(start(place, sandbox, most=most))
    assert code in {1, 3} or (code == 0 and most == 1 << 22)
    assert ("error: " in said) == ("try: " in said) == (code != 0)
    assert 0 == ended(start(place, sandbox))[0]
    assert truth == tables(place)


def test_a_warehouse_that_is_locked(place: Path, sandbox: Sandbox) -> None:
    """Another process has the warehouse: said at once, and nothing is lost; gone with its folder: said too."""
    held = DuckDB(str(place / "fourkeys.duckdb"))
    code, said = ended(start(place, sandbox))
    held.close()
    assert 1 == code
    assert "another run has it open" in said
    with pytest.raises(WarehouseError, match="no/such/place"):
        DuckDB("no/such/place")


@full
def test_two_runs_at_once(place: Path, sandbox: Sandbox, truth: Tables) -> None:
    """Two runs in one folder: neither spoils the other's files; who cannot go on says so; a third run has the truth."""
    both = [start(place, sandbox), start(place, sandbox)]
    codes = [ended(each)[0] for each in both]
    assert set(codes) <= {0, 1, 3}
    assert 0 == ended(start(place, sandbox))[0]
    assert truth == tables(place)


@full
def test_killed_at_any_moment(place: Path, sandbox: Sandbox, truth: Tables, tmp_path: Path) -> None:
    """Killed at random moments (by a seed) and run again: no row differs from that of a quiet night."""
    dice = random.Random(9)
    began = time.monotonic()
    assert 0 == ended(start(place, sandbox))[0]
    whole = time.monotonic() - began
    differing, kills = [], 0
    for number in range(KILLS):
        folder = tmp_path / f"kill{number}"
        folder.mkdir()
        shutil.copy(place / "fourkeys.toml", folder)
        process = start(folder, sandbox)
        time.sleep(dice.uniform(0, whole))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert 0 == ended(start(folder, sandbox))[0]
        if truth != tables(folder):
            differing.append(number)
        shutil.rmtree(folder)
    print(f"{KILLS} runs killed within {whole:.1f} s ({kills} before their end): {len(differing)} differ")  # noqa: T201 - the result
    assert [] == differing

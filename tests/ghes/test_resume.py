"""A run that is killed goes on from its last checkpoint, and ends as an uninterrupted one."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from fourkeys import config
from fourkeys.files import CHECKPOINT, Output, read_manifest
from fourkeys.sources.ghes import Plan, extract
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from conftest import Replay

pytestmark = pytest.mark.shared
csv.field_size_limit(sys.maxsize)
GHES = tuple(s for s in STREAMS.values() if s.source == "ghes")
PLAN = Plan(GHES, ("Shopify/toxiproxy",))
Tables = dict[str, list[tuple[Any, ...]]]


class Killed(BaseException):
    """Ends a run as nothing that the extractor knows."""


@pytest.fixture(scope="module")
def replay(replays: Callable[..., Replay]) -> Replay:
    """Return a server of one repository."""
    return replays("Shopify__toxiproxy", "--no-warm")


@pytest.fixture(scope="module")
def whole(replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return what an uninterrupted run writes."""
    out = tmp_path_factory.mktemp("whole")
    with Output(out) as output:
        extract(config.Ghes(url=replay.api), None, PLAN, output, lambda _: None)
    return tables(out)


def tables(out: Path) -> Tables:
    """Return the rows of all CSV files in a folder, sorted, without the time at which they were read."""
    found = {}
    for path in out.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            found[path.stem] = sorted(tuple(row[:-1]) for row in csv.reader(file))
    return found


def test_a_run_killed_again_and_again_ends_whole(
    replay: Replay, whole: Tables, tmp_path: Path, recorder: Callable[..., Any]
) -> None:
    """Killed after every hundred requests, the run still ends, asks for nothing twice, and writes every row once."""
    asked: list[str] = []
    kills = 0
    while True:
        left = 100

        def kill(request: httpx.Request) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            asked.append(f"{request.url} {request.content.decode()}")

        try:
            with Output(tmp_path) as output:
                settings, transport = config.Ghes(url=replay.api), recorder(kill)
                extract(settings, None, PLAN, output, lambda _: None, transport=transport, checkpoint_seconds=0)
        except Killed:
            kills += 1
            assert not list(tmp_path.glob("*.csv"))
            assert kills < 50
        else:
            break

    assert kills > 5
    assert {name: len(rows) for name, rows in whole.items()} == {n: len(rows) for n, rows in tables(tmp_path).items()}
    assert whole == tables(tmp_path)
    pages = [each for each in asked if "/files" not in each]  # those of fifty pull requests are one page
    assert len(pages) - len(set(pages)) < 12 * kills
    manifest = read_manifest(tmp_path)
    assert manifest
    assert {(s.name, PLAN.repositories[0] if s.name != "ghes_users" else "") for s in GHES} == {
        (mark.stream, mark.partition) for entry in manifest.streams.values() for mark in entry.watermarks
    }


def test_a_killed_process_leaves_what_the_next_one_needs(replays: Callable[..., Replay], tmp_path: Path) -> None:
    """SIGKILL in the middle: no CSV is visible; the same run again ends as one that was never killed."""
    slow = replays("Shopify__toxiproxy", "--no-warm", "--latency-ms", "30")
    program = (
        "import sys\nfrom pathlib import Path\nfrom fourkeys import config\nfrom fourkeys.files import Output\n"
        "from fourkeys.sources.ghes import Plan, extract\nfrom fourkeys.streams import STREAMS\n"
        "streams = tuple(s for s in STREAMS.values() if s.source == 'ghes')\n"
        "with Output(Path(sys.argv[2])) as output:\n"
        "    extract(config.Ghes(url=sys.argv[1]), None, Plan(streams, ('Shopify/toxiproxy',)), output, print,"
        " checkpoint_seconds=0.05)\n"
    )
    command = [sys.executable, "-c", program, slow.api]
    process = subprocess.Popen([*command, str(tmp_path / "killed")], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    checkpoint = tmp_path / "killed" / CHECKPOINT
    while not checkpoint.exists() or checkpoint.stat().st_size < 3000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)

    assert not list((tmp_path / "killed").glob("*.csv"))
    subprocess.run([*command, str(tmp_path / "killed")], check=True, stdout=subprocess.DEVNULL, timeout=120)
    subprocess.run([*command, str(tmp_path / "whole")], check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert tables(tmp_path / "whole") == tables(tmp_path / "killed")
    assert not checkpoint.exists()

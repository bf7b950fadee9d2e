"""Request logs of the replay: single requests, counted here, equal the minutes that the replay itself tells."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from fourkeys import config
from fourkeys.files import Output
from fourkeys.sources.requests import Plan, extract

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shared


def test_two_days_equal_the_replays_own_minutes(shared: Path, tmp_path: Path) -> None:
    """Requests and failed requests of every minute of two days are those that the generator aimed at."""
    python = os.environ.get("FOURKEYS_REPLAY_PYTHON", sys.executable)
    corpus = str(shared / "corpora" / "alphagov__content-store.jsonl.gz")

    def generated(kind: str) -> bytes:
        return subprocess.run(
            [python, "-m", "replay.requests", "--corpus", corpus, "--from", "2024-04-01", "--to", "2024-04-03",
             "--format", kind],
            cwd=shared / "replay", capture_output=True, timeout=120, check=True,
        ).stdout  # fmt: skip

    (tmp_path / "log.ndjson").write_bytes(generated("requests"))
    with Output(tmp_path / "out") as output:
        extract(config.Requests(), Plan((str(tmp_path / "log.ndjson"),)), output, lambda _: None)
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    with (tmp_path / "out" / "request_counts.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            entry = found[row["service_key"], row["minute"]]
            entry[0] += int(row["requests"])
            entry[1] += int(row["errors"])
    minutes = [json.loads(line) for line in generated("minutes").splitlines()]

    assert 2880 == len(minutes)
    assert {(m["service"], m["ts"]): [m["requests"], m["status_5xx"]] for m in minutes if m["requests"]} == found

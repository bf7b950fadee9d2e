"""The database of the replay: what the default mapping makes of it equals what the replay knows."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fourkeys import config
from fourkeys.files import Output, read_manifest
from fourkeys.sources.incidents import Plan, extract

pytestmark = pytest.mark.shared


def test_the_default_mapping_reads_the_replay(shared: Path, tmp_path: Path) -> None:
    """Every incident and event is there; the one that was resolved before it began is kept and told."""
    python = os.environ.get("FOURKEYS_REPLAY_PYTHON", sys.executable)
    corpus = shared / "corpora" / "alphagov__content-store.jsonl.gz"
    program = (
        "import sys, json; from replay.corpus import load; from replay.model import World; "
        "from replay import incidents; world = World([load(sys.argv[1])]); "
        "incidents.write_sqlite(sys.argv[2], world, world.now); "
        "json.dump(incidents.build(world, world.now), sys.stdout)"
    )
    database = tmp_path / "incidents.sqlite"
    done = subprocess.run(
        [python, "-c", program, str(corpus), str(database)],
        cwd=shared / "replay", capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    incidents, events = json.loads(done.stdout)
    with Output(tmp_path / "out") as output:
        extract(config.Incidents(), f"sqlite:///{database}", Plan(), output, lambda _: None)
    names = {
        "id": "incident_id", "title": "title", "service": "service_key", "severity": "severity",
        "opened_at": "started_at", "detected_at": "detected_at", "resolved_at": "resolved_at",
        "updated_at": "updated_at",
    }  # fmt: skip

    assert [{ours: str(row[theirs] or "") for theirs, ours in names.items()} for row in incidents] == [
        {ours: row[ours] for ours in names.values()} for row in rows(tmp_path / "out" / "incidents.csv")
    ]
    assert [row["deploy_ref"] or "" for row in incidents] == [
        row["deployment_id"] + row["cause_sha"] for row in rows(tmp_path / "out" / "incidents.csv")
    ]
    assert [(str(e["id"]), e["event_type"], e["message"] or "", e["created_at"]) for e in events] == [
        (row["event_id"], row["event_type"], row["message"], row["created_at"])
        for row in rows(tmp_path / "out" / "incident_events.csv")
    ]
    manifest = read_manifest(tmp_path / "out")
    assert manifest
    assert ("incident 3 was resolved before it started",) == manifest.streams["incidents"].warnings


def rows(file: Path) -> list[dict[str, str]]:
    """Return a CSV's rows."""
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))

"""What goes wrong in the simulated company: the incident bot's database and the request log."""

from __future__ import annotations

import gzip
import sqlite3
import tomllib
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fourkeys.config import parse
from fourkeys.sandbox import Sandbox
from fourkeys.sandbox.clock import TOKYO, local_date
from fourkeys.sandbox.company import Company

if TYPE_CHECKING:
    from pathlib import Path


class Request(msgspec.Struct):
    """What a line of the log must say."""

    ts: str
    status: int


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The company with all that goes wrong in it, its files written, without servers."""
    made = Sandbox(tmp_path_factory.mktemp("sandbox"), sources=("heroku", "incidents", "requests"))
    made.write_files()
    return made


@pytest.fixture(scope="module")
def incidents(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The rows of the bot's database."""
    connection = sqlite3.connect(sandbox.directory / "incidents.sqlite")
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM incidents ORDER BY id")]
    connection.close()
    return rows


def at(text: str) -> datetime:
    """Read a time of the database."""
    return datetime.fromisoformat(text)


def test_awkward_incidents(incidents: list[dict[str, Any]]) -> None:
    """Open, dirty, unrelated and security incidents, and every way to name a deployment, are there."""
    closed = [row for row in incidents if row["resolved_at"]]
    assert len(incidents) - len(closed) == 2
    assert sum(at(row["resolved_at"]) < at(row["opened_at"]) for row in closed) == 1
    assert sum(row["change_related"] == 0 for row in incidents) == 2
    assert ["checkout"] == [row["service"] for row in incidents if row["kind"] == "security"]
    assert "printer" in {row["service"] for row in incidents}
    assert {None, 7, 8, 40} == {row["deploy_ref"] and len(row["deploy_ref"]) for row in incidents}
    assert any(row["detected_at"] is None for row in incidents)


def test_one_incident_spans_midnight_in_tokyo(incidents: list[dict[str, Any]]) -> None:
    """An incident begins at 23:30 and ends at 00:45 in Tokyo: it counts for the day on which it ended."""
    spans = [(at(row["opened_at"]), at(row["resolved_at"])) for row in incidents if row["resolved_at"]]
    found = [(a, b) for a, b in spans if b - a == timedelta(minutes=75)]
    assert [("23:30", "00:45")] == [tuple(f"{t.astimezone(TOKYO):%H:%M}" for t in span) for span in found]


def test_reopened_incident_is_one_incident(sandbox: Sandbox, incidents: list[dict[str, Any]]) -> None:
    """A reopened incident has one row, whose end is the last close, and the events that tell the story."""
    connection = sqlite3.connect(sandbox.directory / "incidents.sqlite")
    events = connection.execute(
        "SELECT incident_id, event_type, created_at FROM incident_events ORDER BY id"
    ).fetchall()
    connection.close()
    number = next(incident for incident, kind, _ in events if kind == "reopened")
    story = [(kind, when) for incident, kind, when in events if incident == number]
    assert ["declared", "resolved", "reopened", "resolved"] == [kind for kind, _ in story]
    assert story[-1][1] == incidents[number - 1]["resolved_at"]


def test_incidents_are_near_what_they_are_blamed_on(sandbox: Sandbox) -> None:
    """By construction: each service's failures are those that its incidents, rollbacks and reverts name."""
    with_them, without = sandbox.company, Company.simulate(sources=("heroku",))
    more = {
        a["service"]: (int(str(a["failed_deployments"])) - int(str(b["failed_deployments"])), a["restored_incidents"])
        for a, b in zip(with_them.answer(), without.answer(), strict=True)
    }
    assert more == {
        "catalog": (3, 2),
        "checkout": (3, 3),
        "ledger": (2, 3),
        "notifications": (1, 2),
        "search": (2, 2),
        "shop": (3, 4),
    }


def test_request_log_shows_the_bad_deployment(sandbox: Sandbox) -> None:
    """Before the bad deployment 0.05 % of the requests fail, after it 8 %; nothing else tells of it."""
    traffic = sandbox.company.traffic
    assert traffic
    counts: Counter[tuple[bool, bool]] = Counter()
    log = gzip.decompress((sandbox.directory / "requests.ndjson.gz").read_bytes())
    bad_at = f"{traffic.bad.at:%Y-%m-%dT%H:%M:%S}"
    for request in msgspec.json.Decoder(Request).decode_lines(log):
        counts[request.ts >= bad_at, request.status >= 500] += 1
    assert sum(counts.values()) > 100_000
    assert counts[False, True] / (counts[False, True] + counts[False, False]) == pytest.approx(0.0005, rel=0.02)
    assert counts[True, True] / (counts[True, True] + counts[True, False]) == pytest.approx(0.08, rel=0.02)
    assert (True, [], []) == (traffic.bad.failed, traffic.bad.resolved, traffic.bad.undone)


def test_request_log_holds_a_good_deployment_too(sandbox: Sandbox) -> None:
    """The log begins before the deployment that precedes the bad one."""
    traffic = sandbox.company.traffic
    assert traffic
    ledger = next(ledger for ledger in sandbox.company.ledgers if ledger.service == "checkout")
    before = [s.at for s in ledger.shipments if s.at < traffic.bad.at]
    assert traffic.since < before[-1] < traffic.bad.at
    assert local_date(traffic.until - timedelta(seconds=1)) == local_date(traffic.bad.at)


def test_configuration_maps_the_database(incidents: list[dict[str, Any]], tmp_path: Path) -> None:
    """The configuration names columns that the database has, keeps one kind, and says where the log is."""
    with Sandbox(tmp_path, sources=("heroku", "incidents", "requests")) as running:
        config = parse(tomllib.loads(running.config_text), running.environment)
        sources, environment = config.sources, running.environment
    assert set(sources.incidents.records.columns.values()) <= set(incidents[0])
    assert {"security"} == {row["kind"] for row in incidents} - set(sources.incidents.kind_names)
    assert (str(tmp_path / "requests.ndjson.gz"),) == sources.requests.files
    assert environment["INCIDENT_DATABASE_URL"] == f"sqlite:///{tmp_path / 'incidents.sqlite'}"
    assert {"checkout": ("checkout-web",)} == {s.name: s.request_keys for s in config.services if s.request_keys}


def test_files_are_the_same_every_time(sandbox: Sandbox, tmp_path: Path) -> None:
    """Written again elsewhere, the CSV file and the log are the same bytes and the database the same rows."""
    again = Sandbox(tmp_path, sources=("heroku", "incidents", "requests")).write_files()
    assert ["deployments.csv", "incidents.sqlite", "requests.ndjson.gz"] == [file.name for file in again]
    for file in again[::2]:
        assert file.read_bytes() == (sandbox.directory / file.name).read_bytes()
    dumps = []
    for file in (again[1], sandbox.directory / "incidents.sqlite"):
        connection = sqlite3.connect(file)
        dumps.append(list(connection.iterdump()))
        connection.close()
    assert dumps[0] == dumps[1]

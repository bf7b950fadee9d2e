"""What a run tells in OpenLineage's words."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fourkeys import config, openlineage, pipeline
from fourkeys.cli import _common
from fourkeys.errors import FileError, FourkeysError
from fourkeys.mart.views import models
from fourkeys.streams import STREAMS
from fourkeys.window import Window

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[dict[str, str], Any]]]]:
    """Run a lineage server that keeps what it is told."""
    told: list[tuple[dict[str, str], Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((dict(self.headers), json.loads(body)))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/api/v1/lineage", told
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_run_tells_each_step(tmp_path: Path) -> None:
    """A source that failed is told as failed, the build as complete, with the schema and lineage of every view."""
    environment = {"INCIDENT_DATABASE_URL": "sqlite:////no/such/s3cr3t"}
    services = [{"name": "shop", "incident_keys": ["shop"]}]
    settings = config.parse({"services": services, "warehouse": {"url": f"duckdb:///{tmp_path}/w.duckdb"}}, environment)
    file = tmp_path / "events.ndjson"
    events = openlineage.Events("prod", [openlineage.to_file(file)], lambda: NOW)
    opened = partial(_common.warehouse, settings)
    night = pipeline.Night(opened, settings, environment, Window(), tmp_path, NOW, print)
    with pytest.raises(FourkeysError, match="no such file"):
        pipeline.run(night, events.step)
    told = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    done = told[-1]

    assert [
        ("START", "fourkeys.extract.incidents"), ("FAIL", "fourkeys.extract.incidents"),
        ("START", "fourkeys.build"), ("COMPLETE", "fourkeys.build"),
    ] == [(event["eventType"], event["job"]["name"]) for event in told]  # fmt: skip
    assert 2 == len({uuid.UUID(event["run"]["runId"]) for event in told})
    assert "no such file" in told[1]["run"]["facets"]["errorMessage"]["message"]
    assert ["raw.incidents", "raw.incident_events"] == [each["name"] for each in told[0]["outputs"]]
    assert set(models()) == {each["name"] for each in done["outputs"]}
    assert {"raw.ghes_releases", "raw.incidents"} <= {each["name"] for each in done["inputs"]}
    weekly = next(each for each in done["outputs"] if each["name"] == "four_keys_weekly")
    assert list(models()["four_keys_weekly"].columns) == [
        field["name"] for field in weekly["facets"]["schema"]["fields"]
    ]
    inputs = weekly["facets"]["columnLineage"]["fields"]["change_failure_rate"]["inputFields"]
    assert ("prod", "int_four_keys", "change_failure_rate") in {(i["namespace"], i["name"], i["field"]) for i in inputs}
    assert all(each["producer"].startswith("urn:") and each["schemaURL"].endswith("/RunEvent") for each in told)


def test_a_server_is_told(server: tuple[str, list[tuple[dict[str, str], Any]]]) -> None:
    """Events are posted with the key; nothing is said where that works."""
    url, told = server
    said: list[str] = []
    events = openlineage.Events("fourkeys", [openlineage.to_server(url, "k3y", said.append)], lambda: NOW)
    with events.step("extract.heroku"):
        pass

    assert ["START", "COMPLETE"] == [event["eventType"] for _, event in told]
    assert {"Bearer k3y"} == {{k.lower(): v for k, v in headers.items()}["authorization"] for headers, _ in told}
    assert [field.name for field in STREAMS["heroku_releases"].columns] == [
        field["name"] for field in told[0][1]["outputs"][0]["facets"]["schema"]["fields"]
    ]
    assert [] == said


def test_no_run_fails_by_a_server_that_is_away() -> None:
    """What cannot be told is said, without the key, and the step goes on."""
    said: list[str] = []
    url = "http://127.0.0.1:9/api/v1/lineage"
    events = openlineage.Events("fourkeys", [openlineage.to_server(url, "k3y", said.append)], lambda: NOW)
    ran = False
    with events.step("extract.heroku"):
        ran = True

    assert ran
    assert 2 == len(said)
    assert "lineage of fourkeys.extract.heroku was not told: 127.0.0.1:9: no usable answer" in said[0]
    assert "k3y" not in str(said)


def test_a_file_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    """Before anything is read, the place of the file is named."""
    with pytest.raises(FileError, match="no/such"):
        openlineage.to_file(tmp_path / "no" / "such")

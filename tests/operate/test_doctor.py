"""The doctor: each check can fail, says why and what to do, and tells no secret."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fourkeys import config
from fourkeys.cli import _common
from fourkeys.config import Ghes
from fourkeys.doctor import Check, examine
from fourkeys.doctor import _sources as checks
from fourkeys.doctor import _storage as storage
from fourkeys.sandbox import Sandbox
from fourkeys.sources.ghes import Account, Look, look
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Watermark

NOW = datetime(2026, 10, 2, tzinfo=UTC)
SECRET = "s3cr3t-of-ours"
SERVICE = {"name": "shop", "repositories": ["acme/shop"], "deployments_from": "releases"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company."""
    with Sandbox(tmp_path_factory.mktemp("company"), sources=("heroku", "incidents", "requests")) as running:
        running.write_files()
        yield running


def seen(folder: Path, data: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Check]:
    """Examine a configuration; returns the checks by name, the worst of each."""
    settings = config.parse({"warehouse": {"url": f"duckdb:///{folder}/w.duckdb"}} | dict(data), environment)
    found: dict[str, Check] = {}
    for check in examine(
        settings, environment, NOW, folder, lambda read: _common.warehouse(settings, read_only=read), list
    ):
        if check.name not in found or check.state != "ok":
            found[check.name] = check
    assert SECRET not in str(found)
    assert all(check.fix for check in found.values() if check.state != "ok"), found
    return found


def test_all_is_well(tmp_path: Path, sandbox: Sandbox) -> None:
    """The simulated company is fine in every part but its clock, which stands in its own present."""
    (tmp_path / "fourkeys.toml").write_text(sandbox.config_text, encoding="utf-8")
    environment = sandbox.environment | {"FOURKEYS_WAREHOUSE": f"duckdb:///{tmp_path}/w.duckdb"}
    settings = config.load(tmp_path / "fourkeys.toml", environment)
    found = list(examine(settings, sandbox.environment, NOW, tmp_path, lambda _: _common.warehouse(settings), list))

    assert ["ghes clock"] == [check.name for check in found if check.state != "ok" and check.name != "disk"]
    assert {"configuration", "ghes server", "ghes token", "ghes graphql", "ghes rate limit", "ghes repositories",
            "heroku", "incidents", "requests", "warehouse"} <= {check.name for check in found}  # fmt: skip
    assert not (tmp_path / "w.duckdb").exists()


@pytest.mark.parametrize(
    ("services", "environment", "name", "state", "says"),
    [
        ([SERVICE], {"GITHUB_API_TOKEN": SECRET}, "ghes token", "fail", "the token was refused"),
        ([SERVICE], {"GITHUB_API_TOKEN": ""}, "ghes token", "fail", "no token"),
        ([SERVICE], {"GITHUB_API_URL": "http://127.0.0.1:9/api/v3"}, "ghes server", "fail", "cannot connect"),
        ([SERVICE], {"GITHUB_API_URL": ""}, "ghes server", "fail", "no address"),
        ([SERVICE | {"repositories": ["acme/nope"]}], {}, "ghes repository acme/nope", "fail", "not found"),
        ([SERVICE | {"repositories": ["nope/x"]}], {}, "ghes repository nope/x", "fail", "no organization or account"),
        ([SERVICE | {"heroku_apps": {"production": ["none"]}}], {}, "heroku app none", "fail", "not found"),
        ([SERVICE | {"heroku_apps": {"production": ["a"]}}], {"HEROKU_API_KEY": SECRET}, "heroku", "fail", "refused"),
        ([SERVICE | {"heroku_apps": {"production": ["a"]}}], {"HEROKU_API_KEY": ""}, "heroku", "fail", "no API key"),
        ([SERVICE | {"incident_keys": ["shop"]}], {"INCIDENT_DATABASE_URL": ""}, "incidents", "warn", "no database"),
        ([SERVICE], {"INCIDENT_DATABASE_URL": SECRET}, "incidents", "fail", "URL of the incident database is none"),
        ([SERVICE], {"INCIDENT_DATABASE_URL": "sqlite:////no/such"}, "incidents", "fail", "no such file"),
        ([], {}, "configuration", "warn", "no services"),
    ],
)
def test_a_source_that_is_not_well_is_named(
    tmp_path: Path,
    sandbox: Sandbox,
    services: list[dict[str, Any]],
    environment: dict[str, str],
    name: str,
    state: str,
    says: str,
) -> None:
    """A refused or missing key, a server that is away, what is not there: the check, its reason and a fix."""
    found = seen(tmp_path, {"services": services}, sandbox.environment | environment)

    assert state == found[name].state
    assert says in found[name].reason


def test_a_database_with_other_columns_is_named(tmp_path: Path) -> None:
    """A mapping that does not fit the database, and a file that is no database, are failures."""
    file = tmp_path / "bot.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table incidents (id text, began text)")
    wrong = seen(tmp_path, {"services": [SERVICE]}, {"INCIDENT_DATABASE_URL": f"sqlite:///{file}"})
    file.write_bytes(b"no database at all, but long enough to look at" * 40)
    none = seen(tmp_path, {"services": [SERVICE]}, {"INCIDENT_DATABASE_URL": f"sqlite:///{file}"})

    assert ("fail", "fail") == (wrong["incidents"].state, none["incidents"].state)
    assert "incidents" in wrong["incidents"].reason


def test_missing_logs_are_named(tmp_path: Path) -> None:
    """A glob that names no file is a failure."""
    found = seen(tmp_path, {"sources": {"requests": {"files": [f"{tmp_path}/*.ndjson"]}}}, {})

    assert "fail" == found["requests"].state
    assert "*.ndjson" in found["requests"].reason


@pytest.mark.parametrize(("url", "says"), [("{}/no/folder/w.duckdb", "No such file"), ("{}/text", "text")])
def test_a_warehouse_that_cannot_be_written_fails(tmp_path: Path, url: str, says: str) -> None:
    """A folder that is not there, and a file that is no warehouse, are failures."""
    (tmp_path / "text").write_text("no warehouse\n" * 1000, encoding="utf-8")
    found = seen(tmp_path, {"warehouse": {"url": "duckdb:///" + url.format(tmp_path)}, "services": [SERVICE]}, {})

    assert "fail" == found["warehouse"].state
    assert says in found["warehouse"].reason


@pytest.mark.parametrize(
    ("steps", "state", "says"),
    [
        ([("select 1", "", False), ("select 2", "no such table", True)], "ok", "2 statements verified; 1 wait"),
        ([("select 1", "", False), ("merge x", "access denied", False)], "fail", "access denied (merge x)"),
    ],
)
def test_bigquery_says_what_it_refuses(steps: list[tuple[str, str, bool]], state: str, says: str) -> None:
    """A statement that is refused is a failure; one that only waits for the first run is none."""
    settings = config.parse({"warehouse": {"url": "bigquery://project/company"}}, {})
    (check,) = storage.bigquery(settings, lambda: steps)

    assert state == check.state
    assert says in check.reason


@pytest.mark.parametrize(("free", "state"), [(10**8, "fail"), (10**9, "warn"), (10**10, "ok")])
def test_a_full_disk_is_named(tmp_path: Path, free: int, state: str) -> None:
    """Little room is a warning, none a failure; a folder that is not there yet counts as the one above."""
    (check,) = storage.disk([tmp_path, tmp_path / "later"], lambda _: free)

    assert state == check.state
    assert str(tmp_path) in check.reason


def test_what_the_data_say(tmp_path: Path) -> None:
    """Old watermarks are named with the figures that depend on them; fresh ones and unread streams are not."""
    file = tmp_path / "w.duckdb"
    csv = tmp_path / "incidents.csv"
    csv.write_text("source,incident_id\nbot,1\n", encoding="utf-8")
    warehouse = DuckDB(str(file))
    warehouse.load(STREAMS["incidents"], csv, [Watermark("incidents", "bot", NOW - timedelta(hours=37))])
    settings = config.parse({"services": [SERVICE]}, {})
    late = list(storage.contents(warehouse, settings, NOW))
    fresh = list(storage.contents(warehouse, settings, NOW - timedelta(hours=2)))
    warehouse.close()

    assert [("freshness incidents", "warn"), ("data", "ok")] == [(check.name, check.state) for check in late]
    assert "affected: change failure rate, failed deployment recovery time, time to restore" in late[0].reason
    assert ["ok", "ok"] == [check.state for check in fresh]


@pytest.mark.parametrize(
    ("account", "state", "says"),
    [
        (Account("bot", ("repo",)), "ok", "scopes: repo"),
        (Account("bot", ("gist",)), "warn", "private repositories cannot be read"),
        (Account("bot", ()), "warn", "scopes: none"),
        (Account("bot", None), "ok", "not told"),
        (Account("bot", ("repo",), NOW + timedelta(days=3)), "warn", "ends at 2026-10-05"),
    ],
)
def test_tokens_are_judged(account: Account, state: str, says: str) -> None:
    """Scopes that are too narrow and a near end are warnings."""
    check = checks._token(account, NOW)

    assert state == check.state
    assert says in check.reason


def test_a_server_without_graphql_and_with_limits(sandbox: Sandbox) -> None:
    """Scopes, end of the token, limits, clock and a missing GraphQL are read from the answers."""

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"date": "Fri, 02 Oct 2026 00:00:00 GMT", "x-oauth-scopes": "repo, read:org",
                   "github-authentication-token-expiration": "2026-10-05 09:00:00 +0900"}  # fmt: skip
        if request.url.path.endswith("/graphql"):
            return httpx.Response(404, json={"message": "Not Found"})
        core = {"remaining": 7, "limit": 5000}
        body = {"installed_version": "3.14.1", "login": "bot", "resources": {"core": core}}
        return httpx.Response(200, json=body, headers=headers)

    settings = Ghes(url="https://ghe.example.com/api/v3")
    now = NOW + timedelta(minutes=5)
    found = look(settings, "t", ["o/r"], transport=httpx.MockTransport(answer), clock=lambda: now)

    assert Account("bot", ("repo", "read:org"), datetime(2026, 10, 5, tzinfo=UTC)) == found.account
    assert ("3.14.1", (7, 5000), {}) == (found.version, found.limit, found.missing)
    assert found.graphql is not None
    assert "300 s after" in checks._clock(found).reason
    assert "warn" == checks._limit(found).state
    assert "ok" == checks._limit(Look("", Account(), None, NOW)).state


def test_the_command(tmp_path: Path) -> None:
    """One line a check; --json is a list of them; a failure ends with 1, also for a file that does not fit."""

    def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "GITHUB_API_URL": "http://127.0.0.1:9/api/v3"}
        command = [sys.executable, "-m", "fourkeys", "doctor", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    away = doctor("--json")
    (tmp_path / "fourkeys.toml").write_text("[metrics]\nzone = 1\n", encoding="utf-8")
    broken = doctor()
    document = json.loads(away.stdout)

    assert (1, 1) == (away.returncode, broken.returncode), away.stderr
    assert {"check", "state", "reason", "fix"} == set(document[0])
    assert ["ghes server"] == [each["check"] for each in document if each["state"] == "fail"]
    assert broken.stdout.startswith("fail  configuration: fourkeys.toml: ")
    assert "      try: " in broken.stdout

"""The first configuration: what it guesses, what it never does, and that it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fourkeys import config, starter
from fourkeys.sandbox import Sandbox
from fourkeys.sources.ghes import Repository

NOW = datetime(2026, 10, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company."""
    with Sandbox(tmp_path_factory.mktemp("company")) as running:
        yield running


def fourkeys(*arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program with nothing but *environment*, and no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "fourkeys", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo"} | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_it_wrote_runs(tmp_path: Path, sandbox: Sandbox) -> None:
    """With an address and a token alone, it writes a file with which `run` gives figures, of GitHub deployments too."""
    written = fourkeys("init", cwd=tmp_path, environment=sandbox.environment)
    text = (tmp_path / "fourkeys.toml").read_text(encoding="utf-8")
    settings = config.load(tmp_path / "fourkeys.toml", {})
    head, *services = text.split("[[services]]")
    chosen = next(each for each in services if 'name = "catalog"' in each)
    (tmp_path / "fourkeys.toml").write_text(f"{head}[[services]]{chosen}", encoding="utf-8")
    run = fourkeys("run", "-q", cwd=tmp_path, environment=sandbox.environment)
    figures = json.loads(fourkeys("metrics", "--format", "json", cwd=tmp_path).stdout)

    assert (0, 0) == (written.returncode, run.returncode), written.stderr + run.stderr
    assert {"shop": "releases", "ledger": "releases", "catalog": "deployments", "search": "deployments",
            "checkout": "merges", "notifications": "merges"} == {
        each.name: each.deployments_from for each in settings.services
    }  # fmt: skip
    assert "# Nobody pushed to these for a year: acme/blank, acme/handbook" in text
    assert "Asia/Tokyo" == settings.metrics.timezone
    assert sandbox.environment["GITHUB_API_URL"] == settings.sources.ghes.url
    assert sandbox.environment["GITHUB_API_TOKEN"] not in text
    assert [("catalog", True)] == [(row["service"], row["deployments"] > 0) for row in figures]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is written over without --force."""
    file = tmp_path / "fourkeys.toml"
    file.write_text("# mine\n", encoding="utf-8")
    refused = fourkeys("init", cwd=tmp_path)
    kept = file.read_text(encoding="utf-8")
    forced = fourkeys("init", "--force", cwd=tmp_path)

    assert (2, 0) == (refused.returncode, forced.returncode)
    assert "--force" in refused.stderr
    assert "# mine\n" == kept
    assert "# mine" not in file.read_text(encoding="utf-8")


def test_without_a_token_it_is_a_template(tmp_path: Path) -> None:
    """The template loads as it is, and every line that is commented out loads too."""
    done = fourkeys("init", cwd=tmp_path)
    text = (tmp_path / "fourkeys.toml").read_text(encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    settings = [line for line in lines if line.startswith("[") or (" = " in line and not line[:1].isupper())]
    filled = config.parse(tomllib.loads("\n".join(settings)), {})

    assert 0 == done.returncode
    assert () == config.load(tmp_path / "fourkeys.toml", {}).services
    assert ("shop",) == filled.services[0].heroku_apps["production"]
    assert "opened_at" == filled.sources.incidents.records.columns["started_at"]
    assert filled.sources.requests.files
    assert "http://proxy:3128" == filled.sources.ghes.proxy


def test_a_template_counts_nothing_and_says_so(tmp_path: Path) -> None:
    """A run without services names the next step, and nothing is wrong with no data."""
    fourkeys("init", cwd=tmp_path)
    ran, checked = fourkeys("run", cwd=tmp_path), fourkeys("check", cwd=tmp_path)

    assert (0, 0) == (ran.returncode, checked.returncode), ran.stderr + checked.stderr
    assert "no services" in ran.stderr
    assert "fourkeys init" in ran.stderr
    assert "nothing is wrong\n" == checked.stdout


@pytest.mark.parametrize(
    ("environment", "arguments", "code", "says"),
    [
        ({"GITHUB_API_TOKEN": "wr0ng"}, (), 1, "the token was refused"),
        ({"GITHUB_API_URL": "http://127.0.0.1:9/api/v3"}, (), 1, "127.0.0.1:9"),
        ({}, ("--org", "nope"), 1, "/orgs/nope/repos"),
        ({"GITHUB_API_URL": ""}, ("--org", "acme"), 2, "GITHUB_API_URL"),
        ({}, ("--config", "no/such/folder.toml"), 1, "no/such/folder.toml"),
    ],
)
def test_what_goes_wrong_writes_nothing(
    tmp_path: Path, sandbox: Sandbox, environment: dict[str, str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    """A refused token, no server, an unknown organization, an impossible place: an error, and no file."""
    done = fourkeys("init", *arguments, cwd=tmp_path, environment=sandbox.environment | environment)

    assert code == done.returncode, done.stderr
    assert says in done.stderr
    assert "wr0ng" not in done.stderr
    assert [] == list(tmp_path.iterdir())


def test_strange_names_still_load() -> None:
    """Descriptions, names and environments with anything in them give a file that loads, each name once."""
    fresh = NOW - timedelta(days=1)
    strange = [
        Repository("a/Web.App_1", 'say "hi" \\ \x7f 🎉 [[services]]', pushed_at=fresh),
        Repository("b/web-app-1", environments=('x\n[[services]]\nname = "evil"', "qa"), pushed_at=fresh),
        Repository("b/web_app_1", team="team-web", pushed_at=fresh, has_releases=True),
        Repository("b/web.app.1", pushed_at=fresh),
        Repository("a/" + "x" * 90, pushed_at=fresh),
        Repository("a/---", pushed_at=fresh),
        Repository("a/old", pushed_at=NOW - timedelta(days=366)),
    ]
    text = starter.write("https://ghe.example.com/api/v3", "UTC", strange, NOW)
    services = config.parse(tomllib.loads(text), {}).services

    assert ["web-app-1", "b-web-app-1", "b-web-app-1-2", "b-web-app-1-3", "x" * 63, "service"] == [
        each.name for each in services
    ]
    assert 'say "hi" \\ \x7f 🎉 [[services]]' == services[0].description
    assert "team-web" == services[2].owner
    assert "none is called production" in text

"""Real histories through the real pipeline: every figure equals an independent computation in plain Python."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from independent import Truth, lead_times, moment, quantile

if TYPE_CHECKING:
    from conftest import Replay

pytestmark = pytest.mark.shared

HISTORIES = {
    "flask": ("pallets/flask", "pallets__flask", "releases"),
    "httpx": ("encode/httpx", "encode__httpx", "releases"),
    "content-store": ("alphagov/content-store", "alphagov__content-store", "merges"),
}


@pytest.fixture(scope="module")
def replay(replays: Callable[..., Replay]) -> Replay:
    """Return a server of the three histories."""
    return replays(*(corpus for _, corpus, _ in HISTORIES.values()), "--no-warm")


@pytest.fixture(scope="module")
def folder(replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which `fourkeys run` was run on the three histories, twice."""
    place = tmp_path_factory.mktemp("histories")
    services = "".join(
        f'\n[[services]]\nname = "{name}"\nrepositories = ["{repository}"]\ndeployments_from = "{source}"\n'
        for name, (repository, _, source) in HISTORIES.items()
    )
    (place / "fourkeys.toml").write_text(f'[sources.ghes]\nurl = "{replay.api}"\n{services}', encoding="utf-8")
    fourkeys(place, "run")
    (place / "once.json").write_text(fourkeys(place, "metrics", "--format", "json"), encoding="utf-8")
    fourkeys(place, "run")
    return place


def fourkeys(place: Path, *arguments: str) -> str:
    """Run the program in *place*, and return its output."""
    command = [sys.executable, "-m", "fourkeys", *arguments]
    environment = os.environ | {"GITHUB_API_TOKEN": "x"}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def deployments(truth: Truth, source: str) -> list[tuple[datetime, str, str]]:
    """Return the deployments of a history: (finished, id, sha)."""
    if source == "releases":
        return [(moment(r["published_at"]), str(r["id"]), r["sha"]) for r in truth.releases]
    main = truth.default_branch
    return [
        (moment(p["merged_at"]), str(p["number"]), p["merge_commit_sha"]) for p in truth.pulls if p["base_ref"] == main
    ]


@pytest.fixture(scope="module", params=list(HISTORIES))
def history(request: pytest.FixtureRequest, replay: Replay, shared: Path) -> tuple[str, Truth, str]:
    """Return a service's name, the truth of its history, and where its deployments come from."""
    repository, corpus, source = HISTORIES[request.param]
    with gzip.open(shared / "corpora" / f"{corpus}.jsonl.gz", "rt", encoding="utf-8") as file:
        return request.param, Truth(replay.base, repository, [json.loads(line) for line in file]), source


def test_the_whole_history(history: tuple[str, Truth, str], folder: Path) -> None:
    """Deployments, changes, and the median and 90th percentile of lead time equal the independent computation."""
    name, truth, source = history
    all_deployments = deployments(truth, source)
    hours = [sample for _, sample in lead_times(truth, all_deployments)]
    rows = json.loads(fourkeys(folder, "metrics", "--by", "total", "--service", name, "--format", "json"))

    assert len(all_deployments) == rows[0]["deployments"] + rows[0]["redeployments"]
    assert len(hours) == rows[0]["changes"]
    assert quantile(hours, 0.5) == pytest.approx(rows[0]["lead_time_hours_median"], rel=1e-6)
    assert quantile(hours, 0.9) == pytest.approx(rows[0]["lead_time_hours_p90"], rel=1e-6)


def test_every_month(history: tuple[str, Truth, str], folder: Path) -> None:
    """The same holds for each month, and for the number of days with deployments."""
    name, truth, source = history
    all_deployments = deployments(truth, source)
    samples = lead_times(truth, all_deployments)
    for row in json.loads(fourkeys(folder, "metrics", "--by", "month", "--service", name, "--format", "json")):
        start, end = (date.fromisoformat(row[key]) for key in ("from", "to"))
        hours = [sample for deployed, sample in samples if start <= deployed.date() < end]
        days = {d[0].date() for d in all_deployments if start <= d[0].date() < end}

        assert len(hours) == row["changes"], start
        assert _near(quantile(hours, 0.5)) == row["lead_time_hours_median"], start
        assert _near(quantile(hours, 0.9)) == row["lead_time_hours_p90"], start
        assert len(days) >= row["deployment_days"] >= (row["deployments"] > 0)
        assert sum(start <= d[0].date() < end for d in all_deployments) == row["deployments"] + row["redeployments"]


def test_running_twice_changes_nothing(folder: Path) -> None:
    """The figures after the second run are those after the first."""
    assert json.loads((folder / "once.json").read_text(encoding="utf-8")) == json.loads(
        fourkeys(folder, "metrics", "--format", "json")
    )


def test_windows_add_up(folder: Path) -> None:
    """Deployments, changes and failures of adjacent windows add up to those of the whole."""
    parts: dict[str, list[Any]] = {key: [] for key in ("deployments", "changes", "failed_deployments")}
    edges = [date(2009, 1, 1) + timedelta(days=n * 1500) for n in range(6)]
    for start, end in itertools.pairwise(edges):
        window = ("--from", start.isoformat(), "--to", end.isoformat())
        rows = json.loads(fourkeys(folder, "metrics", *window, "--format", "json"))
        for key, values in parts.items():
            values.append(sum(row[key] for row in rows))
    whole = ("--from", edges[0].isoformat(), "--to", edges[-1].isoformat())
    total = json.loads(fourkeys(folder, "metrics", *whole, "--format", "json"))

    assert {key: sum(row[key] for row in total) for key in parts} == {key: sum(values) for key, values in parts.items()}
    assert datetime.now(UTC).date() < edges[-1]


def _near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-6, abs=1e-9)

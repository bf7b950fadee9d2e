"""The command line, as a user meets it: a process, its output, its exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from fourkeys.files import CHECKPOINT
from fourkeys.sandbox import Sandbox

csv.field_size_limit(sys.maxsize)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company."""
    with Sandbox(tmp_path_factory.mktemp("company")) as running:
        yield running


@pytest.fixture
def here(tmp_path: Path, sandbox: Sandbox) -> Path:
    """Return an empty folder with a configuration of the simulated company's shop and catalog."""
    head, *services = sandbox.config_text.split("[[services]]")
    chosen = [text for text in services if 'name = "shop"' in text or 'name = "catalog"' in text]
    (tmp_path / "fourkeys.toml").write_text(head + "".join("[[services]]" + text for text in chosen), encoding="utf-8")
    return tmp_path


def fourkeys(
    *arguments: str, cwd: Path, environment: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run the program with nothing but *environment*."""
    return subprocess.run(
        [sys.executable, "-m", "fourkeys", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_run_then_metrics_equal_the_answer(here: Path, sandbox: Sandbox) -> None:
    """The job and the figures work from a configuration file; running it again changes no figure and no row."""
    first, end = (day.isoformat() for day in sandbox.window)
    ask = ("metrics", "--from", first, "--to", end, "--format", "json")
    once = fourkeys("run", cwd=here, environment=sandbox.environment)
    figures = fourkeys(*ask, cwd=here)
    again = fourkeys("run", cwd=here, environment=sandbox.environment)

    assert (0, 0, 0) == (once.returncode, figures.returncode, again.returncode), once.stderr + figures.stderr
    answer = {row["service"]: row for row in sandbox.answer()}
    for row in json.loads(figures.stdout):
        expected = answer[row["service"]]
        for key, value in expected.items():
            wanted = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            assert wanted == row[key], (row["service"], key)
    assert figures.stdout == fourkeys(*ask, cwd=here).stdout
    assert ", 0 linked now" in again.stderr


def test_a_source_that_fails_stops_no_other(here: Path, sandbox: Sandbox) -> None:
    """Where GHES refuses, what can be read is read and loaded, the failure is named, and the exit code is 3."""
    log = '{"ts": "2026-03-01T00:00:00Z", "service": "shop", "status": 200}\n'
    (here / "log.ndjson").write_text(log, encoding="utf-8")
    with (here / "fourkeys.toml").open("a", encoding="utf-8") as file:
        file.write('\n[sources.requests]\nfiles = ["log.ndjson"]\n')
    done = fourkeys("run", cwd=here, environment=sandbox.environment | {"GITHUB_API_TOKEN": "wrong"})

    assert 3 == done.returncode, done.stderr
    assert "error: ghes: " in done.stderr
    assert "request_counts: 1 rows read, 1 new" in done.stderr


def test_a_source_that_fails_at_once_loads_nothing(here: Path, sandbox: Sandbox) -> None:
    """What the last night left is not loaded again, as if it had been read now."""
    first = fourkeys("run", cwd=here, environment=sandbox.environment)
    second = fourkeys("run", cwd=here, environment=sandbox.environment | {"GITHUB_API_TOKEN": "wrong"})

    assert "ghes_commits: " in first.stderr
    assert "rows read" not in second.stderr
    assert 1 == second.returncode, second.stderr


def test_services_and_owners_that_are_not_there_are_refused(here: Path, sandbox: Sandbox) -> None:
    """A typing error is no good news."""
    fourkeys("run", cwd=here, environment=sandbox.environment)
    commands = (("check", "--service", "shpo"), ("metrics", "--owner", "nobody"), ("metrics", "--service", "shpo"))
    for command in commands:
        done = fourkeys(*command, cwd=here)
        assert 2 == done.returncode, done.stderr
        assert f"unknown {command[1][2:]} {command[2]!r}" in done.stderr
    assert "shop" not in fourkeys("check", "--service", "unmapped", cwd=here).stdout


def test_extraction_needs_no_file(tmp_path: Path, sandbox: Sandbox) -> None:
    """Two environment variables and flags are enough; stdout is a CSV and nothing else."""
    done = fourkeys(
        "extract", "ghes", "issues", "--repo", "acme/shop", "--out", "-", cwd=tmp_path, environment=sandbox.environment
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))

    assert 0 == done.returncode, done.stderr
    assert len(rows) > 100
    assert {"acme/shop"} == {row["repository"] for row in rows}
    assert [] == list(tmp_path.iterdir())


def test_a_backfill_moves_no_watermark(here: Path, sandbox: Sandbox) -> None:
    """With an explicit --since, the manifest holds no watermark, and `status` shows none after loading."""
    extract = ("extract", "ghes", "issues", "--repo", "acme/shop", "--since", "2026-01-01", "--out", "data")
    fourkeys(*extract, cwd=here, environment=sandbox.environment)
    fourkeys("load", "data", cwd=here)
    status = json.loads(fourkeys("status", "--json", cwd=here).stdout)

    assert [None] == [row["watermark"] for row in status]
    assert status[0]["rows"] > 0


def test_by_month_the_window_is_cut(here: Path, sandbox: Sandbox) -> None:
    """Periods are cut at the window's edges, and their deployments add up to the total."""
    assert 0 == fourkeys("run", "-q", cwd=here, environment=sandbox.environment).returncode
    window = ("--from", "2026-01-15", "--to", "2026-03-10", "--service", "shop", "--format", "json")
    months = json.loads(fourkeys("metrics", *window, "--by", "month", cwd=here).stdout)
    total = json.loads(fourkeys("metrics", *window, cwd=here).stdout)

    assert [("2026-01-15", "2026-02-01"), ("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-03-10")] == [
        (month["from"], month["to"]) for month in months
    ]
    assert total[0]["deployments"] == sum(month["deployments"] for month in months)
    assert ["service", "owner", "period_start", "from", "to", "deployments"] == list(months[0])[:6]


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (
            ("extract", "ghes", "issues", "--repo", "acme/shop"),
            {"GITHUB_API_TOKEN": "wr0ng"},
            1,
            "the token was refused",
        ),
        (("extract", "ghes", "issues", "--repo", "acme/nope"), {}, 1, "acme/nope"),
        (("extract", "ghes", "labels", "--repo", "acme/nope", "--repo", "acme/shop"), {}, 3, "acme/nope"),
        (
            ("extract", "ghes", "issues", "--repo", "a/b"),
            {"GITHUB_API_URL": "http://127.0.0.1:9/api/v3"},
            1,
            "127.0.0.1:9",
        ),
        (("extract", "ghes", "issues", "--repo", "a/b"), {"GITHUB_API_URL": "ftp://x"}, 2, "https://HOST/api/v3"),
        (("extract", "ghes", "issues"), {}, 2, "--repo"),
        (("extract", "ghes", "isues", "--repo", "a/b"), {}, 2, "did you mean issues"),
        (("extract", "ghes", "issues", "labels", "--repo", "a/b", "--out", "-"), {}, 2, "one stream"),
        (("extract", "ghes", "--since", "yesterday", "--repo", "a/b"), {}, 2, "yesterday"),
        (("extract", "ghes", "--since", "1d", "--until", "2d", "--repo", "a/b"), {}, 2, "not before"),
        (("metrics",), {}, 1, "fourkeys run"),
        (("metrics", "--config", "none.toml"), {}, 2, "none.toml"),
        (("metrics", "--from", "x"), {}, 2, "--from"),
        (("load", "none.csv"), {}, 2, "no such file or folder"),
        (("load", "ghes_issues.csv"), {}, 1, "no such file"),
        (("status",), {"FOURKEYS_WAREHOUSE": "oracle://x"}, 2, "duckdb:///path"),
    ],
)
def test_what_goes_wrong_is_said_once(
    tmp_path: Path, sandbox: Sandbox, arguments: tuple[str, ...], environment: dict[str, str], code: int, says: str
) -> None:
    """One message with the thing, the cause and the next step, the documented exit code, no traceback, no token."""
    given = sandbox.environment | environment
    done = fourkeys(*arguments, cwd=tmp_path, environment=given)

    assert code == done.returncode, done.stderr
    assert says in done.stderr
    assert 1 == done.stderr.count("error: ")
    assert "try: " in done.stderr
    assert "Traceback" not in done.stderr
    assert given["GITHUB_API_TOKEN"] not in done.stderr + done.stdout


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    """A file that does not fit ends every command with its name, the place and exit code 2."""
    (tmp_path / "fourkeys.toml").write_text("[metrics]\ntimezon = 'UTC'\n", encoding="utf-8")
    done = fourkeys("run", cwd=tmp_path)

    assert 2 == done.returncode
    assert "fourkeys.toml" in done.stderr
    assert "did you mean 'timezone'?" in done.stderr


def test_an_altered_file_is_not_loaded(here: Path, sandbox: Sandbox) -> None:
    """A CSV that does not match its manifest is refused."""
    fourkeys("extract", "ghes", "labels", "--out", "data", cwd=here, environment=sandbox.environment)
    with (here / "data" / "ghes_labels.csv").open("a", encoding="utf-8") as file:
        file.write("h,o/r,1,x,,,,,,\n")
    done = fourkeys("load", "data", cwd=here)

    assert 1 == done.returncode
    assert "ghes_labels.csv" in done.stderr


def test_ctrl_c_ends_at_once_and_leaves_no_half_file(tmp_path: Path) -> None:
    """An interrupted extraction exits with 130 and says how to go on; no CSV has its final name."""
    with Sandbox(tmp_path / "company", latency=0.5) as slow:
        process = subprocess.Popen(
            [sys.executable, "-m", "fourkeys", "extract", "ghes", "--repo", "acme/shop", "--out", "data"],
            cwd=tmp_path,
            env=os.environ | slow.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        talk = process.communicate(timeout=20)[1]

    assert 130 == process.returncode, talk
    assert talk.endswith("interrupted: what was written stays; run the command again to go on\n")
    assert (tmp_path / "data" / CHECKPOINT).exists()
    assert [] == list(tmp_path.glob("data/*.csv"))


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`fourkeys schema | head -1` ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m fourkeys schema | head -1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == done.stderr
    assert "## ghes_repositories" == done.stdout.strip()


def test_schemas_come_from_the_contract(tmp_path: Path) -> None:
    """`schema` prints what `bq load` wants, and tables that DuckDB makes."""
    fields = json.loads(fourkeys("schema", "issues", "--format", "bigquery", cwd=tmp_path).stdout)
    ddl = fourkeys("schema", "--format", "duckdb", cwd=tmp_path).stdout
    connection = duckdb.connect()
    connection.execute(ddl)

    assert {"name": "host", "type": "STRING", "mode": "REQUIRED"}.items() <= fields[0].items()
    assert all(field["description"] for field in fields)
    assert (len(fields),) == connection.execute(
        "select count(*) from information_schema.columns where table_name = 'ghes_issues'"
    ).fetchone()


def test_the_demo_agrees_with_the_simulation(tmp_path: Path) -> None:
    """`demo` ends with 0, says that every figure agrees, and may be repeated; it touches no folder of others."""
    first, second = (fourkeys("demo", cwd=tmp_path) for _ in range(2))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    refused = fourkeys("demo", "--dir", "mine", cwd=tmp_path)
    inside = fourkeys("metrics", cwd=tmp_path / "fourkeys-demo")

    assert (0, 0, 2) == (first.returncode, second.returncode, refused.returncode), first.stderr
    assert 0 == inside.returncode, inside.stderr
    assert "all as the simulation knows them" in first.stderr
    assert first.stdout == second.stdout
    assert (tmp_path / "mine" / "file").exists()

"""Two versions of Airflow, and the simulated company that their DAGs read."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from scheduling import OneWorkerEach

from fourkeys.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DAG_FILE = ROOT / "docs" / "dags" / "fourkeys_nightly.py"
BIN = Path(sys.executable).parent
SERVICES = ("checkout", "search")
"""As few as have all sources."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerEach:
    """Schedule by version: the nights of each are made once."""
    return OneWorkerEach(config, log, lambda nodeid: nodeid.rpartition("[")[2])


@dataclass(frozen=True)
class Place:
    """A folder with a configuration and a warehouse of its own, as a user has it.

    Attributes:
        folder: with `fourkeys.toml`.
        environment: of every command in it.
    """

    folder: Path
    environment: dict[str, str]

    def fourkeys(self, *arguments: str) -> None:
        """Run a command there; it must succeed."""
        command = [str(BIN / "fourkeys"), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert 0 == done.returncode, done.stderr

    def ask(self, sql: str) -> tuple[Any, ...]:
        """Return the one row of a query."""
        with closing(duckdb.connect(str(self.folder / "fourkeys.duckdb"), read_only=True)) as warehouse:
            (row,) = warehouse.execute(sql).fetchall()
            return row

    def contents(self) -> dict[str, list[str]]:
        """Return every row of every table and view, without the times at which it was read or built, sorted.

        Of watermarks the time alone counts: what a source needs besides, such as an ETag, depends on how it was asked.
        """
        with closing(duckdb.connect(str(self.folder / "fourkeys.duckdb"), read_only=True)) as warehouse:
            names = warehouse.execute(
                "select table_schema, table_name, list(column_name order by ordinal_position) "
                "from information_schema.columns where table_schema in ('raw', 'main') group by all"
            ).fetchall()
            return {
                f"{schema}.{name}": sorted(
                    map(repr, warehouse.execute(f"select {_lasting(name, columns)} from {schema}.{name}").fetchall())
                )
                for schema, name, columns in names
            }


def _lasting(table: str, columns: list[str]) -> str:
    passing = {"extracted_at", "built_at", "loaded_at", *(["state"] if table == "watermarks" else [])}
    return ", ".join(f'"{column}"' for column in columns if column not in passing)


@dataclass(frozen=True)
class Airflow:
    """One version of Airflow with a home of its own.

    Attributes:
        version: 2 or 3.
        bin: its programs.
        home: its database and DAG folder.
        environment: of every command.
    """

    version: int
    bin: Path
    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run `airflow`, and return how it ended."""
        command = [str(self.bin / "airflow"), *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=timeout, check=False
        )

    def probe(self, folder: Path) -> dict[str, Any]:
        """Parse a DAG folder in a fresh process; see probe.py."""
        command = [str(self.bin / "python"), str(Path(__file__).with_name("probe.py")), str(folder)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        assert 0 == done.returncode, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def write(self, name: str, place: Place, options: str = "") -> None:
        """Put the DAG file of the documentation into the DAG folder, for *place*; its DAGs begin with *name*."""
        text = DAG_FILE.read_text(encoding="utf-8")
        for old, new in (
            ('folder="/srv/fourkeys"', f"folder={str(place.folder)!r}, {options}"),
            ("nightly_dag(job, ", f"nightly_dag(job, dag_id='{name}_nightly', "),
            ("manual_dag(job)", f"manual_dag(job, dag_id='{name}_manual')"),
        ):
            assert old in text
            text = text.replace(old, new)
        file = self.home / "dags" / f"{name}_nightly.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def runs(self, dag: str) -> list[tuple[str, str, str]]:
        """Return state and data interval of a DAG's runs, the newest interval last."""
        return self._ask(
            "select state, substr(data_interval_start, 1, 19), substr(data_interval_end, 1, 19) from dag_run "
            "where dag_id = ? order by data_interval_end, id",
            dag,
        )

    def states(self, dag: str) -> dict[str, str]:
        """Return the state of each task of a DAG's last run; mapped ones by their names."""
        rows = self._ask(
            "select task_id, rendered_map_index, state from task_instance "
            "where run_id = (select run_id from dag_run where dag_id = ?1 order by id desc limit 1) and dag_id = ?1",
            dag,
        )
        return {f"{task}[{name}]" if name else task: state for task, name, state in rows}

    def _ask(self, sql: str, dag: str) -> list[Any]:
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(sql, (dag,)).fetchall()


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The simulated company, with all its sources, on loopback."""
    folder = tmp_path_factory.mktemp("company")
    with Sandbox(folder, sources=("heroku", "incidents", "requests")) as sandbox:
        sandbox.write_files()
        yield sandbox


@pytest.fixture(scope="session")
def webhook() -> Iterator[tuple[str, list[str]]]:
    """A webhook as Slack has it, on loopback: its address, and the texts that came."""
    texts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", texts
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def make_place(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make places for the company; what no server gives is loaded there."""
    head, *services = company.config_text.split("[[services]]")
    chosen = ["[[services]]" + text for text in services if any(f'name = "{name}"' in text for name in SERVICES)]
    assert len(SERVICES) == len(chosen)

    def make() -> Place:
        folder = tmp_path_factory.mktemp("place")
        warehouse = '\n[warehouse]\nurl = "duckdb:///fourkeys.duckdb"\n'
        (folder / "fourkeys.toml").write_text(head + "".join(chosen) + warehouse, encoding="utf-8")
        place = Place(folder, {"PATH": os.environ["PATH"], "HOME": str(folder), **company.environment})
        place.fourkeys("load", str(company.directory / "deployments.csv"), "--quiet")
        return place

    return make


@pytest.fixture(scope="session", params=[2, 3], ids=["airflow-2", "airflow-3"])
def airflow(
    request: pytest.FixtureRequest,
    company: Sandbox,
    webhook: tuple[str, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Airflow:
    """Airflow with an empty database; skips where `make test-airflow` has not installed it."""
    place = os.environ.get("FOURKEYS_AIRFLOW")
    if not place:
        pytest.skip("make test-airflow installs Airflow")
    home = tmp_path_factory.mktemp(f"airflow-{request.param}")
    slack = {"conn_type": "slackwebhook", "host": webhook[0], "password": "T0/B0/made-up"}
    environment = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",  # where the tasks find fourkeys
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_FOURKEYS_SLACK": json.dumps(slack),
        "NO_PROXY": "*",
        **company.environment,
    }
    found = Airflow(request.param, Path(place) / f"airflow-{request.param}" / "bin", home, environment)
    done = found.run("db", "migrate")
    assert 0 == done.returncode, done.stderr
    return found

"""Load the demo into bqemulator, with `bq load` and with fourkeys, and compare with DuckDB: `make test-emulator`.

An optional smoke test against somebody else's idea of BigQuery. What the emulator cannot do is worked around here, one
function each, so that it is listed; docs/bigquery.md says what that leaves.

Usage: emulator.py PATH_OF_BQEMULATOR
"""

from __future__ import annotations

import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import cloud_sdk
import duckdb
import httpx
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery import client as google_client

from fourkeys import config, pipeline
from fourkeys.cli import _loaders
from fourkeys.cli._demo import play
from fourkeys.config import Warehouse
from fourkeys.mart.metrics import Query, measure
from fourkeys.sandbox.clock import NOW, WINDOW
from fourkeys.streams import STREAMS
from fourkeys.warehouses.bigquery import _door, _statements, connect
from fourkeys.warehouses.duckdb import DuckDB

PROJECT = "test-project"


def send_in_chunks() -> None:
    """It refuses multipart uploads of Google's own client (`*/*`): send resumable ones."""
    google_client._MAX_MULTIPART_SIZE = 0


def count_nothing() -> None:
    """It tells nothing of a script's child jobs: take the numbers of new and changed rows as 0."""
    _door.Door.merged = lambda _self, _job: _door.Merged(0, 0)  # type: ignore[method-assign]


def require_nothing() -> None:
    """It reads `""` as NULL, also in a key: let keys be NULL, and put the empty environment back."""
    _statements.is_required = _door.is_required = lambda *_: False  # type: ignore[assignment]
    replace = _statements.replace

    def mended(raw: str, stream: Any, where: str, staging: Any, header: Any) -> Iterator[str]:
        for statement in replace(raw, stream, where, staging, header):
            head, into, names = statement.partition("\nselect ")
            if stream.name == "service_resources" and into:
                yield head + into + names.replace("`environment`", "coalesce(`environment`, '')")
            else:
                yield statement

    _statements.replace = mended


def describe_nothing() -> None:
    """It refuses the descriptions of a view's columns: leave them out."""
    make = _statements.make
    _statements.make = lambda mart, its, moves: [
        re.sub(r"^(create or replace \w+ \S+) \((?:.*\n)+?options .* as\n", r"\1 as\n", statement)
        for statement in make(mart, its, moves=moves)
    ]


@contextmanager
def emulator(command: str) -> Iterator[str]:
    """Run bqemulator on loopback; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = [f"--rest-port={port}", "--grpc-port=0", f"--project={PROJECT}", "--log-level=warning", "--no-admin"]
    environment = os.environ | {"HOME": str(Path(command).absolute().parents[1])}  # its DuckDB's extension is there
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([command, "start", *flags], env=environment, **quiet)
    try:
        for _ in range(120):
            try:
                httpx.get(f"http://127.0.0.1:{port}/")
                break
            except httpx.TransportError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def load_with_bq(address: str, files: Path) -> list[str]:
    """Load every file with `bq load` and the printed schema; returns what failed, and which rows are not the file's."""
    chosen = [(STREAMS[file.stem], file) for file in sorted(files.glob("*.csv"))]
    client = bigquery.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": address})
    client.create_dataset("mine")
    with tempfile.TemporaryDirectory() as folder:
        wrong = cloud_sdk.load(address, PROJECT, "mine", chosen, Path(folder))
    count = 0
    for stream, file in chosen if not wrong else ():
        with duckdb.connect() as plain:
            plain.execute(f"set timezone = 'UTC'; {_loaders.duckdb(stream)}")
            plain.execute(f"copy {stream.name} from '{file}' (header, nullstr '', escape '\"', quote '\"', "
                          "allow_quoted_nulls false, auto_detect false)")  # fmt: skip
            expected = comparable(plain.sql(f"from {stream.name}").fetchall())
        found = comparable(row.values() for row in client.list_rows(f"mine.{stream.name}"))
        count += len(found)
        wrong += [
            f"{stream.name}: {one!r}, not {other!r}" for one, other in zip_longest(found, expected) if one != other
        ][:3]
    client.close()
    return wrong or say(f"bq load: {len(chosen)} files, {count} rows: as in the files")


def comparable(rows: Iterable[Iterable[Any]]) -> list[str]:
    """Return rows as sorted text; it reads `""` as NULL, so both are one here."""
    plain = [
        tuple(value.astimezone(UTC) if isinstance(value, datetime) else None if value == "" else value for value in row)
        for row in rows
    ]
    return sorted(map(repr, plain))


def say(text: str) -> list[str]:
    """Tell what went well; nothing is wrong."""
    print(text, flush=True)  # noqa: T201 - a program
    return []


def measure_with_fourkeys(address: str, demo: Path, files: Path) -> list[str]:
    """Load, build and measure the demo; returns the figures that are not DuckDB's."""
    os.environ["BIGQUERY_EMULATOR_HOST"] = address
    settings = config.load(demo / "fourkeys.toml", {})
    window = Query(start=WINDOW[0], end=WINDOW[1])
    # It loses labels, and so cannot tell old tables from new ones: all is done in one go.
    with closing(connect(Warehouse(url=f"bigquery://{PROJECT}/company"), lambda: NOW)) as warehouse:
        pipeline.load(warehouse, [files], print)
        pipeline.build(warehouse, settings, NOW)
        found = measure(warehouse, settings.metrics, window, NOW)
    with closing(DuckDB(str(demo / "fourkeys.duckdb"), read_only=True)) as other:
        expected = measure(other, settings.metrics, window, NOW)
    different = [
        f"{theirs['service']} {key}: {ours[key]!r}, DuckDB {value!r}"
        for theirs, ours in zip(expected, found, strict=True)
        for key, value in theirs.items()
        if not same(value, ours[key])
    ]
    return different or say(f"{len(found)} services, {sum(map(len, found))} figures: all as DuckDB's")


def main() -> int:
    """Compare; 1 where a figure or a row differs."""
    send_in_chunks()
    count_nothing()
    require_nothing()
    describe_nothing()
    with tempfile.TemporaryDirectory() as name, emulator(sys.argv[1]) as address:
        demo, files = Path(name) / "demo", Path(name) / "files"
        play(demo, lambda _: None)
        # It passes no parameters to scripts: files without their manifests have no watermarks to store.
        files.mkdir()
        for file in [*demo.glob("data/*/*.csv"), demo / "company" / "deployments.csv"]:
            shutil.copy(file, files / file.name)
        if reason := cloud_sdk.missing():
            wrong = say(f"bq load: not tried, {reason}")
        else:
            wrong = load_with_bq(address, files)
        wrong += measure_with_fourkeys(address, demo, files)
    print(*wrong, sep="\n", end="\n" if wrong else "")  # noqa: T201 - a program
    return bool(wrong)


def same(one: Any, other: Any) -> bool:
    """Whether two figures are equal, floats to 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(main())

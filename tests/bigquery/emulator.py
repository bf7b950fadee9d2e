"""Load, build and measure the demo's company on bqemulator, and compare with DuckDB: `make test-emulator`.

An optional smoke test against somebody else's idea of BigQuery. What the emulator cannot do is worked around here, one
function each, so that it is listed; docs/bigquery.md says what that leaves.

Usage: emulator.py PATH_OF_BQEMULATOR
"""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from google.cloud.bigquery import client as google_client

from fourkeys import config, pipeline
from fourkeys.cli._demo import play
from fourkeys.config import Warehouse
from fourkeys.mart import views
from fourkeys.mart.metrics import Query, measure
from fourkeys.sandbox.clock import NOW, WINDOW
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
    views._head = lambda mart, name, model: f"create or replace {model.materialized} {mart}.{name}"


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


def main() -> int:
    """Compare; 1 where a figure differs."""
    send_in_chunks()
    count_nothing()
    require_nothing()
    describe_nothing()
    with tempfile.TemporaryDirectory() as name, emulator(sys.argv[1]) as address:
        demo, plain = Path(name) / "demo", Path(name) / "files"
        play(demo, lambda _: None)
        # It passes no parameters to scripts: files without their manifests have no watermarks to store.
        plain.mkdir()
        for file in [*demo.glob("data/*/*.csv"), demo / "company" / "deployments.csv"]:
            shutil.copy(file, plain / file.name)
        os.environ["BIGQUERY_EMULATOR_HOST"] = address
        settings = config.load(demo / "fourkeys.toml", {})
        window = Query(start=WINDOW[0], end=WINDOW[1])
        # It loses labels, and so cannot tell old tables from new ones: all is done in one go.
        with closing(connect(Warehouse(url=f"bigquery://{PROJECT}/company"), lambda: NOW)) as warehouse:
            pipeline.load(warehouse, [plain], print)
            pipeline.build(warehouse, settings, NOW)
            found = measure(warehouse, settings.metrics, window, NOW)
        with closing(DuckDB(str(demo / "fourkeys.duckdb"), read_only=True)) as duckdb:
            expected = measure(duckdb, settings.metrics, window, NOW)
    different = [
        f"{theirs['service']} {key}: {ours[key]!r}, DuckDB {value!r}"
        for theirs, ours in zip(expected, found, strict=True)
        for key, value in theirs.items()
        if not same(value, ours[key])
    ]
    print("\n".join(different) or f"{len(found)} services, {sum(map(len, found))} figures: all as DuckDB's")  # noqa: T201 - a program
    return bool(different)


def same(one: Any, other: Any) -> bool:
    """Whether two figures are equal, floats to 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(main())

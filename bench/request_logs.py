"""Time the counting of a large request log: `python bench/request_logs.py [--megabytes 1000] [--dir FOLDER]`.

It writes a log of the asked size (ten services, 100 requests a second, 1 in 200 fails), counts it with
`fourkeys extract requests` in a process of its own, and prints wall and CPU seconds, megabytes per second of one core,
and peak memory. Then it counts the log once more, plainly, and compares every count.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = ("/", "/cart", "/cart/items", "/payments", "/healthz", "/検索?q=靴", "/export?from=1&to=2")
STATUSES = [200] * 150 + [201] * 10 + [302] * 15 + [304] * 15 + [404] * 9 + [503]
SERVICES = 10
_MEGABYTE = 1_000_000


def lines(rounds: int) -> Iterator[str]:
    """Yield blocks of lines: one second of requests each, about 100 of them."""
    dice = random.Random(5)
    for second in range(rounds):
        moment = (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
        yield "".join(
            f'{{"ts":"{moment}.{n * 10:03}Z","service":"service-{dice.randrange(SERVICES)}",'
            f'"path":"{dice.choice(PATHS)}","status":{dice.choice(STATUSES)},"duration_ms":{dice.randrange(1, 900)}}}\n'
            for n in range(100)
        )


def write(file: Path, size: int) -> int:
    """Write at least *size* bytes of log; returns the bytes."""
    written = 0
    with file.open("wb") as log:
        for block in lines(size):
            written += log.write(block.encode())
            if written >= size:
                break
    return written


def count(log: Path, out: Path) -> tuple[float, float, float]:
    """Count the log with fourkeys; returns wall and CPU seconds, and peak memory in MiB."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "fourkeys", "extract", "requests", str(log), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"FOURKEYS_CONFIG": ""})
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


def plainly(log: Path) -> tuple[Counter[tuple[str, str, str]], Counter[tuple[str, str, str]]]:
    """Count requests and failed requests line by line with the standard library."""
    requests: Counter[tuple[str, str, str]] = Counter()
    errors: Counter[tuple[str, str, str]] = Counter()
    with log.open(encoding="utf-8") as text:
        for line in text:
            record = json.loads(line)
            key = (record["service"], record["ts"][:16] + ":00Z", f"{record['status'] // 100}xx")
            requests[key] += 1
            errors[key] += record["status"] >= 500
    return requests, errors


def written(out: Path) -> tuple[Counter[tuple[str, str, str]], Counter[tuple[str, str, str]]]:
    """Read what fourkeys counted."""
    requests: Counter[tuple[str, str, str]] = Counter()
    errors: Counter[tuple[str, str, str]] = Counter()
    with (out / "request_counts.csv").open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            key = (row["service_key"], row["minute"], row["status_class"])
            requests[key], errors[key] = int(row["requests"]), int(row["errors"])
    return requests, errors


def main() -> int:
    """Write, count, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the log is written; a temporary folder by default")
    asked = parser.parse_args()
    if asked.dir:
        Path(asked.dir).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=asked.dir) as name:
        folder = Path(name)
        size = write(folder / "log.ndjson", asked.megabytes * _MEGABYTE)
        for number in range(asked.rounds):
            wall, cpu, peak = count(folder / "log.ndjson", folder / str(number))
            print(
                f"{size / _MEGABYTE:,.0f} MB: {wall:.1f} s wall, {cpu:.1f} s CPU, "
                f"{size / _MEGABYTE / cpu:.0f} MB/s of one core, peak {peak:.0f} MiB"
            )
        requests, errors = plainly(folder / "log.ndjson")
        same = (requests, errors) == written(folder / "0")
        print(f"{requests.total():,} requests, {errors.total():,} failed; {'equal' if same else 'NOT EQUAL'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

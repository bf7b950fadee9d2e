"""Count the requests of quiet nights over many repositories: `python bench/idle_night.py`.

A GHES on loopback serves small repositories. The first night reads everything; in the nights after it nothing happens.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from fourkeys import config, extraction
from fourkeys.files import Output, read_manifest
from fourkeys.sandbox.company import Company
from fourkeys.sandbox.server import GhesDoor, Servers
from fourkeys.sources.ghes import Plan, extract
from fourkeys.window import Watermark

Marks = dict[tuple[str, str], Watermark]


def night(company: Company, plan: Plan, marks: Marks, folder: Path) -> tuple[int, int, float]:
    """Read what *plan* asks for; return requests, rows and seconds, and move the *marks*."""
    servers, doors = Servers(), list[GhesDoor]()

    def serve(base: str) -> object:
        doors.append(GhesDoor(company, base, None, 0))
        return doors[0].application()

    address = servers.serve(serve)  # type: ignore[arg-type]
    began = time.perf_counter()
    with Output(folder) as output:
        extract(
            config.Ghes(url=f"{address}/api/v3"), None, replace(plan, watermarks=dict(marks)), output, lambda _: None
        )
    seconds = time.perf_counter() - began
    servers.stop()
    manifest = read_manifest(folder)
    assert manifest
    entries = manifest.streams.values()
    marks |= {(mark.stream, mark.partition): mark for entry in entries for mark in entry.watermarks}
    return doors[0].requests, sum(entry.rows for entry in entries), seconds


def main() -> None:
    """Serve, read, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=1_000)
    parser.add_argument("--nights", type=int, default=7)
    parser.add_argument("--named", action="store_true", help="name each repository instead of the organization")
    options = parser.parse_args()
    company, marks, counts = Company.crowd(options.repositories), Marks(), list[int]()
    names = tuple(company.repositories)
    streams = extraction.needed(config.Config())
    plan = Plan(streams, names) if options.named else Plan(streams, organizations=("acme",))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.nights + 1):
            requests, rows, seconds = night(company, plan, marks, Path(folder))
            print(f"night {number}: {requests:,} requests, {rows:,} rows, {seconds:.1f} s", flush=True)
            counts.append(requests)
            company = replace(company, now=company.now + timedelta(days=1))
    mean = statistics.mean(counts[1:])
    print(f"quiet nights: {min(counts[1:]):,} to {max(counts[1:]):,} requests, {mean:,.0f} in the mean")


if __name__ == "__main__":
    main()

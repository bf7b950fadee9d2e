"""Time load, link and build on made-up companies: `python bench/mart.py [million|1x|3x|10x ...] [--dir FOLDER]`.

Each company is written as CSV, loaded and built from scratch; then comes one more night of new rows. Printed as table:
wall and CPU seconds of each step, the peak memory of the process, and what a dashboard's query takes. Sizes: `SIZES`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fourkeys import config, pipeline
from fourkeys.files import Output
from fourkeys.mart import views
from fourkeys.mart.linking import link
from fourkeys.mart.metrics import Query, measure
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB

START = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 6 * 365
NOW = START + timedelta(days=DAYS + 2)


def sha(*parts: object) -> str:
    """Return a made-up commit hash."""
    return hashlib.sha1("/".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True)
class Size:
    """How large a company is: services, each with a repository of its own, and what each of them has.

    A tenth of the commits are squashed pull requests of three commits each.
    """

    services: int
    commits: int
    deployments: int
    incidents: int


SIZES = {
    "million": Size(100, 10_000, 500, 200),  # 1,000,000 commits, 100,000 pull requests, 50,000 deployments
    "1x": Size(100, 5_000, 200, 40),
    "3x": Size(300, 5_000, 200, 40),
    "10x": Size(1_000, 5_000, 200, 40),  # 5,000,000 commits, 500,000 pull requests, 200,000 deployments
    "tiny": Size(5, 200, 20, 5),
}


class Company:
    """A company of a size, growing along one clock."""

    def __init__(self, size: Size) -> None:
        self.services, self.commits = size.services, size.commits
        self.deployments, self.incidents = size.deployments, size.incidents

    def settings(self) -> config.Config:
        """Return the configuration with the catalog."""
        services = [
            {
                "name": f"service-{n}",
                "owner": f"team-{n % 20}",
                "repositories": [f"acme/service-{n}"],
                "deployments_from": "csv",
                "incident_keys": [f"service-{n}"],
            }
            for n in range(self.services)
        ]
        return config.parse({"metrics": {"timezone": "Asia/Tokyo"}, "services": services}, {})

    def write(self, folder: Path, first: float = 0.0, last: float = 1.0) -> None:
        """Write what happened between two shares of the time, as CSV."""
        with Output(folder) as output:
            for name, rows in self._rows(first, last).items():
                stream = STREAMS[name]
                output.write(stream, ([row.get(column) for column in stream.header] for row in rows))

    def _rows(self, first: float, last: float) -> dict[str, Iterator[dict[str, Any]]]:
        return {
            "ghes_commits": self._commits(first, last),
            "ghes_pull_requests": self._pulls(first, last),
            "ghes_pull_request_commits": self._branches(first, last),
            "deployments": self._deployments(first, last),
            "incidents": self._incidents(first, last),
        }

    def _at(self, place: float, hours: float = 0) -> datetime:
        return START + timedelta(days=DAYS * place, hours=hours)

    def _span(self, size: int, first: float, last: float) -> range:
        return range(int(size * first), int(size * last))

    def _commits(self, first: float, last: float) -> Iterator[dict[str, Any]]:
        for service in range(self.services):
            for n in self._span(self.commits, first, last):
                at = self._at(n / self.commits)
                parents = [sha(service, n - 1)] if n else []
                yield {
                    "host": "ghe", "repository": f"acme/service-{service}", "sha": sha(service, n), "parents": parents,
                    "authored_at": at - timedelta(hours=1), "committed_at": at, "message": f"change {n}",
                    "extracted_at": NOW,
                }  # fmt: skip

    def _pulls(self, first: float, last: float) -> Iterator[dict[str, Any]]:
        for service in range(self.services):
            for n in self._span(self.commits // 10, first, last):
                at = self._at(n * 10 / self.commits)
                yield {
                    "host": "ghe", "repository": f"acme/service-{service}", "id": service * 10**7 + n, "number": n,
                    "state": "closed", "title": f"pull request {n}", "labels": ["hotfix"] if n % 50 == 0 else [],
                    "base_ref": "main", "head_ref": f"topic-{n}", "merge_commit_sha": sha(service, n * 10),
                    "created_at": at - timedelta(hours=30), "updated_at": at, "merged_at": at, "closed_at": at,
                    "first_review_at": at - timedelta(hours=5), "extracted_at": NOW,
                }  # fmt: skip

    def _branches(self, first: float, last: float) -> Iterator[dict[str, Any]]:
        for service in range(self.services):
            for n in self._span(self.commits // 10, first, last):
                for position in range(3):
                    at = self._at(n * 10 / self.commits) - timedelta(hours=40 - position)
                    yield {
                        "host": "ghe", "repository": f"acme/service-{service}", "number": n, "position": position,
                        "sha": sha(service, n, "branch", position), "parents": [], "authored_at": at,
                        "committed_at": at, "extracted_at": NOW,
                    }  # fmt: skip

    def _deployments(self, first: float, last: float) -> Iterator[dict[str, Any]]:
        step = self.commits / self.deployments
        for service in range(self.services):
            for n in self._span(self.deployments, first, last):
                back = 1 if n % 40 == 5 else 0
                yield {
                    "service": f"service-{service}", "deployment_id": f"D{n}", "repository": f"acme/service-{service}",
                    "sha": sha(service, int((n - 2 * back) * step)),
                    "finished_at": self._at(n / self.deployments, hours=2), "extracted_at": NOW,
                }  # fmt: skip

    def _incidents(self, first: float, last: float) -> Iterator[dict[str, Any]]:
        for service in range(self.services):
            for n in self._span(self.incidents, first, last):
                at = self._at(n / self.incidents, hours=3)
                yield {
                    "source": "bot", "incident_id": f"{service}-{n}", "service_key": f"service-{service}",
                    "started_at": at, "resolved_at": at + timedelta(hours=1 + n % 9), "updated_at": at,
                    "extracted_at": NOW,
                }  # fmt: skip


def timed(step: str, work: Callable[[], object]) -> None:
    """Run *work*, and print as JSON its wall and CPU seconds, and the peak memory of the process so far."""
    begin, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step": step, "seconds": seconds, "cpu": cpu, "peak": peak}), flush=True)


def measure_one(size: Size, folder: Path) -> None:
    """Write, load, build, and go one more night."""
    shutil.rmtree(folder, ignore_errors=True)
    company, night = Company(size), 1 - 1 / DAYS
    settings = company.settings()
    company.write(folder / "all", 0, night)
    company.write(folder / "night", night, 1)
    warehouse = DuckDB(str(folder / "mart.duckdb"))
    timed("load", lambda: pipeline.load(warehouse, [folder / "all"], lambda _: None))
    pipeline.prepare(warehouse, settings, NOW)
    timed("link", lambda: link(warehouse))
    timed("views", lambda: views.apply(warehouse, settings.metrics, NOW))
    timed("load, one night", lambda: pipeline.load(warehouse, [folder / "night"], lambda _: None))
    pipeline.prepare(warehouse, settings, NOW)
    timed("link, one night", lambda: link(warehouse))
    timed("views, one night", lambda: views.apply(warehouse, settings.metrics, NOW))
    timed("metrics of a service", lambda: measure(warehouse, settings.metrics, Query(services=("service-3",)), NOW))
    weekly = (
        "select * from main.four_keys_weekly where service = 'service-3' "
        f"and period_start >= date '{NOW - timedelta(days=365):%Y-%m-%d}' order by period_start"
    )
    timed("dashboard, first", lambda: warehouse.query(weekly))
    timed("dashboard, again", lambda: warehouse.query(weekly))
    warehouse.close()
    shutil.rmtree(folder)


def measured(name: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Measure a size in a process of its own, so that its peak is its own; returns the figures by step."""
    command = [sys.executable, __file__, "--one", name, "--dir", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return {row["step"]: row for row in map(json.loads, done.stdout.splitlines())}


def main() -> None:
    """Measure the sizes that are named, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", default=["million"], metavar="size", help=", ".join(SIZES))
    parser.add_argument("--dir", type=Path, default=Path("bench-mart"), help="where the data is written, and removed")
    parser.add_argument("--one", choices=SIZES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure_one(SIZES[options.one], options.dir)
        return
    found = {name: measured(name, options.dir) for name in options.sizes}
    print(f"| step | {' | '.join(f'{name}: wall s (CPU s), peak MB' for name in found)} |")
    print(f"| --- |{' --- |' * len(found)}")
    for step in next(iter(found.values())):
        cells = [
            f"{row['seconds']:.2f} ({row['cpu']:.2f}), {row['peak']:.0f}" for row in (f[step] for f in found.values())
        ]
        print(f"| {step} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

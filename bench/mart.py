"""Time load, link and build on a made-up company: `python bench/mart.py [--scale 1] [--dir FOLDER]`.

At scale 1: 1,000,000 commits, 100,000 pull requests with 300,000 commits, 50,000 deployments, 20,000 incidents, in 100
services. Then one more night of new rows. Prints wall seconds and peak memory of each step, and of a dashboard query.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fourkeys import config, pipeline
from fourkeys.files import Output
from fourkeys.mart.metrics import Query, measure
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB

START = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 6 * 365
NOW = START + timedelta(days=DAYS + 2)


def sha(*parts: object) -> str:
    """Return a made-up commit hash."""
    return hashlib.sha1("/".join(map(str, parts)).encode()).hexdigest()


class Company:
    """A hundred services, each with a repository of its own, growing along one clock."""

    def __init__(self, scale: float) -> None:
        self.services = 100
        self.commits = int(10_000 * scale)
        self.deployments = int(500 * scale)
        self.incidents = int(200 * scale)
        self.random = random.Random(7)

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
                back = 1 if n % 40 == 39 else 0
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


def timed(name: str, work: Callable[[], object]) -> None:
    """Run *work*, and print its wall time and the peak memory of the process so far."""
    begin = time.perf_counter()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step": name, "seconds": round(time.perf_counter() - begin, 2), "peak_mb": round(peak)}))
    sys.stdout.flush()


def main() -> None:
    """Write, load, build, and go one more night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--dir", type=Path, default=Path("bench-mart"))
    options = parser.parse_args()
    shutil.rmtree(options.dir, ignore_errors=True)
    company, night = Company(options.scale), 1 - 1 / DAYS
    settings = company.settings()
    timed("write CSV", lambda: company.write(options.dir / "all", 0, night))
    company.write(options.dir / "night", night, 1)
    warehouse = DuckDB(str(options.dir / "mart.duckdb"))
    timed("load", lambda: pipeline.load(warehouse, [options.dir / "all"], lambda _: None))
    timed("build", lambda: pipeline.build(warehouse, settings, NOW))
    timed("load one night", lambda: pipeline.load(warehouse, [options.dir / "night"], lambda _: None))
    timed("build one night", lambda: pipeline.build(warehouse, settings, NOW))
    timed("metrics --by total", lambda: measure(warehouse, settings.metrics, Query(), NOW))
    weekly = "select * from main.four_keys_weekly where service = 'service-7' order by period_start"
    timed("dashboard query", lambda: warehouse.query(weekly))
    timed("dashboard query again", lambda: warehouse.query(weekly))
    warehouse.close()
    shutil.rmtree(options.dir)


if __name__ == "__main__":
    main()

"""A made-up company as CSV files: as many services over as many days as wanted, the same in every run.

Each service merges pull requests (two commits, then a merge commit) and deploys its default branch; some deployments
are rolled back or followed by an incident; requests are counted by the day. Titles try to break out of a page.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fourkeys import config, pipeline
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TODAY = date(2026, 10, 1)
NOW = datetime(2026, 10, 1, 0, 30, tzinfo=UTC)
SILENT = "silent"
HOSTILE = "</script><img src=x onerror=alert(1)>"
HOTFIXES, INCIDENTS, ROLLBACKS, SKIPPED = 0.04, 0.06, 0.05, 0.35
"""How likely each is, of a merge or a deployment."""
GHES = "https://ghe.example.com"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Company:
    """How large the company is.

    Attributes:
        services: number of services; three belong to an owner.
        days: how long it has been deploying.
        pause_days: most days between two merges of a service.
        requests: whether requests are counted.
    """

    services: int = 6
    days: int = 460
    pause_days: int = 4
    requests: bool = True

    @property
    def names(self) -> list[str]:
        """Names of the services."""
        return [f"service-{number:02}" for number in range(self.services)]

    @property
    def toml(self) -> str:
        """Its configuration; one service more has never been deployed."""
        head = f'[metrics]\ntimezone = "Asia/Tokyo"\n[sources.ghes]\nurl = "{GHES}/api/v3"\n'
        return head + "".join(
            f'[[services]]\nname = "{name}"\nowner = "team-{number // 3:02}"\nrepositories = ["acme/{name}"]\n'
            f'deployments_from = "csv"\nincident_keys = ["{name}"]\nrequest_keys = ["{name}"]\n'
            for number, name in enumerate([*self.names, SILENT])
        )

    @property
    def settings(self) -> config.Config:
        """The same, parsed."""
        return config.parse(tomllib.loads(self.toml), {})

    def build(self, folder: Path, database: Path) -> config.Config:
        """Write its files into *folder*, load and build them in *database*, and return its configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        rows: dict[str, list[Row]] = {}
        for number, name in enumerate(self.names):
            for stream, row in _live(self, number, name):
                rows.setdefault(stream, []).append(row)
            rows.setdefault("request_counts", []).extend(_requests(self, number, name))
        for stream, its in rows.items():
            if its:
                _write(folder / f"{stream}.csv", stream, its)
        warehouse = DuckDB(str(database))
        try:
            pipeline.load(warehouse, [folder], lambda _: None)
            pipeline.build(warehouse, self.settings, NOW)
        finally:
            warehouse.close()
        return self.settings


def _live(company: Company, number: int, name: str) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one service's life, by stream."""
    dice = random.Random(number)
    repository = {"host": "ghe.example.com", "repository": f"acme/{name}"}
    at = datetime.combine(TODAY - timedelta(days=company.days - 7 * number % 60), datetime.min.time(), UTC)
    yield "ghes_repositories", {**repository, "id": number, "default_branch": "main"}
    tip = _sha(name, "root")
    yield "ghes_commits", {**repository, "sha": tip, "parents": [], "authored_at": at, "committed_at": at}
    deployed: list[str] = []
    pull = count = 0
    while True:
        at += timedelta(hours=dice.randrange(8, 24 * company.pause_days), seconds=dice.randrange(3600))
        if at >= NOW:
            return
        pull += 1
        opened = at - timedelta(hours=dice.randrange(4, 60))
        branch = tip
        for place in range(2):
            written = opened - timedelta(hours=dice.randrange(1, 30) - place / 2)
            branch, before = _sha(name, pull, place), branch
            commit = {**repository, "sha": branch, "authored_at": written, "committed_at": written}
            yield "ghes_commits", {**commit, "parents": [before]}
            yield "ghes_pull_request_commits", {**commit, "number": pull, "position": place, "parents": [before]}
        merged = _sha(name, pull, "merge")
        times = {"authored_at": at, "committed_at": at}
        yield "ghes_commits", {**repository, "sha": merged, "parents": [tip, branch], **times}
        tip = merged
        yield (
            "ghes_pull_requests",
            {
                **repository,
                **_pull_request(dice, pull, opened, at),
                "id": number * 100_000 + pull,
                "head_sha": branch,
                "merge_commit_sha": merged,
                "html_url": f"{GHES}/acme/{name}/pull/{pull}",
            },
        )
        if dice.random() < SKIPPED:
            continue
        live = at + timedelta(minutes=dice.randrange(5, 2000))
        if live >= NOW:
            return
        steps = [tip]
        if deployed and deployed[-1] != tip and dice.random() < ROLLBACKS:
            steps.append(deployed[-1])
        for step in steps:
            count += 1
            live += timedelta(minutes=30)
            yield (
                "deployments",
                {
                    "service": name,
                    "deployment_id": f"v{count}",
                    "sha": step,
                    "started_at": live - timedelta(minutes=5),
                    "finished_at": live,
                },
            )
        deployed.append(tip)
        at = max(at, live)
        if dice.random() < INCIDENTS:
            yield "incidents", _incident(dice, name, count, live)


def _requests(company: Company, number: int, name: str) -> Iterator[Row]:
    """Yield one minute of requests a day, of every second service."""
    dice = random.Random(-number)
    for day in range(company.days if company.requests and number % 2 == 0 else 0):
        for status, failed in (("2xx", 0), ("5xx", dice.randrange(1, 40))):
            yield {
                "service_key": name,
                "minute": datetime.combine(TODAY - timedelta(days=day + 1), datetime.min.time(), UTC),
                "status_class": status,
                "requests": failed or 9000,
                "errors": failed,
                "duration_ms_sum": 90.0,
            }


def _pull_request(dice: random.Random, pull: int, opened: datetime, merged: datetime) -> Row:
    return {
        "number": pull,
        "state": "closed",
        "title": HOSTILE if pull % 9 == 0 else f"Improve part {pull}",
        "labels": ["hotfix"] if dice.random() < HOTFIXES else [],
        "base_ref": "main",
        "head_ref": f"part-{pull}",
        "created_at": opened,
        "first_review_at": opened + (merged - opened) / 3,
        "updated_at": merged,
        "merged_at": merged,
        "closed_at": merged,
        "commits": 2,
    }


def _incident(dice: random.Random, name: str, count: int, live: datetime) -> Row:
    started = live + timedelta(minutes=dice.randrange(5, 300))
    resolved = started + timedelta(minutes=dice.randrange(10, 3000))
    return {
        "source": "bot",
        "incident_id": f"{name}-{count}",
        "title": HOSTILE if count % 2 else f"{name} is slow",
        "service_key": name,
        "severity": "sev2",
        "started_at": started,
        "resolved_at": resolved if resolved < NOW else None,
        "url": "javascript:alert(1)" if count % 2 else f"https://bot.example.com/{count}",
        "updated_at": started,
    }


def _sha(*parts: object) -> str:
    return hashlib.sha1(repr(parts).encode()).hexdigest()


def _write(file: Path, stream: str, rows: list[Row]) -> None:
    header = [name for name in STREAMS[stream].header if name in rows[0]]
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows([_text(row[name]) for name in header] for row in rows)


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, list) else value

"""Random worlds: many services, each with commits, pull requests, deployments and incidents that nobody planned."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from worlds import sha

Row = dict[str, Any]
START = datetime(2024, 3, 1, tzinfo=UTC)


def world(seed: int, services: int = 30) -> dict[str, Any]:
    """Return a world of *services* random services, in the form of the golden scenarios."""
    chance = random.Random(f"world {seed}")
    given: dict[str, list[Row]] = {
        name: []
        for name in ("ghes_commits", "ghes_pull_requests", "ghes_pull_request_commits", "deployments", "incidents")
    }
    catalog = []
    for n in range(services):
        name = f"s{n}"
        catalog.append(
            {"name": name, "repositories": [f"acme/{name}"], "deployments_from": "csv", "incident_keys": [name]}
        )
        _service(chance, name, given)
    return {
        "metrics": {
            "timezone": chance.choice(["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"]),
            "incident_link_hours": chance.choice([1, 6, 24, 48]),
        },
        "services": catalog,
        "given": given,
    }


def _time(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


def _service(chance: random.Random, name: str, given: dict[str, list[Row]]) -> None:
    repository = f"acme/{name}"
    commits = _commits(chance, repository)
    given["ghes_commits"] += commits
    pulls, branches = _pulls(chance, repository, commits)
    given["ghes_pull_requests"] += pulls
    given["ghes_pull_request_commits"] += branches
    deployments = _deployments(chance, name, commits)
    given["deployments"] += deployments
    given["incidents"] += _incidents(chance, name, commits, branches, deployments)


def _commits(chance: random.Random, repository: str) -> list[Row]:
    rows: list[Row] = []
    for n in range(chance.randrange(3, 22)):
        count = min(len(rows), chance.choice([0, 1, 1, 1, 1, 1, 1, 2, 2, 3])) or min(len(rows), chance.choice([0, 1]))
        parents = [row["sha"] for row in chance.sample(rows[-6:], min(count, len(rows[-6:])))]
        if chance.random() < 0.03:
            parents = [sha(f"{repository} missing {n}")]
        committed = n * chance.choice([3.0, 7.5, 11.25])
        authored = committed - chance.choice([0, 0, 0.5, 5, 30, -40])
        rows.append(
            {
                "repository": repository,
                "sha": sha(f"{repository} {n}"),
                "parents": parents,
                "authored_at": _time(authored),
                "committed_at": _time(committed),
            }
        )
    return rows


def _pulls(chance: random.Random, repository: str, commits: list[Row]) -> tuple[list[Row], list[Row]]:
    pulls, branches = [], []
    for number, commit in enumerate(commits, 1):
        if chance.random() < 0.5:
            continue
        size = chance.choice([0, 1, 1, 2, 3])
        for position in range(size):
            own = {
                "sha": sha(f"{repository} branch {number} {position}"),
                "parents": [sha("x"), sha("y")] if chance.random() < 0.1 else [sha("x")],
                "authored_at": _time(number * 5 - 20 + position),
                "committed_at": _time(number * 5 - 19 + position),
            }
            twist = chance.random()
            if twist < 0.08:
                own = {key: commit[key] for key in own}
            elif twist < 0.14:
                own["authored_at"] = commit["authored_at"]
            elif twist < 0.2 and len(commits) > 3:
                other = chance.choice(commits)
                own = {key: other[key] for key in own}
            elif twist < 0.26 and branches:
                other = chance.choice(branches)
                own = {key: other[key] for key in own}
            if any(row["number"] == number and row["sha"] == own["sha"] for row in branches):
                continue
            branches.append({"repository": repository, "number": number, "position": position, **own})
        reverted = chance.randrange(1, number + 1)
        pulls.append(
            {
                "repository": repository,
                "id": number,
                "number": number,
                "title": f"pull request {number}",
                "body": f"Reverts {repository}#{reverted}\n"
                if chance.random() < 0.15
                else chance.choice([None, "text"]),
                "labels": chance.choice([[], [], [], ["hotfix"], ["bug", "hotfix"], ["bug"]]),
                "merge_commit_sha": commit["sha"],
                "created_at": _time(number * 5 - 18),
                "merged_at": _time(number * 5) if chance.random() < 0.93 else None,
            }
        )
    return pulls, branches


def _deployments(chance: random.Random, name: str, commits: list[Row]) -> list[Row]:
    rows = []
    hours = 0.0
    for n in range(chance.randrange(1, 14)):
        hours += chance.choice([0, 0.25, 2, 9, 26, 80])
        known = commits[min(len(commits) - 1, max(0, int(n * 1.7) + chance.randrange(-4, 3)))]["sha"]
        row = {
            "service": name,
            "deployment_id": f"D{n}",
            "external_id": f"E{n - (chance.random() < 0.08)}",
            "environment": chance.choice(["production"] * 9 + ["staging"]),
            "sha": sha(f"{name} lost {n % 3}") if chance.random() < 0.05 else known,
            "kind": chance.choice(["deploy"] * 8 + ["rollback", "promote", "config", "addon"]),
            "status": chance.choice(["succeeded"] * 12 + ["failed", "pending"]),
            "finished_at": _time(hours),
        }
        if chance.random() < 0.3:
            row["started_at"] = _time(hours - chance.choice([0.1, 0.5, 3]))
        rows.append(row)
    return rows


def _incidents(
    chance: random.Random, name: str, commits: list[Row], branches: list[Row], deployments: list[Row]
) -> list[Row]:
    rows = []
    for n in range(chance.choice([0, 0, 1, 2, 4])):
        near = datetime.fromisoformat(chance.choice(deployments)["finished_at"])
        started = near + timedelta(hours=chance.choice([-0.25, 0, 0.5, 5, 6, 24, 30]))
        row: Row = {
            "source": "bot",
            "incident_id": f"{name}-{n}",
            "service_key": name,
            "started_at": started.isoformat(),
            "change_related": chance.choice([None, None, True, False]),
        }
        if chance.random() < 0.8:
            row["resolved_at"] = (started + timedelta(hours=chance.choice([0, 0.5, 3, 40, -2]))).isoformat()
        named = chance.random()
        if named < 0.15:
            row["deployment_id"] = chance.choice(deployments)["deployment_id"]
        elif named < 0.3:
            row["cause_sha"] = chance.choice(commits)["sha"][: chance.choice([7, 8, 40])]
        elif named < 0.35 and branches:
            row["cause_sha"] = chance.choice(branches)["sha"][:10]
        elif named < 0.4:
            row["cause_sha"] = sha(f"{name} nowhere")
        rows.append(row)
    return rows

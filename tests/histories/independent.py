"""The figures of a real history, computed in plain Python: sets of ancestors, sorted lists, no SQL, none of our code.

Deliberately naive: the commits of a deployment are its whole ancestry minus the ancestries of all before it.
"""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime
from typing import Any

Commit = dict[str, Any]


class Truth:
    """What a replay server knows of one repository, from its admin interface."""

    def __init__(self, base: str, repository: str, corpus: list[dict[str, Any]]) -> None:
        self._base, self.repository = base, repository
        self.commits: dict[str, Commit] = {line["sha"]: line for line in corpus if "parents" in line}
        self.default_branch = next(line["default_branch"] for line in corpus if "default_branch" in line)
        self.releases = [r for r in self.rows("releases") if not r["draft"] and not r["prerelease"]]
        self.pulls = [p for p in self.rows("pulls") if p["merged_at"]]
        self.branches: dict[int, list[dict[str, Any]]] = {}
        for row in self.rows("pull_commits"):
            self.branches.setdefault(row["number"], []).append(row)

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return the truth of *stream*."""
        with urllib.request.urlopen(f"{self._base}/__admin/truth/{stream}?repo={self.repository}") as answer:
            return [json.loads(line) for line in answer.read().decode().split("\n") if line]


def ancestry(commits: dict[str, Commit], sha: str) -> set[str]:
    """Return *sha* and all its ancestors."""
    found, waiting = set(), [sha]
    while waiting:
        here = waiting.pop()
        if here not in found and here in commits:
            found.add(here)
            waiting += commits[here]["parents"]
    return found


def lead_times(truth: Truth, deployments: list[tuple[datetime, str, str]]) -> list[tuple[datetime, float]]:
    """Return (deployed, hours) of every change of *deployments*, which are (finished, id, sha)."""
    squashes = squash_merges(truth)
    shipped: set[str] = set()
    counted: set[str] = set()
    samples = []
    for place, (finished, _, sha) in enumerate(sorted(deployments, key=lambda d: (d[0], len(d[1]), d[1]))):
        new = ancestry(truth.commits, sha) - shipped
        shipped |= new
        for commit in new:
            for identity, authored, committed in originals(truth, squashes, commit):
                if identity in counted:
                    continue
                counted.add(identity)
                started = next((moment for moment in (authored, committed) if moment <= finished), None)
                if place > 0 and started is not None:
                    samples.append((finished, (finished - started).total_seconds() / 3600))
    return samples


def squash_merges(truth: Truth) -> dict[str, int]:
    """Return the squash commits and their pull requests."""
    return {
        pull["merge_commit_sha"]: pull["number"]
        for pull in sorted(truth.pulls, key=lambda pull: -pull["number"])
        if pull["merge_method"] == "squash"
    }


def originals(truth: Truth, squashes: dict[str, int], sha: str) -> list[tuple[str, datetime, datetime]]:
    """Return the changes that a commit stands for: itself, the commits that it squashed, or nothing for a merge."""
    commit = truth.commits[sha]
    if len(commit["parents"]) > 1:
        return []
    if sha not in squashes:
        return [(sha, moment(commit["author_date"]), moment(commit["committer_date"]))]
    return [
        (row["sha"], moment(row["author_date"]), moment(row["committer_date"]))
        for row in truth.branches[squashes[sha]]
        if len(truth.commits.get(row["sha"], {"parents": []})["parents"]) <= 1
    ]


def moment(text: str) -> datetime:
    """Read a time."""
    return datetime.fromisoformat(text)


def quantile(values: list[float], share: float) -> float | None:
    """Return the continuous quantile (type 7): linear between the two nearest values."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

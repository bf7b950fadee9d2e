"""What the simulated company knows about its own deliveries, written down while it makes them.

The ledger walks no commit graph and reads no API. Whoever merges tells it which changes went to a branch, whoever
deploys tells it how far the branch was, whoever rolls back tells it what was undone. The answer of `fourkeys demo`
is arithmetic over these notes, so that it checks the mart independently. Definitions: docs/metrics.md.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox.clock import days, local_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Figure = str | int | float | None

_WEEK = 7


@dataclass(frozen=True, slots=True)
class Change:
    """A non-merge commit that people wrote, under the sha by which it counts."""

    sha: str
    authored_at: datetime
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Landing:
    """What one merge or push brought to a branch.

    Attributes:
        changes: the changes in it.
        number: of the pull request; None for a push.
        hotfix: it has the label or the branch prefix.
        reverts: number of the pull request that it reverts.
    """

    changes: tuple[Change, ...]
    number: int | None = None
    hotfix: bool = False
    reverts: int | None = None


@dataclass(slots=True, eq=False)
class Shipment:
    """A deployment as the company remembers it.

    Attributes:
        at: when it was live.
        sha: the version.
        kind: forward, redeployment or rollback.
        samples: lead times of the changes that it shipped first, in hours.
        skewed: how many changes were left out because their clocks were wrong.
        numbers: the pull requests that it carried first.
        rework: it is a rollback, or carried a revert or a hotfix.
        undone: when rollbacks and reverts of it were live.
        resolved: when the incidents that it caused were over; None while one is open.
        failed: something of the above was true of it, or its requests failed.
        baseline: it is the first one.
    """

    at: datetime
    sha: str
    kind: str = "forward"
    samples: list[float] = field(default_factory=list)
    skewed: int = 0
    numbers: list[int] = field(default_factory=list)
    rework: bool = False
    undone: list[datetime] = field(default_factory=list)
    resolved: list[datetime | None] = field(default_factory=list)
    failed: bool = False
    baseline: bool = False

    @property
    def recovered_at(self) -> datetime | None:
        """The end of its last incident; without incidents or with an open one, the first rollback or revert."""
        ends = [end for end in self.resolved if end]
        if ends and len(ends) == len(self.resolved):
            return max(ends)
        return min(self.undone, default=None)


class Ledger:
    """The notes of one service."""

    def __init__(self, service: str, owner: str) -> None:
        self.service, self.owner = service, owner
        self.shipments: list[Shipment] = []
        self.restored: list[tuple[datetime, datetime]] = []
        self._waiting: dict[str, list[Landing]] = {}
        self._seen: set[str] = set()

    def land(self, branch: str, landing: Landing) -> None:
        """Note that something was merged or pushed to *branch*."""
        self._waiting.setdefault(branch, []).append(landing)

    def waiting(self, branch: str) -> int:
        """Return how many landings *branch* has that no deployment took yet."""
        return len(self._waiting.get(branch, []))

    def ship(self, branch: str, sha: str, at: datetime, *, leave: int = 0) -> Shipment:
        """Note a deployment of *branch*, without its last *leave* landings, which is a version never live before."""
        waiting = self._waiting.get(branch, [])
        taken = waiting[: len(waiting) - leave]
        self._waiting[branch] = waiting[len(taken) :]
        shipment = Shipment(at, sha, baseline=not self.shipments)
        for landing in taken:
            self._carry(shipment, landing)
        self.shipments.append(shipment)
        return shipment

    def again(self, sha: str, at: datetime) -> Shipment:
        """Note that a version that was live before is live again: once more, after a rollback, or by one."""
        last = self.shipments[-1]
        shipment = Shipment(at, sha, "redeployment" if sha == last.sha else "forward")
        self.shipments.append(shipment)
        return shipment

    def roll_back(self, steps: int, at: datetime) -> Shipment:
        """Note that the last *steps* deployments were undone; the first of them was the bad one."""
        bad, good = self.shipments[-steps], self.shipments[-steps - 1]
        bad.failed = True
        bad.undone.append(at)
        shipment = Shipment(at, good.sha, "rollback", rework=True)
        self.shipments.append(shipment)
        return shipment

    def incident(self, started: datetime, resolved: datetime | None, cause: Shipment | None) -> None:
        """Note an incident; *cause* is the deployment that is to blame, None if none is."""
        if resolved and resolved >= started:
            self.restored.append((started, resolved))
        if cause:
            cause.failed = True
            cause.resolved.append(resolved)

    def _carry(self, shipment: Shipment, landing: Landing) -> None:
        for change in landing.changes:
            if change.sha in self._seen:
                continue
            self._seen.add(change.sha)
            begun = next((t for t in (change.authored_at, change.committed_at) if t <= shipment.at), None)
            if not shipment.baseline and begun:
                shipment.samples.append((shipment.at - begun) / timedelta(hours=1))
            elif not shipment.baseline:
                shipment.skewed += 1
        if landing.number is not None:
            shipment.numbers.append(landing.number)
        if shipment.baseline:
            return
        shipment.rework = shipment.rework or landing.hotfix or landing.reverts is not None
        for earlier in self.shipments:
            if landing.reverts in earlier.numbers:
                earlier.failed = True
                earlier.undone.append(shipment.at)

    def answer(self, first: date, end: date) -> dict[str, Figure]:
        """Return the keys of `fourkeys metrics --by total --format json` for the local days in [first, end)."""
        inside = [s for s in self.shipments if first <= local_date(s.at) < end]
        counted = [s for s in inside if s.kind != "redeployment"]
        dates = {local_date(s.at) for s in counted}
        samples = [sample for s in inside for sample in s.samples]
        failed = [s for s in counted if s.failed]
        recovered = [
            max(s.recovered_at - s.at, timedelta()) / timedelta(hours=1)
            for s in self.shipments
            if s.failed and s.recovered_at and first <= local_date(s.recovered_at) < end
        ]
        restored = [(b - a) / timedelta(hours=1) for a, b in self.restored if first <= local_date(b) < end]
        return {
            "service": self.service,
            "owner": self.owner,
            "from": first.isoformat(),
            "to": end.isoformat(),
            "deployments": len(counted),
            "redeployments": len(inside) - len(counted),
            "deployment_days": len(dates),
            "deployments_per_day": len(counted) / (end - first).days,
            "median_deployment_days_per_week": median([len(dates & set(week)) for week in full_weeks(first, end)]),
            "changes": len(samples),
            "lead_time_hours_median": median(samples),
            "lead_time_hours_p90": percentile(samples, 0.9),
            "failed_deployments": len(failed),
            "change_failure_rate": rate(len(failed), len(counted)),
            "unrecovered_failures": sum(not s.recovered_at for s in failed),
            "recovered_failures": len(recovered),
            "failed_deployment_recovery_hours_median": median(recovered),
            "restored_incidents": len(restored),
            "time_to_restore_hours_median": median(restored),
            "deployment_rework_rate": rate(sum(s.rework for s in counted), len(counted)),
        }


def full_weeks(first: date, end: date) -> list[list[date]]:
    """Return the ISO weeks, Monday first, that lie in [first, end) as a whole."""
    mondays = [day for day in days(first, end) if day.weekday() == 0]
    return [days(day, day.fromordinal(day.toordinal() + _WEEK)) for day in mondays if (end - day).days >= _WEEK]


def median(values: Sequence[float]) -> float | None:
    """Return the mean of the two middle values; None of nothing."""
    return statistics.median(values) if values else None


def percentile(values: Sequence[float], part: float) -> float | None:
    """Return the continuous percentile, as SQL's PERCENTILE_CONT; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def rate(part: int, whole: int) -> float | None:
    """Return part / whole; None of nothing."""
    return part / whole if whole else None

"""The figures of a small world in plain Python, straight from the definitions: sets of ancestors, loops, no SQL.

It shares nothing with the mart. Where the two differ, one of them is wrong: work it out by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
HOUR = timedelta(hours=1)


@dataclass
class Deployed:
    """A deployment, and what is found out about it."""

    row: Row
    kind: str = "forward"
    base: str = "ok"
    new: set[str] = field(default_factory=set)
    carried: set[str] = field(default_factory=set)
    leads: list[float] = field(default_factory=list)
    incidents: list[Row] = field(default_factory=list)
    undone_at: list[datetime] = field(default_factory=list)
    is_rework: bool = False

    @property
    def finished(self) -> datetime:
        """When it was live."""
        return datetime.fromisoformat(self.row["finished_at"])

    @property
    def started(self) -> datetime:
        """When its rollout began."""
        return datetime.fromisoformat(self.row.get("started_at") or self.row["finished_at"])

    @property
    def is_failed(self) -> bool:
        """Whether any rule says so."""
        return bool(self.incidents or self.undone_at)

    @property
    def recovered(self) -> datetime | None:
        """The last resolution of its incidents, all resolved; else the rollback or revert."""
        ends = [resolved(incident) for incident in self.incidents]
        if ends and all(ends):
            return max(end for end in ends if end)
        return min(self.undone_at, default=None)


class Oracle:
    """One service of a world with hand-written deployments from one repository."""

    def __init__(self, world: dict[str, Any], service: Row) -> None:
        self.service = service
        self.link_hours = float(world["metrics"]["incident_link_hours"])
        self.zone = ZoneInfo(world["metrics"]["timezone"])
        repository = service["repositories"][0]
        self.commits = {r["sha"]: r for r in self._of(world, "ghes_commits", repository)}
        self.pulls = {r["number"]: r for r in self._of(world, "ghes_pull_requests", repository) if r.get("merged_at")}
        self.branches: dict[int, list[Row]] = {}
        for row in self._of(world, "ghes_pull_request_commits", repository):
            self.branches.setdefault(row["number"], []).append(row)
        rows = [r for r in world["given"].get("deployments", []) if r["service"] == service["name"]]
        self.deployments = self._link(self._finished(rows))
        self.real = [d for d in self.deployments if d.kind != "redeployment"]
        keys = service.get("incident_keys", [])
        self.incidents = [r for r in world["given"].get("incidents", []) if r["service_key"] in keys]
        self._blame()

    @staticmethod
    def _of(world: dict[str, Any], stream: str, repository: str) -> list[Row]:
        return [row for row in world["given"].get(stream, []) if row["repository"] == repository]

    @staticmethod
    def _finished(rows: list[Row]) -> list[Row]:
        """Keep finished, successful production releases of code, the earliest of each external id, in order."""
        kept = [
            row
            for row in rows
            if row.get("environment", "production") == "production"
            and row.get("status", "succeeded") == "succeeded"
            and row.get("kind", "deploy") in {"deploy", "promote", "rollback"}
        ]
        kept.sort(key=lambda r: (datetime.fromisoformat(r["finished_at"]), len(r["deployment_id"]), r["deployment_id"]))
        first: dict[str, Row] = {}
        for row in kept:
            kept_row = first.setdefault(row.get("external_id") or row["deployment_id"], row | {"names": set()})
            kept_row["names"] |= {row["deployment_id"], row.get("external_id")}
        return list(first.values())

    def ancestors(self, sha: str) -> set[str]:
        """Return the strict ancestors of a commit that are known."""
        found: set[str] = set()
        waiting = list(self.commits[sha]["parents"])
        while waiting:
            here = waiting.pop()
            if here in self.commits and here not in found:
                found.add(here)
                waiting += self.commits[here]["parents"]
        return found

    def originals(self, sha: str) -> list[Row]:
        """Return the changes that a commit stands for."""
        commit = self.commits[sha]
        if len(commit["parents"]) > 1:
            return []
        outer = self.squash_of(sha)
        if outer is None:
            return [commit]
        found = []
        for row in self.squashed(outer):
            inner = self.squash_of(row["sha"])
            found += [row] if inner is None or inner == outer else self.squashed(inner)
        return found

    def squash_of(self, sha: str) -> int | None:
        """Return the pull request whose squash a commit is."""
        numbers = (n for n in sorted(self.pulls) if self.pulls[n]["merge_commit_sha"] == sha and self.is_squash(n))
        return next(numbers, None)

    def squashed(self, number: int) -> list[Row]:
        """Return the commits of a pull request that are no merges."""
        return [row for row in self.branches[number] if len(row.get("parents") or []) <= 1]

    def is_squash(self, number: int) -> bool:
        """Whether a pull request was merged as one new commit."""
        merge = self.pulls[number]["merge_commit_sha"]
        branch = sorted(self.branches.get(number, []), key=lambda row: row["position"])
        if not branch or branch[-1]["sha"] == merge:
            return False
        if merge not in self.commits:
            return True
        if len(self.commits[merge]["parents"]) > 1:
            return False
        authored = self.commits[merge]["authored_at"]
        return not (len(branch) > 1 and any(r["authored_at"] == authored and r["sha"] != merge for r in branch))

    def _link(self, rows: list[Row]) -> list[Deployed]:
        done: list[Deployed] = []
        seen: set[str] = set()
        counted: set[str] = set()
        for row in rows:
            here = Deployed(row)
            sha, known = row["sha"], row["sha"] in self.commits
            if done:
                before = done[-1].row["sha"]
                here.base = "ok" if before in self.commits else "base_unknown" if seen else "baseline"
                if sha == before:
                    here.kind = "redeployment"
                elif known and before in self.commits:
                    here.kind = "rollback" if sha in self.ancestors(before) else "forward"
                elif row.get("kind") == "rollback":
                    here.kind = "rollback"
            else:
                here.base = "baseline"
            if known:
                here.new = ({sha} | self.ancestors(sha)) - seen
                seen |= here.new
            self._carry(here, counted)
            if here.kind == "rollback":
                self._undo(here, done)
            done.append(here)
        return done

    def _carry(self, here: Deployed, counted: set[str]) -> None:
        """Count the changes that a deployment brings; *counted* are those that came before."""
        here.carried |= here.new
        for number, pull in self.pulls.items():
            if pull["merge_commit_sha"] in here.new:
                here.carried |= {row["sha"] for row in self.branches.get(number, [])}
        for change in (change for commit in here.new for change in self.originals(commit)):
            if change["sha"] in counted:
                continue
            counted.add(change["sha"])
            here.carried.add(change["sha"])
            times = [datetime.fromisoformat(change[key]) for key in ("authored_at", "committed_at")]
            start = next((time for time in times if time <= here.finished), None)
            if here.base == "ok" and start:
                here.leads.append((here.finished - start) / HOUR)

    def _undo(self, rollback: Deployed, past: list[Deployed]) -> None:
        """Find the first of the deployments that the rollback undid."""
        rollback.is_rework = True
        first, is_known = None, rollback.row["sha"] in self.commits
        for earlier in reversed(past):
            if earlier.row["sha"] is not None and earlier.row["sha"] == rollback.row["sha"]:
                break
            both_known = is_known and earlier.row["sha"] in self.commits
            if both_known and rollback.row["sha"] not in self.ancestors(earlier.row["sha"]):
                break
            first = earlier
        else:
            if not is_known:
                first = past[-1]
                for earlier in reversed(past):
                    if first.row["sha"] is None or earlier.row["sha"] != first.row["sha"]:
                        break
                    first = earlier
        if first:
            first.undone_at.append(rollback.finished)

    def _blame(self) -> None:
        for incident in self.incidents:
            if incident.get("change_related") is False:
                continue
            culprit = self._culprit(incident)
            if culprit:
                culprit.incidents.append(incident)
        carrier = {
            number: deployment
            for number, pull in self.pulls.items()
            for deployment in self.real
            if pull["merge_commit_sha"] in deployment.new
        }
        for number, deployment in carrier.items():
            pull = self.pulls[number]
            for reverted in range(1, 40):
                if f"Reverts {self.service['repositories'][0]}#{reverted}\n" in f"{pull.get('body') or ''}\n":
                    deployment.is_rework |= deployment.base != "baseline"
                    undone = carrier.get(reverted)
                    if undone and undone.base != "baseline" and self.real.index(undone) < self.real.index(deployment):
                        undone.undone_at.append(deployment.finished)
            if "hotfix" in (pull.get("labels") or []):
                deployment.is_rework |= deployment.base != "baseline"

    def _culprit(self, incident: Row) -> Deployed | None:
        names = [incident[key] for key in ("deployment_id", "cause_sha") if incident.get(key)]
        if names:
            behind = None
            for deployment in self.deployments:
                behind = behind if deployment.kind == "redeployment" else deployment
                if deployment.row["names"] & set(names):
                    return behind
            for deployment in self.real:
                if any(sha.startswith(name) for name in names if len(name) >= 7 for sha in deployment.carried):
                    return deployment
            return None
        began = datetime.fromisoformat(incident["started_at"])
        for place in reversed(range(len(self.real))):
            here = self.real[place]
            following = self.real[place + 1] if place + 1 < len(self.real) else None
            if here.started <= began <= here.finished + self.link_hours * HOUR and (
                following is None or began < following.started
            ):
                return here
        return None

    def figures(self, start: date, end: date) -> Row:
        """Return the figures of local days in `[start, end)`."""

        def inside(moment: datetime | None) -> bool:
            return moment is not None and start <= moment.astimezone(self.zone).date() < end

        here = [d for d in self.real if inside(d.finished)]
        leads = [lead for d in self.deployments if inside(d.finished) for lead in d.leads]
        failed = [d for d in here if d.is_failed]
        recoveries = [
            max((d.recovered - d.finished) / HOUR, 0.0)
            for d in self.real
            if d.is_failed and d.recovered and inside(d.recovered)
        ]
        restores = [
            (end_ - datetime.fromisoformat(i["started_at"])) / HOUR
            for i in self.incidents
            if (end_ := resolved(i)) and inside(end_)
        ]
        count = len(here)
        return {
            "deployments": count,
            "redeployments": len([d for d in self.deployments if d.kind == "redeployment" and inside(d.finished)]),
            "deployment_days": len({d.finished.astimezone(self.zone).date() for d in here}),
            "deployments_per_day": count / (end - start).days,
            "median_deployment_days_per_week": self._weekly(here, start, end),
            "changes": len(leads),
            "lead_time_hours_median": quantile(leads, 0.5),
            "lead_time_hours_p90": quantile(leads, 0.9),
            "failed_deployments": len(failed),
            "change_failure_rate": len(failed) / count if count else None,
            "unrecovered_failures": len([d for d in failed if not d.recovered]),
            "recovered_failures": len(recoveries),
            "failed_deployment_recovery_hours_median": quantile(recoveries, 0.5),
            "restored_incidents": len(restores),
            "time_to_restore_hours_median": quantile(restores, 0.5),
            "deployment_rework_rate": len([d for d in here if d.is_rework]) / count if count else None,
        }

    def _weekly(self, here: list[Deployed], start: date, end: date) -> float | None:
        days = {d.finished.astimezone(self.zone).date() for d in here}
        monday = start + timedelta(days=-start.weekday() % 7)
        counts = []
        while monday + timedelta(days=7) <= end:
            counts.append(float(len([d for d in days if monday <= d < monday + timedelta(days=7)])))
            monday += timedelta(days=7)
        return quantile(counts, 0.5)


def resolved(incident: Row) -> datetime | None:
    """Return when an incident ended; None while open, or where the end is before the start."""
    if not incident.get("resolved_at"):
        return None
    end = datetime.fromisoformat(incident["resolved_at"])
    return end if end >= datetime.fromisoformat(incident["started_at"]) else None


def quantile(values: list[float], share: float) -> float | None:
    """Return the continuous quantile."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

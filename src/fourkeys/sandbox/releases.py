"""What a deployment looks like in the outside system that a service is released with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox.clock import NOW, Dice
from fourkeys.sandbox.drafts import MAINTENANCE
from fourkeys.sandbox.forge import MAIN
from fourkeys.sandbox.heroku_apps import Pipeline
from fourkeys.sandbox.model import Deployment, Release, Run
from fourkeys.streams import STREAMS
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from fourkeys.sandbox.forge import Forge
    from fourkeys.sandbox.ledger import Shipment
    from fourkeys.sandbox.model import User
    from fourkeys.sandbox.plans import Plan

Row = dict[str, str | None]

_ABBREVIATED = 5
_RUNS = 40


class Releaser:
    """Writes down the deployments of one service as its source shows them.

    Attributes:
        rows: rows of the stream `deployments`, for services whose deployments are written by hand.
        pipeline: the apps, for services on Heroku.
    """

    def __init__(self, plan: Plan, forge: Forge, people: tuple[User, ...], dice: Dice) -> None:
        self._plan, self._forge, self._people, self._dice = plan, forge, people, dice
        self._minor = self._patch = self._old = 0
        self.rows: list[Row] = []
        self.pipeline = Pipeline(plan.service) if plan.deployments_from == "heroku" else None

    def release(self, shipment: Shipment, branch: str, kind: str = "deploy") -> None:
        """Write down that *shipment* went live from *branch*."""
        if self._plan.deployments_from == "releases":
            self._publish(self._version(branch, kind), shipment.sha, branch, shipment.at)
        elif self.pipeline:
            self.pipeline.deploy(shipment.sha, shipment.at)
        elif self._plan.deployments_from == "csv":
            self._row(shipment.sha, shipment.at, kind=kind)

    def draft(self, sha: str, at: datetime) -> None:
        """Write a release that is never published; its tag does not exist."""
        self._publish(f"v2.{self._minor + 9}.0", sha, MAIN, at, draft=True)

    def prerelease(self, sha: str, at: datetime) -> None:
        """Publish a release candidate."""
        self._publish(f"v2.{self._minor + 1}.0-rc.1", sha, MAIN, at, prerelease=True)

    def attempt(self, sha: str, at: datetime) -> None:
        """Write down an attempt that failed."""
        if self.pipeline:
            self.pipeline.fail(sha, at)
        else:
            self._row(sha, at, status="failed")

    def stage(self, sha: str, at: datetime) -> None:
        """Write down a deployment to staging."""
        if self.pipeline:
            self.pipeline.stage(sha, at)
        else:
            self._row(sha, at, environment="staging")

    def report_again(self, at: datetime) -> None:
        """Report the last deployment to production once more, later and under another id."""
        if self.pipeline:
            self.pipeline.configure(at)
            return
        last = next(r for r in reversed(self.rows) if (r["environment"], r["status"]) == ("production", "succeeded"))
        self._row(str(last["sha"]), at, external_id=last["external_id"])

    def record_pipeline(self, shipments: list[Shipment]) -> None:
        """Make GitHub deployments and workflow runs for the last *shipments*, as a pipeline would."""
        base = self._forge.id * 1_000_000
        for place, shipment in enumerate(shipments[-_RUNS:]):
            began, finished = shipment.at - timedelta(minutes=9), shipment.at
            creator = self._people[-1]
            for offset, environment in ((0, "staging"), (1, "production")):
                at = finished + timedelta(minutes=offset * 3)
                statuses = (("in_progress", at), ("success", at + timedelta(seconds=95)))
                self._forge.deployments.append(
                    Deployment(
                        base + 500_000 + 2 * place + offset, shipment.sha, MAIN, environment, creator, at, statuses
                    )
                )
            middle = began + timedelta(minutes=4)
            good = "failure" if place % 11 == 7 else "success"  # noqa: PLR2004 - one run in eleven fails
            jobs = (("test", "success", began, middle), ("build", good, middle, finished))
            self._forge.runs.append(
                Run(base + 600_000 + place, place + 1, shipment.sha, MAIN, good, began, finished, jobs)
            )

    def _version(self, branch: str, kind: str) -> str:
        if branch == MAINTENANCE:
            self._old += 1
            return f"v1.9.{self._old}"
        if kind == "rollback":
            self._patch += 1
        else:
            self._minor, self._patch = self._minor + 1, 0
        return f"v2.{self._minor}.{self._patch}"

    def _publish(
        self, tag: str, sha: str, branch: str, at: datetime, *, draft: bool = False, prerelease: bool = False
    ) -> None:
        author = self._dice.pick(self._people[:-1])
        if not draft:
            self._forge.tags[tag] = sha
        self._forge.releases.append(
            Release(
                id=self._forge.id * 10_000 + len(self._forge.releases) + 1,
                tag=tag,
                sha=sha,
                target_commitish=branch,
                name=None if self._dice.chance(0.1) else f"{self._plan.service} {tag}",
                body=self._dice.pick((None, "", "* Small fixes\n* 翻訳を追加", 'See "Changes", please')),
                author=None if self._dice.chance(0.05) else author,
                created_at=self._forge.commits[sha].committed_at,
                published_at=None if draft else at,
                prerelease=prerelease,
            )
        )

    def _row(
        self,
        sha: str,
        at: datetime,
        *,
        kind: str = "deploy",
        status: str = "succeeded",
        environment: str = "production",
        external_id: str | None = None,
    ) -> None:
        number = len(self.rows) + 1
        row: Row = dict.fromkeys(STREAMS["deployments"].header)
        row |= {
            "service": self._plan.service,
            "deployment_id": f"{self._plan.service}-{number}",
            "external_id": external_id or f"run-{7000 + number}",
            "environment": environment,
            "repository": None if number % _ABBREVIATED == 1 else self._plan.repository,
            "sha": sha[:10] if number % _ABBREVIATED == 0 else sha,
            "kind": kind,
            "status": status,
            "started_at": rfc3339(at - timedelta(minutes=self._dice.between(3, 9))),
            "finished_at": rfc3339(at),
            "extracted_at": rfc3339(NOW),
        }
        self.rows.append(row)

"""Deployments with their statuses, and the runs and jobs of GitHub Actions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fourkeys.sources.ghes import _ci_records as ci
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._api import PER_PAGE
from fourkeys.sources.ghes._each import each
from fourkeys.sources.ghes._job import DEPLOYMENTS, JOBS, RUNS, STATUSES, Job, digest
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from fourkeys.sources.ghes._api import Page
    from fourkeys.sources.ghes._rows import Row

LATE = timedelta(days=7)
"""How long after it was made a deployment may change without another one of its environment."""
RERUN = timedelta(days=31)
"""How long after it was made a run may be run again; GitHub allows 30 days."""


async def deployments(job: Job) -> None:
    """Read ghes_deployments and ghes_deployment_statuses.

    The list is newest first, but a status moves `updated_at` of an old record. Statuses come within days, except that
    a success ends the one before it in its environment (`inactive`): so a week is read again, and of each environment
    with something new at least one older deployment. GraphQL may show that nothing changed among the newest hundred.
    """
    wanted = [stream for stream in (DEPLOYMENTS, STATUSES) if job.sink.wants(stream)]
    seen = digest(job.facts.deployments) if job.facts else None
    if seen is not None and all(job.progress(stream).seen == seen for stream in wanted):
        for stream in wanted:
            job.finish(stream)
        return
    starts = [job.since(stream) for stream in wanted]
    since = min((start for start in starts if start), default=None) if all(starts) else None
    incremental = since is not None and job.plan.window.since is None
    position = job.sink.position(wanted[0], job.name)
    seen = position.setdefault("seen", seen)
    found = _Found(job, since, position)
    path = f"{job.path}/deployments"
    back = since - LATE if since else None
    await walks.newest_first(job.api, path, ci.Deployment, found.take, position, lambda each: each.created_at, back)
    for environment in found.lonely() if incremental else ():
        page = await job.api.page(path, ci.Deployment, {"environment": environment, "per_page": PER_PAGE})
        found.take(page)
    if job.sink.wants(STATUSES):
        await each(job, STATUSES, position["ids"], lambda number: _statuses(job, number))
    for stream in wanted:
        job.finish(stream, whole=since is None, seen=seen)


class _Found:
    """Writes the deployments that changed, and remembers whose statuses are to be read."""

    def __init__(self, job: Job, since: datetime | None, position: walks.Position) -> None:
        self._job, self._since = job, rfc3339(since) if since else ""
        self._environments: dict[str, list[bool]] = {}
        self._ids: list[int] = position.setdefault("ids", [])

    def take(self, page: Page[ci.Deployment]) -> None:
        """Write what changed since the start."""
        job, known = self._job, set(self._ids)
        chosen: list[ci.Deployment] = []
        for record in page.records:
            changed = (record.updated_at or record.created_at or "~") >= self._since
            self._environments.setdefault(record.environment or "", []).append(changed)
            if changed and record.id not in known:
                chosen.append(record)
            if record.sha:
                job.deployed[record.sha] = None
        self._ids.extend(record.id for record in chosen if record.id is not None)
        made = [rows.deployment(record, job.scope, page.at) for record in chosen]
        job.sink.put(DEPLOYMENTS, job.name, made, page.url, page.warnings)
        job.sink.page_done()

    def lonely(self) -> list[str]:
        """Return the environments with something new of which nothing older was read."""
        return [name for name, changed in self._environments.items() if name and all(changed)]


async def _statuses(job: Job, number: int) -> list[Row]:
    path = f"{job.path}/deployments/{number}/statuses"
    made: list[Row] = []

    def handle(page: Page[ci.Status]) -> None:
        made.extend(rows.status(record, job.scope, page.at, number) for record in page.records)

    await walks.pages(job.api, path, ci.Status, handle)
    return made


async def runs(job: Job) -> None:
    """Read ghes_workflow_runs and ghes_workflow_jobs: newest first, and a month again, since a run may be run again."""
    wanted = [stream for stream in (RUNS, JOBS) if job.sink.wants(stream)]
    starts = [job.since(stream) for stream in wanted]
    since = min((start for start in starts if start), default=None) if all(starts) else None
    changed_since = rfc3339(since) if since and job.plan.window.since is None else ""
    back = (since - RERUN if job.plan.window.since is None else since) if since else None
    position = job.sink.position(wanted[0], job.name)
    pending: list[int] = position.setdefault("ids", [])
    recent: dict[str, str] = position.setdefault("recent", {})
    known = job.progress(wanted[0]).known
    position.setdefault("created", job.progress(wanted[0]).newest or "")

    def handle(page: Page[ci.WorkflowRun]) -> None:
        position["created"] = max([position["created"], *(record.created_at or "" for record in page.records)])
        chosen = [record for record in page.records if (record.updated_at or "~") >= changed_since]
        recent.update({str(record.id): record.updated_at or "" for record in chosen[: PER_PAGE - len(recent)]})
        chosen = [record for record in chosen if known.get(str(record.id)) != (record.updated_at or "")]
        if job.sink.wants(JOBS):
            pending.extend(record.id for record in chosen if record.id is not None)
        made = [rows.run(record, job.scope, page.at) for record in chosen]
        job.sink.put(RUNS, job.name, made, page.url, page.warnings)
        job.sink.page_done()

    path = f"{job.path}/actions/runs"
    await walks.newest_first(job.api, path, ci.WorkflowRun, handle, position, lambda each: each.created_at, back)
    if job.sink.wants(JOBS):
        await each(job, JOBS, pending, lambda number: _jobs(job, number))
    for stream in wanted:
        job.finish(stream, newest=position["created"] or None, known=recent)


async def _jobs(job: Job, number: int) -> list[Row]:
    """Return the jobs of a run, those of all attempts."""
    path = f"{job.path}/actions/runs/{number}/jobs"
    made: list[Row] = []

    def handle(page: Page[ci.Job]) -> None:
        made.extend(rows.job(record, job.scope, page.at) for record in page.records)

    await walks.pages(job.api, path, ci.Job, handle, None, {"filter": "all"})
    return made

"""Commits: of the branches, and in the ancestry of what releases and deployments name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.errors import NotFoundError, SourceError
from fourkeys.sources.ghes import _commits as commits
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes._job import COMMITS, RELEASES, Job
from fourkeys.sources.ghes._releases import releases
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fourkeys.sources.ghes._api import Page

_SHORT = 12
"""Digits of a hash that tell the commits of one repository apart."""


async def history(job: Job, deployments: Awaitable[None] | None) -> None:
    """Read ghes_releases and ghes_commits: releases and deployments name commits whose ancestry is read too.

    Args:
        job: the repository.
        deployments: done when the deployments are read; None where they are not wanted.
    """
    gone_on = job.sink.is_done(RELEASES, job.name) and "pending" in job.sink.position(COMMITS, job.name)
    released = {} if gone_on else await releases(job)
    if job.sink.wants(COMMITS) and not job.sink.is_done(COMMITS, job.name):
        if deployments:
            await deployments
        await _commits(job, {**released, **job.deployed, **dict.fromkeys(job.plan.roots.get(job.name, ()))})


async def _commits(job: Job, roots: dict[str, None]) -> None:
    """Read what the branches have that they had not before, and what *roots* contain beyond that."""
    scope = job.scope
    before, position, since = job.progress(COMMITS), job.sink.position(COMMITS, job.name), job.plan.window.since
    known = set(before.roots)
    wanted = [root for root in roots if root[:_SHORT] not in known]
    pending: dict[str, int] = position.setdefault("pending", dict.fromkeys(wanted, 1))
    position.setdefault("covered", sorted({*known, *(root[:_SHORT] for root in wanted)}))
    tip = job.facts.default_branch_ref.target if job.facts and job.facts.default_branch_ref else None
    main = job.branch or ""
    heads = dict(before.heads)
    if not pending and not job.plan.branches and tip and tip.oid and heads.get(main) == tip.oid:
        job.finish(COMMITS)
        return

    def handle(page: Page[records.Commit]) -> None:
        for record in page.records:
            pending.pop(record.sha or "", None)
        made = [rows.commit(record, scope, page.at) for record in page.records]
        job.sink.put(COMMITS, job.name, made, page.url, page.warnings)
        job.sink.page_done()

    if "main" not in position:
        base = await commits.newest_before(job.api, job.path, rfc3339(since)) if since else heads.get(main)
        position["main"] = await commits.new(job, base, main, handle, position.setdefault("walk", {}))
    head: str | None = position["main"]
    if head:
        heads[main] = head
    for branch in job.plan.branches:
        if branch != main and head:
            try:
                newest = await commits.new(job, heads.get(branch) or head, branch, handle, {})
            except NotFoundError:
                job.sink.warn(COMMITS, [f"{job.name}: there is no branch {branch}"])
                continue
            heads[branch] = newest or heads.get(branch) or head
    unknown = await _ancestries(job, head, pending, handle)
    covered = [short for short in position["covered"] if short not in unknown]
    job.finish(COMMITS, heads=heads, roots=covered)


async def _ancestries(job: Job, head: str | None, pending: dict[str, int], handle: commits.Handle) -> set[str]:
    """Read what each root contains beyond *head*; return the first digits of those that are unknown."""
    unknown = set()
    for root in list(pending):
        if root in pending and head:
            try:
                await commits.ancestry(job, head, root, handle, pending)
            except SourceError as error:
                job.sink.warn(COMMITS, [f"{job.name}: the history of {root} cannot be read: {error.message}"])
                unknown.add(root[:_SHORT])
    return unknown

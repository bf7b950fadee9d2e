"""Releases, with the commits that their tags point to.

The list is in order of the tagged commits' dates, and an edit or a late publication moves nothing, so that it is read
as a whole; unless GraphQL shows that the hundred newest releases and tags are as they were, or that all that is new is
among them. Of what lies behind the hundred only the number is known then, so that once a week all of it is read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._api import PER_PAGE
from fourkeys.sources.ghes._job import RELEASES, Job, digest
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from fourkeys.sources.ghes._api import Page
    from fourkeys.sources.ghes._graph import Connection, Dated, Repository
    from fourkeys.sources.ghes._sink import Progress

_WEEK = timedelta(days=7)
Targets = dict[str, str | None]


async def releases(job: Job) -> dict[str, None]:
    """Read ghes_releases and return the commits that they name."""
    facts, position, before = job.facts, job.sink.position(RELEASES, job.name), job.progress(RELEASES)
    seen = digest((facts.releases, facts.refs)) if facts else None
    due = _due(job, facts, before)
    if seen is not None and before.seen == seen and not due:
        job.finish(RELEASES)
        return {}
    # What was seen before the first page counts, even if this run was killed since and goes on.
    state = position.setdefault("state", {"seen": seen, **_known(facts.releases if facts else None)})
    if facts and not due and "next" not in position:
        recent = await _recent(job, facts, before)
        if recent is not None:
            job.finish(RELEASES, **state)
            return recent
    targets: Targets = {}
    named: dict[str, None] = {}

    def tags(page: Page[records.Tag]) -> None:
        targets.update({tag.name: tag.commit.sha for tag in page.records if tag.name and tag.commit})

    def take(page: Page[records.Release]) -> None:
        named.update(_put(job, page, targets))

    await walks.pages(job.api, f"{job.path}/tags", records.Tag, tags)
    await walks.pages(job.api, f"{job.path}/releases", records.Release, take, position)
    whole_at = rfc3339(job.api.started_at) if job.api.started_at else None
    job.finish(RELEASES, whole=True, whole_at=whole_at, **state)
    return named


def _put(job: Job, page: Page[records.Release], targets: Targets) -> dict[str, None]:
    """Write a page of releases; return the commits that they name."""
    since = rfc3339(job.plan.window.since) if job.plan.window.since else ""
    kept = [record for record in page.records if not record.published_at or record.published_at >= since]
    found = [(record, targets.get(record.tag_name or "")) for record in kept]
    made = [rows.release(record, job.scope, page.at, target) for record, target in found]
    if not job.sink.is_done(RELEASES, job.name):
        job.sink.put(RELEASES, job.name, made, page.url, page.warnings)
    job.sink.page_done()
    return {target: None for _, target in found if target}


async def _recent(job: Job, facts: Repository, before: Progress) -> dict[str, None] | None:
    """Read the hundred newest releases alone, if all that changed is among them; None if that cannot be told."""
    now = _known(facts.releases)
    new = now["known"].keys() - before.known.keys()
    if before.count is None or now["count"] != before.count + len(new) or len(now["known"]) < PER_PAGE:
        return None
    refs = [ref for ref in (facts.refs.nodes or () if facts.refs else ()) if ref and ref.name and ref.target]
    targets: Targets = {}
    for ref in refs:
        if ref.name and ref.target:
            targets[ref.name] = ref.target.target.oid if ref.target.target else ref.target.oid
    page = await job.api.page(f"{job.path}/releases", records.Release, {"per_page": PER_PAGE})
    changed = [
        record for record in page.records if now["known"].get(str(record.id)) != before.known.get(str(record.id))
    ]
    if not new <= {str(record.id) for record in changed} or any(r.tag_name not in targets for r in changed):
        return None
    return _put(job, page.only(changed), targets)


def _due(job: Job, facts: Repository | None, before: Progress) -> bool:
    """Whether there are releases behind the newest hundred that were not looked at for a week."""
    count = facts.releases.total_count if facts and facts.releases else None
    if count is None or count <= PER_PAGE or job.api.started_at is None:
        return False
    return before.whole_at is None or datetime.fromisoformat(before.whole_at) < job.api.started_at - _WEEK


def _known(listed: Connection[Dated] | None) -> dict[str, Any]:
    """Return what is known of the newest releases by GraphQL: each one's last change, and the number of all."""
    nodes = [node for node in (listed.nodes or () if listed else ()) if node]
    known = {str(node.database_id): f"{node.updated_at} {node.is_draft} {node.tag_name}" for node in nodes}
    return {"known": known, "count": listed.total_count if listed else None}

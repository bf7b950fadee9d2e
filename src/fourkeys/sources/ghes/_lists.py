"""Issues, comments, events, labels and users."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fourkeys.errors import NotFoundError
from fourkeys.http import together
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._api import PER_PAGE
from fourkeys.sources.ghes._job import COMMENTS, EVENTS, ISSUES, LABELS, USERS, Job, digest
from fourkeys.sources.ghes._keyset import keyset
from fourkeys.sources.ghes._quiet import newest, waits

if TYPE_CHECKING:
    from fourkeys.sources.ghes._api import Page


async def issues(job: Job) -> None:
    """Read ghes_issues, unless GraphQL shows nothing newer than what is stored."""
    facts = job.facts
    if facts and job.unchanged(ISSUES, max(newest(facts.issues), newest(facts.pull_requests))):
        job.finish(ISSUES)
        return
    handle, position = job.handler(ISSUES, rows.issue), job.sink.position(ISSUES, job.name)
    params = {"state": "all"}
    await keyset(job.api, f"{job.path}/issues", records.Issue, handle, position, params, job.since(ISSUES))
    job.finish(ISSUES)


async def comments(job: Job) -> None:
    """Read ghes_issue_comments; an edit may touch no issue, so that only the comments themselves can tell."""
    if waits(job, COMMENTS):
        job.finish(COMMENTS)
        return
    handle, position = job.handler(COMMENTS, rows.comment), job.sink.position(COMMENTS, job.name)
    path, before = f"{job.path}/issues/comments", job.progress(COMMENTS).etag
    etag = await keyset(job.api, path, records.Comment, handle, position, {}, job.since(COMMENTS), before)
    job.finish(COMMENTS, etag=etag, asked_at=job.asked())


async def events(job: Job) -> None:
    """Read ghes_issue_events: never changed, newest first, so that the first old one ends the walk."""
    if waits(job, EVENTS):
        job.finish(EVENTS)
        return
    handle, position = job.handler(EVENTS, rows.event), job.sink.position(EVENTS, job.name)
    path, before, since = f"{job.path}/issues/events", job.progress(EVENTS).etag, job.since(EVENTS)
    etag = await walks.newest_first(
        job.api, path, records.Event, handle, position, lambda event: event.created_at, since, before
    )
    job.finish(EVENTS, etag=etag, asked_at=job.asked())


async def labels(job: Job) -> None:
    """Read ghes_labels, all of them: a label has no time, and one that is not listed is gone."""
    seen = None
    if job.facts and job.facts.labels and (job.facts.labels.total_count or 0) <= PER_PAGE:
        seen = digest(job.facts.labels)
        if seen == job.progress(LABELS).seen:
            job.finish(LABELS)
            return
    position = job.sink.position(LABELS, job.name)
    seen = position.setdefault("seen", seen)
    await walks.pages(job.api, f"{job.path}/labels", records.Label, job.handler(LABELS, rows.label), position)
    job.finish(LABELS, whole=True, seen=seen)


async def users(job: Job) -> None:
    """Read ghes_users by their ids: what came after the last one seen; with detail, each profile by itself."""
    last = job.progress(USERS).last_id
    position = job.sink.position(USERS, job.name)
    handle = job.handler(USERS, rows.user)

    async def profiles(page: Page[records.Account]) -> Page[records.Account]:
        return page.only(await together(_profile(job, account) for account in page.records))

    url: str | None = position.get("next", "/users")
    while url:
        params = {"per_page": PER_PAGE, **({"since": last} if last else {})} if url == "/users" else None
        page = await job.api.page(url, records.Account, params)
        ids = [account.id for account in page.records if account.id is not None]
        url = page.next
        if job.plan.detail:
            page = await profiles(page)
        position["next"], position["last"] = url or "", max([*ids, position.get("last", last or 0)])
        handle(page)
    job.finish(USERS, last_id=position.get("last") or last)


async def _profile(job: Job, account: records.Account) -> records.Account:
    """Return the account with its profile; one that is gone meanwhile stays as it was listed."""
    try:
        found = await job.api.one(f"/users/{quote(account.login or '')}", records.Account)
    except NotFoundError:
        return account
    return found.records[0]

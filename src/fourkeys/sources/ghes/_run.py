"""One run: which stream is read in which way, for every repository at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.errors import FourkeysError, NotFoundError, SourceError
from fourkeys.http import LABEL
from fourkeys.sources.ghes import _commits as commits
from fourkeys.sources.ghes import _pulls as pulls
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._sink import Progress, Sink
from fourkeys.streams import STREAMS, Stream
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from datetime import datetime, timedelta

    from fourkeys.sources.ghes import Plan
    from fourkeys.sources.ghes._api import Api, Page

REPOSITORIES, ISSUES, COMMENTS = (STREAMS[f"ghes_{name}"] for name in ("repositories", "issues", "issue_comments"))
USERS, LABELS, EVENTS = (STREAMS[f"ghes_{name}"] for name in ("users", "labels", "issue_events"))
RELEASES, COMMITS, PULLS = (STREAMS[f"ghes_{name}"] for name in ("releases", "commits", "pull_requests"))
PULL_COMMITS, PULL_REVIEWS = (STREAMS[f"ghes_pull_request_{name}"] for name in ("commits", "reviews"))
_SHORT = 12
"""Digits of a hash that tell commits of one repository apart."""


class Run:
    """Reads what a plan asks for, through one server's door, into one sink."""

    def __init__(self, api: Api, plan: Plan, lag: timedelta, sink: Sink, report: Callable[[str], None]) -> None:
        self._api, self._plan, self._lag, self._sink, self._report = api, plan, lag, sink, report

    async def all(self) -> None:
        """Read everything; a part that fails is noted and stops no other."""
        async with asyncio.TaskGroup() as group:
            if self._sink.wants(USERS):
                group.create_task(self._guard([USERS], "", self._users()))
            for name in self._plan.organizations:
                group.create_task(self._organization(group, name))
            for name in dict.fromkeys(self._plan.repositories):
                group.create_task(self._repository(group, name, None))

    async def _organization(self, group: asyncio.TaskGroup, name: str) -> None:
        LABEL.set(REPOSITORIES.name)
        named = set(self._plan.repositories)
        try:
            async for page in self._api.pages(f"/orgs/{name}/repos", records.Repository):
                for record in page.records:
                    if record.full_name and record.full_name not in named:
                        group.create_task(self._repository(group, record.full_name, (record, page.at)))
        except SourceError as error:
            self._sink.fail([s for s in self._plan.streams if s is not USERS], name, error)

    async def _repository(
        self, group: asyncio.TaskGroup, name: str, found: tuple[records.Repository, str] | None
    ) -> None:
        """Start the readers of one repository."""
        wants, sink = self._sink.wants, self._sink
        incremental = self._plan.window.since is not None or self._progress(COMMITS, name).head
        branch = None
        if wants(REPOSITORIES) or (wants(COMMITS) and incremental) or len(self._plan.streams) > 1:
            LABEL.set(REPOSITORIES.name)
            try:
                if found is None:
                    page = await self._api.one(f"/repos/{name}", records.Repository)
                    found = (page.records[0], page.at)
                record, at = found
                sink.put(REPOSITORIES, name, [rows.repository(record, self._scope(name), at)], f"/repos/{name}")
                self._finish(REPOSITORIES, name)
                branch = record.default_branch
                if record.full_name and record.full_name.lower() != name.lower():
                    sink.warn(REPOSITORIES, [f"{name} is now called {record.full_name}; its rows keep the old name"])
            except SourceError as error:
                sink.fail([s for s in self._plan.streams if s is not USERS], name, error)
                self._report(f"{name}: {error.message}")
                return
        readers: list[tuple[list[Stream], Callable[[], Awaitable[None]]]] = [
            ([ISSUES], lambda: self._issues(name)),
            ([COMMENTS], lambda: self._comments(name)),
            ([LABELS], lambda: self._labels(name)),
            ([EVENTS], lambda: self._events(name)),
            ([COMMITS, RELEASES], lambda: self._history(name, branch)),
            ([PULLS, PULL_COMMITS, PULL_REVIEWS], lambda: self._pulls(name)),
        ]
        for streams, read in readers:
            if chosen := [stream for stream in streams if wants(stream)]:
                group.create_task(self._guard(chosen, name, read()))

    async def _guard(self, streams: list[Stream], partition: str, reading: Awaitable[None]) -> None:
        """Read a part; note its failure, or that it is done."""
        LABEL.set(streams[0].name)
        try:
            await reading
        except FourkeysError as error:
            self._sink.fail(streams, partition, error)
            self._report(f"{partition}: {error.message}")
        else:
            self._report(f"{partition}: {', '.join(stream.name for stream in streams)} read")

    async def _users(self) -> None:
        await self._simple(USERS, "", self._api.pages("/users", records.Account), rows.user)

    async def _issues(self, name: str) -> None:
        since = self._since(ISSUES, name)
        pages = walks.keyset(self._api, f"/repos/{name}/issues", records.Issue, {"state": "all"}, since)
        await self._simple(ISSUES, name, pages, rows.issue)

    async def _comments(self, name: str) -> None:
        since = self._since(COMMENTS, name)
        pages = walks.keyset(self._api, f"/repos/{name}/issues/comments", records.Comment, {}, since)
        await self._simple(COMMENTS, name, pages, rows.comment)

    async def _labels(self, name: str) -> None:
        await self._simple(LABELS, name, self._api.pages(f"/repos/{name}/labels", records.Label), rows.label)

    async def _events(self, name: str) -> None:
        since = self._since(EVENTS, name)
        path = f"/repos/{name}/issues/events"
        pages = walks.newest_first(self._api, path, records.Event, lambda event: event.created_at, since)
        await self._simple(EVENTS, name, pages, rows.event)

    async def _pulls(self, name: str) -> None:
        sink, scope = self._sink, self._scope(name)
        started = [self._since(stream, name) for stream in (PULLS, PULL_COMMITS, PULL_REVIEWS) if sink.wants(stream)]
        since = min(moment for moment in started if moment) if all(started) else None
        want_commits, want_reviews = sink.wants(PULL_COMMITS), sink.wants(PULLS) or sink.wants(PULL_REVIEWS)
        changed = pulls.changed(self._api, name, since, commits=want_commits, reviews=want_reviews)
        newest = None
        async for page in changed:
            until = rfc3339(self._plan.window.until) if self._plan.window.until else "~"
            chosen = [pull for pull in page.pulls if (pull.updated_at or "") < until]
            newest = newest or max((pull.updated_at or "" for pull in chosen), default=None)
            where = f"{name} (GraphQL)"
            sink.put(PULLS, name, [pulls.pull_row(pull, scope, page.at) for pull in chosen], where)
            sink.put(PULL_COMMITS, name, (r for p in chosen for r in pulls.commit_rows(p, scope, page.at)), where)
            sink.put(PULL_REVIEWS, name, (r for p in chosen for r in pulls.review_rows(p, scope, page.at)), where)
        for stream in (PULLS, PULL_COMMITS, PULL_REVIEWS):
            self._finish(stream, name, Progress(newest or self._progress(stream, name).newest))

    async def _history(self, name: str, branch: str | None) -> None:
        """Read releases and commits: the tags of releases say which commits were deployed."""
        sink, scope = self._sink, self._scope(name)
        targets: dict[str, str | None] = {}
        async for tags in self._api.pages(f"/repos/{name}/tags", records.Tag):
            targets |= {tag.name: tag.commit.sha for tag in tags.records if tag.name and tag.commit}
        roots: dict[str, None] = {}
        since = self._plan.window.since
        async for page in self._api.pages(f"/repos/{name}/releases", records.Release):
            kept = [r for r in page.records if not since or not r.published_at or r.published_at >= rfc3339(since)]
            found = [(record, targets.get(record.tag_name or "")) for record in kept]
            roots |= {target: None for _, target in found if target}
            made = [rows.release(record, scope, page.at, target) for record, target in found]
            sink.put(RELEASES, name, made, page.url, page.warnings)
        self._finish(RELEASES, name)
        if sink.wants(COMMITS):
            roots |= dict.fromkeys(self._plan.roots.get(name, ()))
            await self._commits(name, branch, roots)

    async def _commits(self, name: str, branch: str | None, roots: Iterable[str]) -> None:
        path, before = f"/repos/{name}", self._progress(COMMITS, name)
        pending = {root: None for root in roots if root[:_SHORT] not in set(before.roots)}
        covered = sorted({*before.roots, *(root[:_SHORT] for root in pending)})
        head = before.head
        since = self._plan.window.since
        if since:
            head = await commits.newest_before(self._api, path, rfc3339(since))
        base, head = head, None
        async for page in commits.new(self._api, path, base, branch or "HEAD"):
            head = page.head or head
            self._put_commits(name, page.page, pending)
        head = head or base
        for root in list(pending):
            if head and root in pending:
                try:
                    async for extra in commits.ancestry(self._api, path, head, root):
                        self._put_commits(name, extra, pending)
                except SourceError as error:
                    self._sink.warn(COMMITS, [f"{name}: the history of {root} cannot be read: {error.message}"])
        self._finish(COMMITS, name, Progress(head=head, roots=covered))

    def _put_commits(self, name: str, page: Page[records.Commit], pending: dict[str, None]) -> None:
        scope = self._scope(name)
        for record in page.records:
            pending.pop(record.sha or "", None)
        made = [rows.commit(record, scope, page.at) for record in page.records]
        self._sink.put(COMMITS, name, made, page.url, page.warnings)

    async def _simple(
        self,
        stream: Stream,
        partition: str,
        pages: AsyncIterator[Page[Any]],
        row: Callable[[Any, rows.Scope, str], rows.Row],
    ) -> None:
        """Write the records of pages as they come."""
        scope = self._scope(partition)
        async for page in pages:
            made = [row(record, scope, page.at) for record in page.records]
            self._sink.put(stream, partition, made, page.url, page.warnings)
        self._finish(stream, partition)

    def _finish(self, stream: Stream, partition: str, progress: Progress | None = None) -> None:
        newest = self._sink.newest(stream, partition) or self._progress(stream, partition).newest
        if self._api.started_at:
            self._sink.done(stream, partition, self._api.started_at, progress or Progress(newest))

    def _scope(self, repository: str) -> rows.Scope:
        return rows.Scope(self._api.host, repository, self._plan.with_emails)

    def _progress(self, stream: Stream, partition: str) -> Progress:
        mark = self._plan.watermarks.get((stream.name, partition))
        if mark is None or self._plan.window.since is not None:
            return Progress()
        try:
            return msgspec.json.decode(mark.state or "{}", type=Progress)
        except msgspec.DecodeError:
            raise NotFoundError(
                f"{partition}: the watermark of {stream.name} cannot be read", "extract with --since"
            ) from None

    def _since(self, stream: Stream, partition: str) -> datetime | None:
        """Return where to start: the window, or the watermark less the lag, or the beginning."""
        if self._plan.window.since is not None:
            return self._plan.window.since
        mark = self._plan.watermarks.get((stream.name, partition))
        newest = self._progress(stream, partition).newest
        if mark is None or newest is None:
            return None
        return min(mark.at, msgspec.convert(newest, type(mark.at))) - self._lag

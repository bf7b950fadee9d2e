"""One run: which stream is read by whom, for every repository at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fourkeys.errors import FileError, FourkeysError, SourceError
from fourkeys.http import LABEL, GoneError, together
from fourkeys.sources.ghes import _deploys as deploys
from fourkeys.sources.ghes import _history as history
from fourkeys.sources.ghes import _lists as lists
from fourkeys.sources.ghes import _pulls as pulls
from fourkeys.sources.ghes import _quiet as quiet
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes import _rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._job import (
    COMMENTS,
    COMMITS,
    DEPLOYMENTS,
    EVENTS,
    ISSUES,
    JOBS,
    LABELS,
    RELEASES,
    REPOSITORIES,
    RUNS,
    STATUSES,
    USERS,
    Job,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    from fourkeys.sources.ghes import Plan
    from fourkeys.sources.ghes import _graph as graph
    from fourkeys.sources.ghes._api import Api, Page
    from fourkeys.sources.ghes._sink import Sink
    from fourkeys.streams import Stream

_TICK = 10
"""Seconds between two reports of a run that goes on."""


class Run:
    """Reads what a plan asks for, through one server's door, into one sink."""

    def __init__(self, api: Api, plan: Plan, lag: timedelta, sink: Sink, report: Callable[[str], None]) -> None:
        self._api, self._plan, self._lag, self._sink, self._report = api, plan, lag, sink, report
        self._quiet = bool(plan.repositories or plan.organizations)

    async def all(self) -> None:
        """Read everything; a part that fails is noted and stops no other.

        Accounts are asked for last, and only if something happened in a repository: who did nothing yet can wait.
        """
        server = Job(self._api, self._sink, self._plan, self._lag, "")
        work: list[Coroutine[Any, Any, Any]] = [self._organization(name) for name in self._plan.organizations]
        work.append(self._repositories([(name, None) for name in dict.fromkeys(self._plan.repositories)]))
        first = server.progress(USERS).last_id is None
        if self._sink.wants(USERS) and first:
            work.append(self._guard([USERS], server, lists.users(server)))
        ticking = asyncio.create_task(self._tick())
        try:
            await together(work)
        finally:
            ticking.cancel()
        if self._sink.wants(USERS) and not first:
            if self._quiet:
                server.finish(USERS)
            else:
                await self._guard([USERS], server, lists.users(server))

    async def _tick(self) -> None:
        """Report how far it is, now and then."""
        while True:
            await asyncio.sleep(_TICK)
            self._report(f"{self._sink.rows:,} records, {self._api.client.requests.total():,} requests so far")

    async def _organization(self, name: str) -> None:
        """Read all repositories of an organization; those that are named besides are read once."""
        LABEL.set(REPOSITORIES.name)
        found: list[tuple[str, Page[records.Repository]]] = []

        def handle(page: Page[records.Repository]) -> None:
            named = self._plan.repositories
            new = [each for each in page.records if each.full_name and each.full_name not in named]
            found.extend((each.full_name or "", page.only([each])) for each in new)

        try:
            await walks.pages(self._api, f"/orgs/{name}/repos", records.Repository, handle)
        except SourceError as error:
            self._fail([stream for stream in self._plan.streams if stream is not USERS], name, error)
            return
        await self._repositories(list(found))

    async def _repositories(self, names: list[tuple[str, Page[records.Repository] | None]]) -> None:
        """Read repositories at once; GraphQL tells first what is newest in them."""
        parts = [names[start : start + quiet.FACTS] for start in range(0, len(names), quiet.FACTS)]
        many = len(names) > quiet.EVERY_NIGHT
        await together(self._part(part, many=many) for part in parts)

    async def _part(self, names: list[tuple[str, Page[records.Repository] | None]], *, many: bool) -> None:
        asks = self._plan.window.since is None and len(self._plan.streams) > 1
        known = await quiet.facts(self._api, [name for name, _ in names]) if asks else {}
        await together(self._repository(name, page, known.get(name), many=many) for name, page in names)

    async def _repository(
        self, name: str, page: Page[records.Repository] | None, facts: graph.Repository | None, *, many: bool
    ) -> None:
        """Start the readers of one repository."""
        job = Job(self._api, self._sink, self._plan, self._lag, name, f"/repos/{name}", facts=facts)
        try:
            job = await self._introduce(job, page)
        except SourceError as error:
            self._quiet = False
            self._fail([stream for stream in self._plan.streams if stream is not USERS], name, error)
            return
        self._quiet = self._quiet and quiet.is_quiet(job)
        job = replace(job, resting=many and quiet.rests(job))
        wants = self._sink.wants
        deploying: asyncio.Task[None] | None = None
        if wants(DEPLOYMENTS) or wants(STATUSES):
            deploying = asyncio.create_task(self._guard([DEPLOYMENTS, STATUSES], job, deploys.deployments(job)))
        readers: list[tuple[list[Stream], Callable[[], Coroutine[Any, Any, None]]]] = [
            ([ISSUES], lambda: lists.issues(job)),
            ([COMMENTS], lambda: lists.comments(job)),
            ([LABELS], lambda: lists.labels(job)),
            ([EVENTS], lambda: lists.events(job)),
            ([COMMITS, RELEASES], lambda: history.history(job, deploying)),
            (list(pulls.STREAMS), lambda: pulls.pulls(job)),
            ([RUNS, JOBS], lambda: deploys.runs(job)),
        ]
        work = [self._guard(streams, job, read()) for streams, read in readers if any(map(wants, streams))]
        await together(work)
        if deploying:
            await deploying

    async def _introduce(self, job: Job, page: Page[records.Repository] | None) -> Job:
        """Return the job with what the repository's own record says; read it unless it is known or not needed."""
        facts, sink = job.facts, self._sink
        seen = quiet.seen(facts) if facts else None
        main = facts.default_branch_ref.name if facts and facts.default_branch_ref else None
        if facts and seen == job.progress(REPOSITORIES).seen and sink.wants(REPOSITORIES):
            job.finish(REPOSITORIES)
            return replace(job, branch=main)
        if not sink.wants(REPOSITORIES) and (len(self._plan.streams) == 1 and COMMITS not in self._plan.streams):
            return job
        LABEL.set(REPOSITORIES.name)
        page = page or await self._api.one(f"/repos/{job.name}", records.Repository)
        record = page.records[0]
        if not sink.is_done(REPOSITORIES, job.name):
            sink.put(REPOSITORIES, job.name, [rows.repository(record, job.scope, page.at)], page.url, page.warnings)
            job.finish(REPOSITORIES, seen=seen)
        if record.full_name and record.full_name.lower() != job.name.lower():
            moved = f"{job.name} is now called {record.full_name}; its rows keep the old name"
            sink.warn(REPOSITORIES if sink.wants(REPOSITORIES) else self._plan.streams[0], [moved])
            self._report(moved)
        path = f"/repositories/{record.id}" if "/repositories/" in page.url else job.path
        return replace(job, branch=record.default_branch, path=path)

    async def _guard(self, streams: list[Stream], job: Job, reading: Coroutine[Any, Any, None]) -> None:
        """Read a part; note its failure, or that it is done."""
        wanted = [stream for stream in streams if self._sink.wants(stream)]
        LABEL.set(wanted[0].name)
        if all(self._sink.is_done(stream, job.name) for stream in wanted):
            reading.close()
            return
        try:
            await reading
        except GoneError as error:  # such as issues that the repository does not have: there are none, and that is all
            for stream in wanted:
                self._sink.warn(stream, [error.message])
                job.finish(stream)
        except FileError:  # a full disk is the end of the run, not of a part of it
            raise
        except FourkeysError as error:
            self._fail(wanted, job.name, error)
        else:
            self._report(f"{job.name or job.api.host}: {', '.join(stream.name for stream in wanted)}")

    def _fail(self, streams: list[Stream], partition: str, error: FourkeysError) -> None:
        self._sink.fail(streams, partition, error)
        self._report(f"{partition}: {error.message}")

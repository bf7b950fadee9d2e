"""Pull requests with their commits, reviews and files: through GraphQL, one request for fifty, never one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fourkeys.errors import NotFoundError, UnreachableError
from fourkeys.sources.ghes import _ci_records as ci
from fourkeys.sources.ghes import _graph as graph
from fourkeys.sources.ghes import _pull_rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._api import GraphqlMissingError, Page
from fourkeys.sources.ghes._job import PULL_COMMITS, PULL_FILES, PULL_REVIEWS, PULLS, Job
from fourkeys.sources.ghes._rest_pulls import changed as changed_by_rest
from fourkeys.sources.ghes._rows import file
from fourkeys.sources.ghes._together import together
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from fourkeys.sources.ghes._rows import Row

FIRST = 50
"""Pull requests per request, at first; halved when the server says that this is too much."""
_MORE = 20
"""Connections that are gone on with in one request."""
STREAMS = (PULLS, PULL_COMMITS, PULL_REVIEWS, PULL_FILES)


async def pulls(job: Job) -> None:
    """Read the four streams of pull requests that are wanted, in one walk: latest change first until the watermark."""
    wanted = [stream for stream in STREAMS if job.sink.wants(stream)]
    newest_now = job.facts.pull_requests if job.facts else None
    node = newest_now.nodes[0] if newest_now and newest_now.nodes else None
    if node and all(job.unchanged(stream, node.updated_at) for stream in wanted):
        for stream in wanted:
            job.finish(stream)
        return
    starts = [job.since(stream) for stream in wanted]
    since = min((start for start in starts if start), default=None) if all(starts) else None
    position = job.sink.position(wanted[0], job.name)
    try:
        await _walk(job, changed(job, since, position), position)
    except GraphqlMissingError as error:
        job.sink.warn(wanted[0], [f"{error.message}; pull requests are read one by one through REST"])
        position.clear()
        await _walk(job, changed_by_rest(job, since, position), position)
    newest = position.get("newest")
    for stream in wanted:
        before = job.progress(stream).newest
        job.finish(stream, newest=max(newest or "", before or "") or None)


async def _walk(job: Job, pages: AsyncIterator[Page[graph.Pull]], position: walks.Position) -> None:
    """Write complete pull requests with all that belongs to them; a page is written in one step."""
    sink, scope, name = job.sink, job.scope, job.name
    until = rfc3339(job.plan.window.until) if job.plan.window.until else "~"
    async for page in pages:
        chosen = [pull for pull in page.records if (pull.updated_at or "") < until]
        if chosen and "newest" not in position:
            position["newest"] = max(pull.updated_at or "" for pull in chosen)
        files = await _files(job, chosen) if sink.wants(PULL_FILES) else []
        position["after"] = page.next
        sink.put(PULLS, name, [rows.pull(pull, scope, page.at) for pull in chosen], page.url, page.warnings)
        sink.put(PULL_COMMITS, name, (r for p in chosen for r in rows.commits(p, scope, page.at)), page.url)
        sink.put(PULL_REVIEWS, name, (r for p in chosen for r in rows.reviews(p, scope, page.at)), page.url)
        sink.put(PULL_FILES, name, files, page.url)
        sink.page_done()


async def changed(job: Job, since: datetime | None, position: walks.Position) -> AsyncIterator[Page[graph.Pull]]:
    """Yield the pull requests that changed since *since*, latest change first, each complete.

    Raises:
        GraphqlMissingError: the server has no GraphQL.
        NotFoundError: it has no such repository.
    """
    api, sink = job.api, job.sink
    owner, _, name = job.name.partition("/")
    stop, first, after = rfc3339(since) if since else "", FIRST, position.get("after")
    variables = {
        "owner": owner,
        "name": name,
        "commits": sink.wants(PULL_COMMITS),
        "reviews": sink.wants(PULLS) or sink.wants(PULL_REVIEWS),
    }
    while "after" not in position or after:
        try:
            found = await api.query(graph.PULLS, {**variables, "first": first, "after": after})
        except UnreachableError:
            if first == 1:
                raise
            first = max(1, first // 2)  # too heavy for the server, most likely
            continue
        repository = found.repositories.get("repository")
        if repository is None or repository.pull_requests is None:
            raise NotFoundError(f"{api.host}: GraphQL knows no repository {job.name}", "check the name")
        connection = repository.pull_requests
        nodes = [node for node in connection.nodes or () if node]
        kept = [node for node in nodes if (node.updated_at or stop) >= stop]
        await _complete(job, kept)
        more = connection.page_info.has_next_page and len(kept) == len(nodes)
        after = connection.page_info.end_cursor if more else None
        yield Page(kept, found.at, f"{job.name} (GraphQL)", after)


async def _complete(job: Job, pulls: list[graph.Pull]) -> None:
    """Follow the connections of pull requests, and of their commits' parents, to their ends, many in one request."""
    owner, _, name = job.name.partition("/")
    while open_ends := list(_open_ends(pulls))[:_MORE]:
        variables: dict[str, Any] = {"owner": owner, "name": name}
        for place, (_, key, connection) in enumerate(open_ends):
            variables |= {f"k{place}": key, f"a{place}": connection.page_info.end_cursor}
        found = await job.api.query(graph.more([kind for kind, _, _ in open_ends]), variables)
        for place, (kind, _, connection) in enumerate(open_ends):
            repository = found.repositories.get(f"p{place}", graph.Repository())
            holder = repository.object if kind == "parents" else repository.pull_request
            _extend(connection, getattr(holder, kind) if holder else None)


def _open_ends(pulls: list[graph.Pull]) -> list[tuple[str, int | str | None, graph.Connection[Any]]]:
    """Return the connections that go on: their kind, number or hash, and themselves."""
    found: list[tuple[str, int | str | None, graph.Connection[Any] | None]] = []
    for pull in pulls:
        found += [("commits", pull.number, pull.commits), ("reviews", pull.number, pull.reviews)]
        found += [("parents", commit.oid, commit.parents) for commit in rows.commits_of(pull)]
    return [(kind, key, each) for kind, key, each in found if each and each.page_info.has_next_page]


def _extend(connection: graph.Connection[Any], more: graph.Connection[Any] | None) -> None:
    if more is None:  # gone meanwhile: what is here is all there is
        connection.page_info = graph.PageInfo()
        return
    connection.nodes = [*(connection.nodes or ()), *(more.nodes or ())]
    connection.page_info = more.page_info


async def _files(job: Job, pulls: list[graph.Pull]) -> list[Row]:
    """Return the files of pull requests: GraphQL does not know what a file was called before."""

    async def files(number: int | None) -> list[Row]:
        found: list[Row] = []

        def handle(page: Page[ci.File]) -> None:
            found.extend(file(record, job.scope, page.at, number) for record in page.records)

        await walks.pages(job.api, f"{job.path}/pulls/{number}/files", ci.File, handle)
        return found

    parts = await together(files(pull.number) for pull in pulls if pull.changed_files != 0)
    return [row for part in parts for row in part]

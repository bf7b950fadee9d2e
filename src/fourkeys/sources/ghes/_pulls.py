"""Pull requests with their commits, reviews and files: through GraphQL, one request for fifty, never one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fourkeys.errors import NotFoundError, UnreachableError
from fourkeys.http import together
from fourkeys.sources.ghes import _ci_records as ci
from fourkeys.sources.ghes import _graph as graph
from fourkeys.sources.ghes import _more as more
from fourkeys.sources.ghes import _pull_rows as rows
from fourkeys.sources.ghes import _walks as walks
from fourkeys.sources.ghes._api import GraphqlMissingError, Page
from fourkeys.sources.ghes._each import each
from fourkeys.sources.ghes._job import PULL_COMMITS, PULL_FILES, PULL_REVIEWS, PULLS, Job
from fourkeys.sources.ghes._rest_pulls import changed as changed_by_rest
from fourkeys.sources.ghes._rows import file
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fourkeys.sources.ghes._rows import Row

STREAMS = (PULLS, PULL_COMMITS, PULL_REVIEWS, PULL_FILES)


async def pulls(job: Job) -> None:
    """Read the four streams of pull requests that are wanted, in one walk.

    What changed comes latest change first, until the watermark. A first read goes from both ends of the list at once,
    in the order in which pull requests were opened, which no change disturbs.
    """
    wanted = [stream for stream in STREAMS if job.sink.wants(stream)]
    listed = job.facts.pull_requests if job.facts else None
    latest = listed.nodes[0] if listed and listed.nodes else None
    if latest and all(job.unchanged(stream, latest.updated_at) for stream in wanted):
        for stream in wanted:
            job.finish(stream)
        return
    starts = [job.since(stream) for stream in wanted]
    since = min((start for start in starts if start), default=None) if all(starts) else None
    position = job.sink.position(wanted[0], job.name)
    if latest and latest.updated_at and since is None:
        position.setdefault("newest", latest.updated_at)
    try:
        if "rest" not in position:
            await _both_ends(job, position) if since is None else await _latest(job, since, position)
            await more.pages(job, position)
    except GraphqlMissingError as error:
        job.sink.warn(wanted[0], [f"{error.message}; pull requests are read one by one through REST"])
        position.clear()
        position["rest"] = True
    if "rest" in position:
        await changed_by_rest(job, since, position, lambda page: _write(job, page, position))
    await each(job, PULL_FILES, position.get("files", []), lambda number: _files(job, number))
    for stream in wanted:
        newest = max(position.get("newest") or "", job.progress(stream).newest or "")
        job.finish(stream, newest=newest or None)


async def _latest(job: Job, since: datetime, position: walks.Position) -> None:
    """Read what changed since *since*, latest change first."""
    order, stop = {"field": "UPDATED_AT", "direction": "DESC"}, rfc3339(since)
    while "after" not in position or position["after"]:
        page = await _page(job, order, position.get("after"))
        kept = page.only([pull for pull in page.records if (pull.updated_at or stop) >= stop])
        after = page.next if len(kept.records) == len(page.records) else None
        _write(job, kept, position, lambda: position.update(after=after))  # noqa: B023 - called at once


async def _both_ends(job: Job, position: walks.Position) -> None:
    """Read all pull requests, from the newest and from the oldest, until both walks meet."""
    ends: dict[str, Any] = position.setdefault("ends", {"DESC": "start", "ASC": "start"})
    recent: dict[str, list[list[int | None]]] = position.setdefault("recent", {"DESC": [], "ASC": []})

    async def walk(direction: str, other: str) -> None:
        order = {"field": "CREATED_AT", "direction": direction}
        while ends[direction]:
            page = await _page(job, order, None if ends[direction] == "start" else ends[direction])
            finish(page, direction, other)

    def finish(page: Page[graph.Pull], direction: str, other: str) -> None:
        def advance() -> list[graph.Pull]:
            met = {number for numbers in recent[other] for number in numbers}
            fresh = [pull for pull in page.records if pull.number not in met]
            recent[direction] = [*recent[direction][-1:], [pull.number for pull in page.records]]
            ends[direction] = page.next if len(fresh) == len(page.records) else None
            return fresh

        _write(job, page, position, advance)

    if ends["DESC"] == "start":  # what changes from now on changes after the newest time on this page
        first = await _page(job, {"field": "CREATED_AT", "direction": "DESC"}, None)
        finish(first, "DESC", "ASC")
    if ends["DESC"] is None and ends["ASC"] == "start":
        ends["ASC"] = None
    await together([walk("DESC", "ASC"), walk("ASC", "DESC")])


def _write(
    job: Job,
    page: Page[graph.Pull],
    position: walks.Position,
    advance: Callable[[], list[graph.Pull] | None] | None = None,
) -> None:
    """Write pull requests with all of what belongs to them that came with them; a page and its position in one step.

    Args:
        job: the repository.
        page: of pull requests.
        position: where the walk stands.
        advance: moves the position behind the page; may return which pull requests of it are new.
    """
    sink, scope, name = job.sink, job.scope, job.name
    until = rfc3339(job.plan.window.until) if job.plan.window.until else "~"
    fresh = advance() if advance else None
    chosen = [p for p in (page.records if fresh is None else fresh) if (p.updated_at or "") < until]
    if chosen and "newest" not in position:
        position["newest"] = max(pull.updated_at or "" for pull in chosen)
    sink.put(PULLS, name, [rows.pull(pull, scope, page.at) for pull in chosen], page.url, page.warnings)
    sink.put(PULL_COMMITS, name, (r for p in chosen for r in rows.commits(p, scope, page.at)), page.url)
    sink.put(PULL_REVIEWS, name, (r for p in chosen for r in rows.reviews(p, scope, page.at)), page.url)
    if sink.wants(PULL_FILES):
        position.setdefault("files", []).extend(p.number for p in chosen if p.number and p.changed_files != 0)
    position.setdefault("open", []).extend(more.open_ends(chosen, page.at))
    sink.page_done()


async def _page(job: Job, order: dict[str, str], after: str | None) -> Page[graph.Pull]:
    """Return a page of pull requests; half as many if so many are too much for the server.

    Raises:
        GraphqlMissingError: the server has no GraphQL.
        NotFoundError: it has no such repository.
    """
    owner, _, name = job.name.partition("/")
    variables = {
        "owner": owner,
        "name": name,
        "order": order,
        "after": after,
        "commits": job.sink.wants(PULL_COMMITS),
        "reviews": job.sink.wants(PULLS) or job.sink.wants(PULL_REVIEWS),
    }
    while True:
        first = job.api.bearable
        try:
            found = await job.api.query(graph.PULLS, {**variables, "first": first})
        except UnreachableError:
            if first == 1:
                raise
            job.api.bearable = max(1, first // 2)
            continue
        repository = found.repositories.get("repository")
        if repository is None or repository.pull_requests is None:
            raise NotFoundError(f"{job.api.host}: GraphQL knows no repository {job.name}", "check the name")
        connection = repository.pull_requests
        nodes = [node for node in connection.nodes or () if node]
        await more.parents(job, nodes)
        after = connection.page_info.end_cursor if connection.page_info.has_next_page else None
        return Page(nodes, found.at, f"{job.name} (GraphQL)", after)


async def _files(job: Job, number: int) -> list[Row]:
    """Return the files of a pull request: GraphQL does not know what a file was called before."""
    found: list[Row] = []

    def handle(page: Page[ci.File]) -> None:
        found.extend(file(record, job.scope, page.at, number) for record in page.records)

    await walks.pages(job.api, f"{job.path}/pulls/{number}/files", ci.File, handle)
    return found

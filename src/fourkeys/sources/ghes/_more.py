"""What did not come with a pull request: commits and reviews behind the first hundred, parents behind the tenth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fourkeys.http import together
from fourkeys.sources.ghes import _graph as graph
from fourkeys.sources.ghes import _pull_rows as rows
from fourkeys.sources.ghes._job import PULL_COMMITS, PULL_REVIEWS, Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fourkeys.sources.ghes._walks import Position

_AT_ONCE = 20
"""Connections that are gone on with in one request."""
OpenEnd = list[Any]
"""Kind, number of the pull request, cursor, records read so far, and when the pull request was read."""


def open_ends(pulls: list[graph.Pull], at: str) -> list[OpenEnd]:
    """Return the lists of commits and reviews that go on."""
    found: list[OpenEnd] = []
    for pull in pulls:
        for kind, connection in (("commits", pull.commits), ("reviews", pull.reviews)):
            if connection and connection.page_info.has_next_page:
                cursor, count = connection.page_info.end_cursor, len(connection.nodes or ())
                found.append([kind, pull.number, cursor, count, at])
    return found


async def pages(job: Job, position: Position) -> None:
    """Read all open ends of a walk to their ends, many in one request."""
    while left := position.get("open"):
        await together(_batch(job, position, left[n : n + _AT_ONCE]) for n in range(0, len(left), _AT_ONCE))


async def _batch(job: Job, position: Position, ends: list[OpenEnd]) -> None:
    """Read one page more of some lists; what goes on still is open again."""
    found = await _ask(job, [(kind, number, cursor) for kind, number, cursor, _, _ in ends])
    scope, name = job.scope, job.name
    for end, repository in zip(ends, found, strict=True):
        kind, number, _, count, at = end
        pull = repository.pull_request or graph.Pull()  # gone meanwhile: what was read is all there is
        pull.number = number
        if kind == "commits":
            job.sink.put(PULL_COMMITS, name, rows.commits(pull, scope, at, count), f"{name} (GraphQL)")
        else:
            job.sink.put(PULL_REVIEWS, name, rows.reviews(pull, scope, at), f"{name} (GraphQL)")
        position["open"].remove(end)
        position["open"].extend([*after[:3], count + after[3], at] for after in open_ends([pull], at))
    job.sink.page_done()


async def parents(job: Job, pulls: list[graph.Pull]) -> None:
    """Complete the parents of commits that have more than came with them."""
    commits = [commit for pull in pulls for commit in rows.commits_of(pull)]
    while left := [c for c in commits if c.parents and c.parents.page_info.has_next_page][:_AT_ONCE]:
        asked = [
            ("parents", commit.oid, commit.parents.page_info.end_cursor if commit.parents else None) for commit in left
        ]
        for commit, repository in zip(left, await _ask(job, asked), strict=True):
            more = repository.object.parents if repository.object else None
            if commit.parents:
                commit.parents.nodes = [*(commit.parents.nodes or ()), *((more.nodes if more else None) or ())]
                commit.parents.page_info = more.page_info if more else graph.PageInfo()


async def _ask(job: Job, ends: Sequence[tuple[str, int | str | None, str | None]]) -> list[graph.Repository]:
    """Return the repository for each end, holding the next page of it."""
    owner, _, name = job.name.partition("/")
    variables: dict[str, Any] = {"owner": owner, "name": name}
    for place, (_, key, cursor) in enumerate(ends):
        variables |= {f"k{place}": key, f"a{place}": cursor}
    found = await job.api.query(graph.more([kind for kind, _, _ in ends]), variables, partial=True)
    return [found.repositories.get(f"p{place}", graph.Repository()) for place in range(len(ends))]

"""Ways through the commits of a repository.

`commits?since=` filters on the committer date and misses every branch that is merged late. So what is new is what the
head has and the last head had not: `compare/old...new`, which a force push does not confuse either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from fourkeys.errors import NotFoundError
from fourkeys.http import RefusedError, together
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes._api import PER_PAGE, Page, numbered

if TYPE_CHECKING:
    from collections.abc import Callable

    from fourkeys.sources.ghes._api import Api
    from fourkeys.sources.ghes._job import Job
    from fourkeys.sources.ghes._walks import Position

    Handle = Callable[[Page[records.Commit]], None]

_READERS = 12
"""Pages of one history that are read at once."""


async def new(job: Job, base: str | None, branch: str, handle: Handle, position: Position) -> str | None:
    """Read what a branch contains and *base* does not; all of it where *base* is None or gone.

    Args:
        job: the repository.
        base: commit up to which the branch was read.
        branch: its name; "" is the default branch.
        handle: takes pages.
        position: where a killed run stands in a whole history.

    Returns:
        The branch's head, or None if there is none.
    """
    if base and not position:
        try:
            return await _since(job, base, branch or "HEAD", handle)
        except NotFoundError:  # force-pushed and swept away
            pass
    default = branch in {"", job.branch}  # left unsaid, as an empty repository knows no branch
    return await history(job, None if default else branch, handle, position)


async def history(job: Job, start: str | None, handle: Handle, position: Position) -> str | None:
    """Read the whole history of *start*, or of the default branch; returns its head.

    The first page names the head; the others are asked of that head, so that a push meanwhile shifts nothing, and many
    can be read at once.
    """
    api, path = job.api, f"{job.path}/commits"
    if "head" not in position:
        try:
            first = await api.page(path, records.Commit, {"per_page": PER_PAGE, **({"sha": start} if start else {})})
        except RefusedError as error:
            if error.status == httpx.codes.CONFLICT:  # the repository is empty
                return None
            raise
        position["head"] = first.records[0].sha if first.records else None
        following = str(httpx.URL(first.next).copy_set_param("sha", position["head"])) if first.next else None
        position["next"] = following
        position["left"] = list(range(2, first.last + 1)) if first.last else None
        handle(first)
    if position["left"] is None:
        await _one_by_one(api, position, handle)
    else:
        numbers = iter(list(position["left"]))

        async def reader() -> None:
            for number in numbers:
                page = await api.page(numbered(position["next"], number), records.Commit)
                position["left"].remove(number)
                handle(page)

        await together(reader() for _ in range(_READERS))
    head: str | None = position["head"]
    return head


async def _one_by_one(api: Api, position: Position, handle: Handle) -> None:
    while position["next"]:
        page = await api.page(position["next"], records.Commit)
        position["next"] = str(httpx.URL(page.next).copy_set_param("sha", position["head"])) if page.next else None
        handle(page)


async def _since(job: Job, base: str, branch: str, handle: Handle) -> str | None:
    first = await _compare(job, base, branch, 1)
    if first.next is None:
        handle(first)
        return first.records[-1].sha if first.records else base
    # A push between two pages would shift them, so that more than one page is asked of a fixed head.
    tip = await job.api.page(f"{job.path}/commits", records.Commit, {"sha": branch, "per_page": 1})
    head = tip.records[0].sha if tip.records else None
    if head is None:
        return base
    await _difference(job, base, head, handle)
    return head


async def ancestry(job: Job, head: str, root: str, handle: Handle, pages: dict[str, int]) -> None:
    """Read what *root* contains and *head* does not; all of it where they share nothing.

    Args:
        job: the repository.
        head: what was read already.
        root: the commit.
        handle: takes pages.
        pages: by root, the page where a killed run goes on; the root is taken out at the end.

    Raises:
        NotFoundError: the root is unknown.
    """
    number: int | None = pages[root]
    try:
        while number:
            page = await _compare(job, head, root, number)
            number = pages[root] = number + 1 if page.next else 0
            handle(page)
    except NotFoundError:
        await history(job, root, handle, {})
    pages.pop(root, None)


async def newest_before(api: Api, path: str, moment: str) -> str | None:
    """Return the newest commit of the default branch that was committed up to *moment*, or None."""
    try:
        page = await api.page(f"{path}/commits", records.Commit, {"until": moment, "per_page": 1})
    except RefusedError as error:
        if error.status == httpx.codes.CONFLICT:  # the repository is empty
            return None
        raise
    return page.records[0].sha if page.records else None


async def _difference(job: Job, base: str, head: str, handle: Handle) -> None:
    """Read what *head* contains and *base* does not, oldest first."""
    number: int | None = 1
    while number:
        page = await _compare(job, base, head, number)
        handle(page)
        number = number + 1 if page.next else None


async def _compare(job: Job, base: str, head: str, number: int) -> Page[records.Commit]:
    path = f"{job.path}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
    page = await job.api.one(path, records.Comparison, {"per_page": PER_PAGE, "page": number})
    return Page(page.records[0].commits or [], page.at, page.url, page.next, warnings=page.warnings)

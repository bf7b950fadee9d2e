"""Commits: the history of the default branch, and the ancestry of everything that was deployed from elsewhere.

`commits?since=` filters on the committer date and misses every branch that is merged late. So what is new is what the
head has and the last head had not: `compare/old...new`, which a force push does not confuse either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from fourkeys.errors import NotFoundError
from fourkeys.http import RefusedError
from fourkeys.sources.ghes import _records as records
from fourkeys.sources.ghes._api import PER_PAGE, Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fourkeys.sources.ghes._api import Api


async def history(api: Api, path: str, start: str | None) -> AsyncIterator[Page[records.Commit]]:
    """Yield the whole history of *start*, or of the default branch, newest first.

    The first page names the head; the others are asked of that head, so that a push meanwhile shifts nothing.
    """
    params: dict[str, str | int] = {"per_page": PER_PAGE, **({"sha": start} if start else {})}
    try:
        page = await api.page(f"{path}/commits", records.Commit, params)
    except RefusedError as error:
        if error.status == httpx.codes.CONFLICT:  # the repository is empty
            return
        raise
    yield page
    head = page.records[0].sha if page.records else None
    while page.next and head:
        page = await api.page(str(httpx.URL(page.next).copy_set_param("sha", head)), records.Commit)
        yield page


@dataclass(frozen=True, slots=True)
class New:
    """Commits of the default branch that were not read before.

    Attributes:
        page: the commits.
        head: of the branch, on the page that names it.
    """

    page: Page[records.Commit]
    head: str | None


async def new(api: Api, path: str, base: str | None, branch: str) -> AsyncIterator[New]:
    """Yield what the default branch contains and *base* does not; all of it where *base* is None or gone."""
    if base:
        try:
            async for part in _since(api, path, base, branch):
                yield part
        except NotFoundError:  # force-pushed and swept away
            pass
        else:
            return
    head = None
    async for page in history(api, path, None):
        head = head or (page.records[0].sha if page.records else None)
        yield New(page, head)


async def _since(api: Api, path: str, base: str, branch: str) -> AsyncIterator[New]:
    pages = difference(api, path, base, branch)
    first = await anext(pages)
    if first.next is None:
        yield New(first, first.records[-1].sha if first.records else None)
        return
    # A push between two pages would shift them, so that more than one page is asked of a fixed head.
    tip = await api.page(f"{path}/commits", records.Commit, {"sha": branch, "per_page": 1})
    head = tip.records[0].sha if tip.records else None
    if head:
        async for page in difference(api, path, base, head):
            yield New(page, head)


async def difference(api: Api, path: str, base: str, head: str) -> AsyncIterator[Page[records.Commit]]:
    """Yield what *head* contains and *base* does not, oldest first.

    Raises:
        NotFoundError: one of them is gone, or they have no common ancestor.
    """
    url: str | None = f"{path}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
    params: dict[str, str | int] | None = {"per_page": PER_PAGE, "page": 1}
    while url:
        page = await api.one(url, records.Comparison, params)
        commits = page.records[0].commits or []
        yield Page(commits, page.at, page.url, page.next, page.last, page.warnings)
        url, params = page.next, None


async def ancestry(api: Api, path: str, head: str, root: str) -> AsyncIterator[Page[records.Commit]]:
    """Yield what *root* contains and *head* does not; all of it where they share nothing."""
    try:
        async for page in difference(api, path, head, root):
            yield page
    except NotFoundError:
        async for page in history(api, path, root):
            yield page


async def newest_before(api: Api, path: str, moment: str) -> str | None:
    """Return the newest commit of the default branch that was committed up to *moment*, or None."""
    page = await api.page(f"{path}/commits", records.Commit, {"until": moment, "per_page": 1})
    return page.records[0].sha if page.records else None

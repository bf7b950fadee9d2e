"""Ways through a listing that lose nothing when it changes meanwhile, and that can be gone on from after a kill.

Each walk hands pages to a function that writes them, and keeps in `position` what is needed to go on behind the pages
handed over so far: a dictionary of JSON, changed in the same step in which the page is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fourkeys.http import together
from fourkeys.sources.ghes._api import PER_PAGE, Api, Page, numbered
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

STRETCHES = 8
"""Most parts of one listing that are read at once."""
_PAGES_PER_STRETCH = 7
T = TypeVar("T")
Position = dict[str, Any]


async def pages(
    api: Api,
    path: str,
    kind: type[T],
    handle: Callable[[Page[T]], None],
    position: Position | None = None,
    params: Mapping[str, str | int] | None = None,
) -> None:
    """Read a listing page by page, following the server's links."""
    position = {} if position is None else position
    url: str | None = position.get("next", path)
    while url:
        first = "next" not in position
        page = await api.page(url, kind, {**(params or {}), "per_page": PER_PAGE} if first else None)
        url = position["next"] = page.next
        handle(page)


async def newest_first(
    api: Api,
    path: str,
    kind: type[T],
    handle: Callable[[Page[T]], None],
    position: Position,
    moment: Callable[[T], str | None],
    since: datetime | None,
    etag: str | None = None,
) -> str | None:
    """Read a listing that is newest first, until a page whose last record is older than *since*.

    New records push others to later pages: they come twice, which costs nothing, since rows are merged by key. A long
    listing is read in stretches at once, each from page to page to where the next one began; if the first page has
    changed by then, each goes on until it meets the record with which the next one began, wherever that was pushed.

    Args:
        api: the server.
        path: of the listing.
        kind: of its records.
        handle: takes pages.
        position: where the walk stands.
        moment: the time that the listing is ordered by.
        since: inclusive; None is the beginning.
        etag: of the first page, when it was read last; if it is still the same, nothing is new.

    Returns:
        The first page's ETag.
    """
    stop = rfc3339(since) if since else ""

    def keep(page: Page[T]) -> Page[T]:
        return page.only([record for record in page.records if (moment(record) or stop) >= stop])

    if "stretches" not in position:
        first = await api.page(path, kind, {"per_page": PER_PAGE}, etag=etag)
        if first.unchanged:
            return etag
        over = not first.records or (moment(first.records[-1]) or stop) < stop
        starts = [first, *await together(api.page(url, kind) for url in ([] if over or since else middles(first)))]
        starts = [page for page in starts if page.records] or [first]
        heads = [page.records[0].id for page in starts[1:]]  # type: ignore[attr-defined]
        ends = zip(starts, [*heads, None], [*(page.url for page in starts[1:]), None], strict=True)
        position["stretches"] = [[page.next, end, end_url] for page, end, end_url in ends]
        position["newest"] = [record.id for record in first.records[:1]]  # type: ignore[attr-defined]
        position["etag"] = first.etag
        if over:
            position["stretches"][0][0] = None
        for page in starts:
            handle(keep(page))

    async def read(stretch: list[Any], *, until_page: bool) -> None:
        while stretch[0] and not (until_page and stretch[0] == stretch[2]):
            page = await api.page(stretch[0], kind)
            ids = [record.id for record in page.records]  # type: ignore[attr-defined]
            met = stretch[1] in ids if stretch[1] else False
            over = met or not page.records or (moment(page.records[-1]) or stop) < stop
            stretch[0] = None if over else page.next
            handle(keep(page.only(page.records[: ids.index(stretch[1])]) if met else page))

    stretches = position["stretches"]
    await together(read(stretch, until_page=True) for stretch in stretches)
    if any(stretch[0] for stretch in stretches):
        again = await api.page(path, kind, {"per_page": PER_PAGE}, etag=position["etag"])
        if not again.unchanged and [record.id for record in again.records[:1]] != position["newest"]:  # type: ignore[attr-defined]
            await together(read(stretch, until_page=False) for stretch in stretches)
    return position["etag"] or None


def middles(first: Page[Any], size: int = PER_PAGE) -> list[str]:
    """Return the addresses of pages of *size* in the middle of a long listing, where stretches of it may begin."""
    if not first.next or not first.last:
        return []
    count = (first.last - 1) * PER_PAGE // size
    stretches = min(STRETCHES, count // _PAGES_PER_STRETCH)
    return [numbered(first.next, 1 + part * count // stretches, size) for part in range(1, stretches)]

"""Ways through a listing that lose nothing when it changes meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from fourkeys.sources.ghes._api import PER_PAGE, Api, Page
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime


class Changing(Protocol):
    """A record that tells when it changed."""

    id: int | None
    updated_at: str | None


C = TypeVar("C", bound=Changing)
T = TypeVar("T")


async def keyset(
    api: Api, path: str, kind: type[C], params: Mapping[str, str | int], since: datetime | None
) -> AsyncIterator[Page[C]]:
    """Yield pages in order of change, oldest first, asking each time for what changed since the last one seen.

    It is always the first page, so that a record that changes or goes away meanwhile cannot push another one off the
    pages that are read. Records of the same second come twice and are left out by id.
    """
    at = rfc3339(since) if since else None
    seen: set[int | None] = set()
    url: str | None = None
    while True:
        query = {**params, "sort": "updated", "direction": "asc", "per_page": PER_PAGE, **({"since": at} if at else {})}
        page = await (api.page(url, kind) if url else api.page(path, kind, query))
        full = len(page.records) >= PER_PAGE or page.next is not None
        last = page.records[-1].updated_at if page.records else None
        fresh = [record for record in page.records if record.id not in seen]
        yield Page(fresh, page.at, page.url, warnings=page.warnings)
        if not full:
            return
        if last is None or last == at:  # more than a page in one second: only the server's link leads on
            seen.update(record.id for record in page.records)
            url = page.next
            if url is None:
                return
            continue
        seen = {record.id for record in page.records if record.updated_at == last}
        at, url = last, None


async def newest_first(
    api: Api, path: str, kind: type[T], moment: Callable[[T], str | None], since: datetime | None
) -> AsyncIterator[Page[T]]:
    """Yield pages of a listing that is newest first, until one whose last record is older than *since*.

    New records push others to later pages: they come twice, which costs nothing, since rows are merged by key.
    """
    stop = rfc3339(since) if since else ""
    async for page in api.pages(path, kind):
        kept = [record for record in page.records if (moment(record) or stop) >= stop]
        yield Page(kept, page.at, page.url, warnings=page.warnings)
        if page.records and (moment(page.records[-1]) or stop) < stop:
            return

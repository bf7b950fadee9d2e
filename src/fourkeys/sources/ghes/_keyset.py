"""A walk in order of change that always asks for the first page.

A record that changes or goes away while pages are read cannot push another one off them: each request asks for what
changed since the last record of the one before. Records of the same second come twice and are left out by id. A long
listing is cut into stretches of time that are read at once: a page from its middle tells where one begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fourkeys.http import RefusedError, together
from fourkeys.sources.ghes._api import PER_PAGE, Api, Page
from fourkeys.sources.ghes._walks import Position, middles
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class Changing(Protocol):
    """A record that tells when it changed."""

    id: int | None
    updated_at: str | None


C = TypeVar("C", bound=Changing)
_PROBE = 98
"""Records of a page that begins a stretch. The pages behind it bring 99 new ones, as each repeats the last of the one
before: so a stretch of any length ends with a full page, and cutting a listing into many costs no request."""


async def keyset(
    api: Api,
    path: str,
    kind: type[C],
    handle: Callable[[Page[C]], None],
    position: Position,
    params: Mapping[str, str | int],
    since: datetime | None,
    etag: str | None = None,
) -> str | None:
    """Read what changed since *since*, oldest change first.

    Args:
        api: the server.
        path: of the listing.
        kind: of its records.
        handle: takes pages.
        position: where the walk stands.
        params: of every request, besides order and time.
        since: inclusive; None is the beginning.
        etag: of the first page, when it was read last; if it is still the same, nothing changed.

    Returns:
        The first page's ETag.
    """
    params = {**params, "sort": "updated", "direction": "asc", "per_page": PER_PAGE}
    if "stretches" not in position:
        start = rfc3339(since) if since else None
        first = await api.page(path, kind, {**params, **({"since": start} if start else {})}, etag=etag)
        if first.unchanged:
            return etag
        starts: list[Page[C] | None] = [first, *await _starts(api, first, kind)]
        bounds = [page.records[0].updated_at for page in starts[1:] if page]
        position["stretches"] = [[at, end, []] for at, end in zip([start, *bounds], [*bounds, None], strict=True)]
        position["done"] = []
    else:
        first = None
        starts = [None for _ in position["stretches"]]
    stretch = _Stretch(api, path, kind, handle, position, params)
    todo = [(number, page) for number, page in enumerate(starts) if number not in position["done"]]
    await together(stretch.read(number, page) for number, page in todo)
    return first.etag if first else None


async def _starts(api: Api, first: Page[C], kind: type[C]) -> list[Page[C]]:
    """Return pages from the middle of a long listing whose first records begin stretches of their own."""

    async def start(url: str) -> Page[C] | None:
        try:
            return await api.page(url, kind)
        except RefusedError:  # some servers refuse deep pages; a longer stretch does it too
            return None

    found: list[Page[C]] = []
    for page in await together(start(url) for url in middles(first, _PROBE)):
        previous = (found[-1] if found else first).records[0].updated_at or ""
        if page and page.records and (page.records[0].updated_at or "") > previous:
            found.append(page)
    return found


class _Stretch:
    """One part of a keyset walk: its state in the position is [last change seen, end, ids seen of that second]."""

    def __init__(
        self,
        api: Api,
        path: str,
        kind: type[Any],
        handle: Callable[[Page[Any]], None],
        position: Position,
        params: Mapping[str, str | int],
    ) -> None:
        self._api, self._path, self._kind, self._handle = api, path, kind, handle
        self._position, self._params = position, params

    async def read(self, number: int, page: Page[Any] | None) -> None:
        """Read to the end of the stretch, beginning with *page* if that was read already."""
        state = self._position["stretches"][number]
        url: str | None = None
        while number not in self._position["done"]:
            at, end, seen = state
            if page is None:
                query = {**self._params, **({"since": at} if at else {})}
                page = await (self._api.page(url, self._kind) if url else self._api.page(self._path, self._kind, query))
            fresh = self._fresh(page.records, set(seen), end)
            last = page.records[-1].updated_at if page.records else None
            more = page.next is not None or len(page.records) >= PER_PAGE
            url = None
            if not more or last is None or (end and last > end):
                self._position["done"].append(number)
            elif last != at:
                state[0], state[2] = last, [record.id for record in page.records if record.updated_at == last]
            elif page.next:  # more than a page in one second: only the server's link leads on
                state[2] = [*seen, *(record.id for record in page.records)]
                url = page.next
            else:
                self._position["done"].append(number)
            self._handle(page.only(fresh))
            page = None

    def _fresh(self, found: list[Any], known: set[int | None], end: str | None) -> list[Any]:
        """Return the records that this stretch is to hand over."""
        meeting = {bound for _, bound, _ in self._position["stretches"] if bound}
        taken: dict[str, list[int | None]] = self._position.setdefault("meetings", {})
        fresh = []
        for record in found:
            moment = record.updated_at or ""
            if record.id in known or (end and moment > end):
                continue
            if moment in meeting:  # two stretches meet here: whoever comes first takes the record
                if record.id in taken.setdefault(moment, []):
                    continue
                taken[moment].append(record.id)
            fresh.append(record)
        return fresh

"""The door to a GitHub Enterprise Server: pages of records, and GraphQL answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import httpx
import msgspec

from fourkeys.errors import NotFoundError
from fourkeys.http import Again, Client, RefusedError
from fourkeys.sources.ghes import _graph as graph
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

T = TypeVar("T")
PER_PAGE = 100
_LATER = ("RATE_LIMITED", "SERVICE_UNAVAILABLE", "TIMEOUT")
_RAW = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer of a listing.

    Attributes:
        records: decoded, in the server's order.
        at: the server's clock, RFC 3339.
        url: where it came from.
        next: address of the page after it, if there is one.
        last: number of the last page, where the server says it.
        warnings: what did not fit in a record, with the address.
    """

    records: list[T]
    at: str
    url: str
    next: str | None = None
    last: int | None = None
    warnings: list[str] = field(default_factory=list)


class Api:
    """One server.

    Args:
        client: whose base is the REST API.
        clock: the time, where the server does not say its own.

    Attributes:
        host: name and port of the server, as it stands in every row.
        started_at: the server's clock at its first answer; None before.
        latest_at: the server's clock at its latest answer.
    """

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self.client, self._clock = client, clock
        self.host = client.host
        self.started_at: datetime | None = None
        self.latest_at: datetime | None = None
        self._graphql = graphql_url(client.base)
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

    async def one(self, path: str, kind: type[T], params: Mapping[str, str | int] | None = None) -> Page[T]:
        """Fetch a single record; the page holds one."""
        decoder, warnings = self._decoder(kind), list[str]()

        def decode(body: bytes) -> T:
            try:
                return decoder.decode(body)  # type: ignore[no-any-return]
            except msgspec.ValidationError:
                return _lenient(body, kind, warnings)

        answer = await self.client.get(path, decode, params=params)
        links = answer.links
        where = [f"{answer.url}: {warning}" for warning in warnings]
        return Page([answer.value], self._seen(answer.date), answer.url, links.get("next"), _number(links), where)

    async def page(self, url: str, kind: type[T], params: Mapping[str, str | int] | None = None) -> Page[T]:
        """Fetch one page of a listing of *kind*; *url* is a path, or a link that the server gave."""
        decoder, warnings = self._decoder(list[kind]), list[str]()  # type: ignore[valid-type]

        def decode(body: bytes) -> list[T]:
            try:
                return decoder.decode(body)  # type: ignore[no-any-return]
            except msgspec.ValidationError:
                return [_lenient(item, kind, warnings) for item in _RAW.decode(body)]

        answer = await self.client.get(url, decode, params=params)
        links = answer.links
        where = [f"{answer.url}: {warning}" for warning in warnings]
        return Page(answer.value, self._seen(answer.date), answer.url, links.get("next"), _number(links), where)

    async def pages(
        self, path: str, kind: type[T], params: Mapping[str, str | int] | None = None
    ) -> AsyncIterator[Page[T]]:
        """Yield the pages of a listing one after the other, following the server's links."""
        page = await self.page(path, kind, {**(params or {}), "per_page": PER_PAGE})
        yield page
        while page.next:
            page = await self.page(page.next, kind)
            yield page

    async def query(self, query: str, variables: Mapping[str, Any]) -> tuple[graph.Repository, str]:
        """Ask GraphQL about a repository; returns it, and the server's clock as RFC 3339.

        Raises:
            NotFoundError: GraphQL is not served, or does not know what was asked for.
            RefusedError: it does not understand the question.
        """
        decoder = self._decoder(graph.Answer)

        def decode(body: bytes) -> graph.Repository:
            answer: graph.Answer = decoder.decode(body)
            if answer.errors:
                raise _problem(answer.errors, self.host)
            if answer.data is None or answer.data.repository is None:
                raise Again("GraphQL sent no data", 5)
            return answer.data.repository

        answer = await self.client.post(self._graphql, {"query": query, "variables": dict(variables)}, decode)
        return answer.value, self._seen(answer.date)

    def _seen(self, date: datetime | None) -> str:
        moment = date or self._clock()
        self.started_at = self.started_at or moment
        self.latest_at = moment
        return rfc3339(moment)

    def _decoder(self, kind: Any) -> msgspec.json.Decoder[Any]:
        if kind not in self._decoders:
            self._decoders[kind] = msgspec.json.Decoder(kind)
        return self._decoders[kind]


def graphql_url(base: str) -> str:
    """Return the address of GraphQL that belongs to a REST base: `/api/v3` is replaced, not extended."""
    url = base.rstrip("/")
    return url.removesuffix("/v3") + "/graphql" if url.endswith("/api/v3") else url + "/graphql"


def _problem(errors: list[graph.Error], host: str) -> Exception:
    """Return what to raise for the errors of a GraphQL answer."""
    first = errors[0]
    text = f"{host}: GraphQL: {' '.join(first.message.split())[:200]}"
    if first.type == "NOT_FOUND":
        return NotFoundError(text, "check the name, and that the token may read it")
    if first.type in _LATER or "omething went wrong" in first.message or "timeout" in first.message.lower():
        return Again(first.message[:200] or "GraphQL failed", 10)
    return RefusedError(text, "report it with the version of the server")


def _number(links: Mapping[str, str]) -> int | None:
    text = httpx.URL(links["last"]).params.get("page", "") if "last" in links else ""
    return int(text) if text.isdigit() else None


def _lenient(body: bytes | msgspec.Raw, kind: type[T], warnings: list[str]) -> T:
    """Decode a record field by field: what does not fit becomes NULL, and a warning that names it."""
    data = msgspec.json.decode(body)
    values = {}
    for item in msgspec.structs.fields(cast("type[msgspec.Struct]", kind)) if isinstance(data, dict) else ():
        if item.encode_name in data:
            try:
                values[item.name] = msgspec.convert(data[item.encode_name], item.type)
            except msgspec.ValidationError as error:
                warnings.append(f"{item.encode_name} does not fit: {error}")
    if not isinstance(data, dict):
        warnings.append("a record that is no object")
    return kind(**values)

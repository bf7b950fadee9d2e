"""The door to a GitHub Enterprise Server: pages of records, and GraphQL answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import httpx
import msgspec

from fourkeys.errors import NotFoundError
from fourkeys.http import Again, Client
from fourkeys.sources.ghes import _ci_records as records
from fourkeys.sources.ghes import _graph as graph
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

T = TypeVar("T")
PER_PAGE = 100
_TRIES = 4
_LATER = ("RATE_LIMITED", "SERVICE_UNAVAILABLE", "TIMEOUT")
_RAW = msgspec.json.Decoder(list[msgspec.Raw])
_LISTS = msgspec.json.Decoder(dict[str, list[msgspec.Raw] | int])
_PAGE = re.compile(r"[?&]page=([0-9]{1,9})(?:&|$)")
_HEAVY = ("omething went wrong", "imeout", "timed out")


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
        etag: of the answer, to ask whether it changed.
        unchanged: nothing changed since the ETag that was sent; there are no records.
    """

    records: list[T]
    at: str
    url: str
    next: str | None = None
    last: int | None = None
    warnings: list[str] = field(default_factory=list)
    etag: str | None = None
    unchanged: bool = False

    def only(self, records: list[T]) -> Page[T]:
        """Return the page with some of its records."""
        return replace(self, records=records)


class Api:
    """One server.

    Args:
        client: whose base is the REST API.
        clock: the time, where the server does not say its own.
        begin: told the server's clock at its first answer.
        started_at: that clock, if this run goes on with a killed one.

    Attributes:
        host: name and port of the server, as it stands in every row.
        started_at: the server's clock at its first answer; None before.
        latest_at: the server's clock at its latest answer.
        bearable: pull requests that GraphQL is asked for at once; halved when the server finds them too much.
    """

    def __init__(
        self,
        client: Client,
        clock: Callable[[], datetime],
        begin: Callable[[datetime], None],
        started_at: datetime | None = None,
    ) -> None:
        self.client, self._clock, self._begin = client, clock, begin
        self.host = client.host
        self.started_at = started_at
        self.latest_at: datetime | None = None
        self.bearable = 50
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

    async def page(
        self, url: str, kind: type[T], params: Mapping[str, str | int] | None = None, etag: str | None = None
    ) -> Page[T]:
        """Fetch one page of a listing of *kind*; *url* is a path, or a link that the server gave.

        Args:
            url: below the base, or in full.
            kind: of the records.
            params: of the query.
            etag: of the same page, when it was read last.
        """
        envelope = records.ENVELOPES.get(kind)
        decoder, warnings = self._decoder(envelope or list[kind]), list[str]()  # type: ignore[valid-type]

        def decode(body: bytes) -> list[T]:
            if body == b"[]":
                return []
            try:
                found = decoder.decode(body)
            except msgspec.ValidationError:
                raw = _wrapped(body) if envelope else _RAW.decode(body)
                return [_lenient(item, kind, warnings) for item in raw]
            return found.items if envelope else found  # type: ignore[no-any-return]

        headers = {"if-none-match": etag} if etag else None
        answer = await self.client.get(url, decode, params=params, headers=headers)
        links = answer.links
        return Page(
            answer.value,
            self._seen(answer.date),
            answer.url,
            links.get("next"),
            _number(links),
            [f"{answer.url}: {warning}" for warning in warnings],
            answer.headers.get("etag"),
            answer.status == httpx.codes.NOT_MODIFIED,
        )

    async def query(self, query: str, variables: Mapping[str, Any], *, partial: bool = False) -> graph.Result:
        """Ask GraphQL; returns the repositories that were asked for by the names that the query gave them.

        Args:
            query: the document.
            variables: its variables.
            partial: repositories that cannot be found are left out; otherwise they are an error.

        Raises:
            GraphqlMissingError: the server has no GraphQL, or one that does not understand the question.
            NotFoundError: it does not know what was asked for.
            UnreachableError: no usable answer; it may have been asked for too much at once.
        """
        decoder = self._decoder(graph.Answer)

        def decode(body: bytes) -> dict[str, graph.Repository]:
            answer: graph.Answer = decoder.decode(body)
            errors = [each for each in answer.errors or () if not (partial and each.type == "NOT_FOUND")]
            if errors:
                raise _problem(errors[0], self.host)
            if answer.data is None:
                raise Again("GraphQL sent no data", _TRIES)
            return {name: found for name, found in answer.data.items() if found is not None}

        try:
            answer = await self.client.post(self._graphql, {"query": query, "variables": dict(variables)}, decode)
        except NotFoundError as error:
            if isinstance(error, _UnknownError):
                raise
            raise GraphqlMissingError(error.message, error.hint) from None
        return graph.Result(answer.value, self._seen(answer.date))

    def _seen(self, date: datetime | None) -> str:
        moment = date or self._clock()
        if self.started_at is None:
            self.started_at = moment
            self._begin(moment)
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


class GraphqlMissingError(NotFoundError):
    """The server has no GraphQL, or one that does not understand the question."""


class _UnknownError(NotFoundError):
    """GraphQL does not know what was asked for."""


def _problem(error: graph.Error, host: str) -> Exception:
    """Return what to raise for an error of a GraphQL answer."""
    text = f"{host}: GraphQL: {' '.join(error.message.split())[:200]}"
    if error.type == "NOT_FOUND":
        return _UnknownError(text, "check the name, and that the token may read it")
    if error.type in _LATER or any(word in error.message for word in _HEAVY):
        return Again(text, 20 if error.type == "RATE_LIMITED" else _TRIES)
    return GraphqlMissingError(text, "report it with the version of the server")


def _number(links: Mapping[str, str]) -> int | None:
    found = _PAGE.search(links.get("last", ""))
    return int(found[1]) if found else None


def numbered(url: str, number: int, size: int = PER_PAGE) -> str:
    """Return the address of another page of a listing whose pages have numbers, counted in pages of *size*."""
    return re.sub(r"([?&]per_page=)[0-9]+", rf"\g<1>{size}", re.sub(r"([?&]page=)[0-9]+", rf"\g<1>{number}", url))


def _wrapped(body: bytes) -> list[msgspec.Raw]:
    """Return the items of a listing that comes in an object beside its count."""
    return next((value for value in _LISTS.decode(body).values() if isinstance(value, list)), [])


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

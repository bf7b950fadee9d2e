"""One client for all HTTP sources: retries, limits, one origin, and answers that are decoded or refused.

A request is an attempt until its whole body is here and decoded: a stalled body, a truncated page, half a JSON or
an HTML page with status 200 is tried again like a 502, and never becomes a short list of records.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
import tenacity

from fourkeys import __version__
from fourkeys.errors import ConfigError, SourceError, UnreachableError
from fourkeys.http._answers import Again, Answer, Patience, judge
from fourkeys.http._credentials import Nobody
from fourkeys.http._limit import Budget, Limit
from fourkeys.http._transport import Network, words
from fourkeys.http._transport import transport as aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from fourkeys.http._credentials import Credential

T = TypeVar("T")
LABEL: ContextVar[str] = ContextVar("label", default="")
"""What the requests of the current task are counted for."""

_HOPS = 5
_HEADERS = {"user-agent": f"fourkeys/{__version__}", "accept": "*/*", "accept-encoding": "gzip, deflate"}
_LARGEST = 1 << 28
"""Bytes of an answer, unpacked; the largest pages of the real servers have a twentieth of that."""
_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class Client:
    """Sends requests to one origin.

    Args:
        base: address that all paths are below, without a final slash.
        credentials: who we are; with several, the next one takes over where a rate limit stops one.
        headers: sent with every request.
        transport: stands in for the network in tests.
        network: certificates and proxy.
        concurrency: most requests in flight at once.
        patience: timeouts and tries.
        sleep: waits; a test passes its own.

    Attributes:
        host: name and port of the server.
        requests: attempts sent so far, by the `LABEL` of the task that sent them.
        limit: how many requests may be in flight.
    """

    def __init__(
        self,
        base: str,
        *,
        credentials: Sequence[Credential] = (),
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        network: Network | None = None,
        concurrency: int = 8,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base = base.rstrip("/")
        try:
            self.host = httpx.URL(base).netloc.decode()
        except httpx.InvalidURL as error:
            raise ConfigError(f"{base!r} is no address: {error}", "write https://HOST") from None
        self.requests: Counter[str] = Counter()
        self._origin = _origin(httpx.URL(base))
        self._patience = patience or Patience()
        self._credentials = [_Turn(credential) for credential in credentials or (Nobody(),)]
        self._sleep = sleep
        self.limit = Limit(concurrency)
        self._budget = Budget()
        self._reached = False
        self._random = random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._transport = transport or aiohttp(httpx.URL(base), network or Network(), concurrency)
        self._headers = {**_HEADERS, **(headers or {})}
        timeout = httpx.Timeout(self._patience.idle, connect=self._patience.connect, pool=None)
        self._extensions = {"timeout": timeout.as_dict()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def get(
        self,
        url: str,
        decode: Callable[[bytes], T],
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer[T]:
        """Fetch a path below the base, or a full address of the same origin, and decode its body.

        Raises:
            AuthenticationError: the server refuses who we are.
            NotFoundError: 404 or 410.
            UnreachableError: no usable answer after all tries.
            SourceError: any other refusal, or an address of another origin.
        """
        return await self._request("GET", url, decode, params=params, headers=headers)

    async def post(self, url: str, body: object, decode: Callable[[bytes], T]) -> Answer[T]:
        """Send *body* as JSON and decode the answer; raises as `get` does. Only for requests that change nothing."""
        headers = {"content-type": "application/json"}
        return await self._request("POST", url, decode, headers=headers, content=msgspec.json.encode(body))

    async def _request(
        self,
        method: str,
        url: str,
        decode: Callable[[bytes], T],
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer[T]:
        try:
            text = url if "://" in url else self.base + url
            if params:
                text += ("&" if "?" in text else "?") + urlencode(params)
            address = httpx.URL(text)
            for _ in range(_HOPS):
                self._check_origin(address)
                request = _Request(method, address, {**self._headers, **(headers or {})}, content)
                response = await self._persist(request, decode)
                if isinstance(response, Answer):
                    return response
                address = address.join(response)
        except httpx.InvalidURL as error:
            raise SourceError(f"{self.host}: {url[:200]!r} leads to no address: {error}", "check the address") from None
        raise SourceError(f"{self.host}: more than {_HOPS} redirects from {url}", "check the address")

    def _check_origin(self, address: httpx.URL) -> None:
        if _origin(address) != self._origin:
            raise SourceError(
                f"{self.host}: sent us to another host, {address.host}; the token stays here",
                "configure the address that the server calls itself by",
            )

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()):
                secret = name == "authorization"
                what = "the token holds what no header can carry" if secret else f"no header can carry {value[:80]!r}"
                raise SourceError(f"{self.host}: {what}", "check where it comes from")

    async def _persist(self, request: _Request, decode: Callable[[bytes], T]) -> Answer[T] | str:
        """Try until there is an answer or the address of a redirect; what goes well at once costs no bookkeeping."""
        try:
            return await self._attempt(request, decode)
        except Again as again:
            failures = [again]

        async def attempt() -> Answer[T] | str:
            if failures:
                raise failures.pop()
            return await self._attempt(request, decode)

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Again),
            wait=self._pause,
            stop=self._enough,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except Again as again:
            if again.final:
                raise again.final from None
            raise UnreachableError(
                f"{self.host}: no usable answer for {request.name}: {again.cause}",
                "check the address, the network and the server's state, then run again",
            ) from None

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Again) and error.wait is not None:
            return error.wait
        bound = min(self._patience.longest, self._patience.pause * 2 ** (state.attempt_number - 1))
        return self._random.uniform(0, bound)

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, Again):
            return True
        if error.wait is not None:
            return state.attempt_number >= 10 * self._patience.attempts
        return state.attempt_number >= error.limit or not self._budget.spend()

    async def _attempt(self, request: _Request, decode: Callable[[bytes], T]) -> Answer[T] | str:
        loop = asyncio.get_running_loop()
        async with self.limit.slot():
            turn = await self._turn()
            headers = {**request.headers, **(await turn.credential.headers())}
            self._check_headers(headers)
            self.requests[LABEL.get()] += 1
            attempts = self._patience.attempts if self._reached else min(3, self._patience.attempts)
            began = loop.time()
            try:
                async with asyncio.timeout(self._patience.attempt):
                    response = await self._send(request, headers)
            except (httpx.TransportError, httpx.DecodingError, TimeoutError, OSError) as error:
                self.limit.refusal()
                raise Again(words(error), attempts) from None
            self._reached = True
            try:
                answer = judge(
                    response,
                    str(request.address),
                    f"{self.host}: {request.name}",
                    decode,
                    self._patience,
                )
            except Again as again:
                self._take_note(again, turn, response.status_code)
                raise
            self.limit.success(LABEL.get(), loop.time() - began)
            self._budget.success()
            return answer

    async def _send(self, request: _Request, headers: Mapping[str, str]) -> httpx.Response:
        """Return the answer with its body unpacked and read; raises SourceError for one that would fill the memory."""
        sent = httpx.Request(request.method, request.address, headers=headers, content=request.content)
        sent.extensions = self._extensions
        response = await self._transport.handle_async_request(sent)
        try:
            parts, size = list[bytes](), 0
            async for part in response.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > _LARGEST:
                    raise SourceError(
                        f"{self.host}: {request.name}: an answer of more than {_LARGEST >> 20} MB",
                        "see whether something else answers at this address",
                    )
        finally:
            await response.aclose()
        kept = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(response.status_code, headers=kept, content=b"".join(parts))

    async def _turn(self) -> _Turn:
        """Return the credential that may be used first, once it may be used."""
        loop = asyncio.get_running_loop()
        while (turn := min(self._credentials, key=lambda each: each.resume_at)).resume_at > loop.time():
            await self._sleep(turn.resume_at - loop.time())
        return turn

    def _take_note(self, again: Again, turn: _Turn, status: int) -> None:
        if again.wait is not None:  # the credential rests; another one may go on at once
            turn.resume_at = max(turn.resume_at, asyncio.get_running_loop().time() + again.wait)
            again.wait = 0.0
        if status == httpx.codes.UNAUTHORIZED:
            turn.credential.refused()
        else:
            self.limit.refusal()


@dataclass(slots=True)
class _Turn:
    """A credential, and the time of the loop before which a rate limit forbids it."""

    credential: Credential
    resume_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    address: httpx.URL
    headers: dict[str, str]
    content: bytes | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.address.raw_path.decode('ascii', 'replace')}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)

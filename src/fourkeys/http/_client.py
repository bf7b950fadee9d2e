"""One client for all HTTP sources: retries, limits, one origin, and answers that are decoded or refused.

A request is an attempt until its whole body is here and decoded: a stalled body, a truncated page, half a JSON or
an HTML page with status 200 is tried again like a 502, and never becomes a short list of records.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
import msgspec
import tenacity

from fourkeys import __version__
from fourkeys.errors import SourceError, UnreachableError
from fourkeys.http._answers import Again, Answer, Patience, judge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

T = TypeVar("T")
LABEL: ContextVar[str] = ContextVar("label", default="")
"""What the requests of the current task are counted for."""

_HOPS = 5


@dataclass(slots=True)
class Budget:
    """Tries that a run may spend on failures: every success earns a part of one, every retry costs one."""

    left: float = 100
    earned: float = 0.5
    most: float = 200

    def success(self) -> None:
        """Earn a part of a retry."""
        self.left = min(self.most, self.left + self.earned)

    def spend(self) -> bool:
        """Take one retry; False if there is none left."""
        self.left -= 1
        return self.left >= 0


class Client:
    """Sends requests to one origin.

    Args:
        base: address that all paths are below, without a final slash.
        authorize: gives the headers that say who we are; called for every attempt, so tokens may be renewed.
        renew: called with the refused headers after a 401; may fetch a new token.
        headers: sent with every request.
        transport: httpx transport; None is aiohttp's, which costs half the CPU of httpx's own.
        concurrency: most requests in flight at once.
        patience: timeouts and tries.
        sleep: waits; a test passes its own.

    Attributes:
        host: name and port of the server.
        requests: attempts sent so far, by the `LABEL` of the task that sent them.
    """

    def __init__(
        self,
        base: str,
        *,
        authorize: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        concurrency: int = 8,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base = base.rstrip("/")
        self.host = httpx.URL(base).netloc.decode()
        self.requests: Counter[str] = Counter()
        self._origin = _origin(httpx.URL(base))
        self._patience = patience or Patience()
        self._authorize, self._sleep = authorize, sleep
        self._slots = asyncio.Semaphore(concurrency)
        self._budget = Budget()
        self._reached = False
        self._resume_at = 0.0
        self._random = random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._client = httpx.AsyncClient(
            transport=transport or _aiohttp(concurrency),
            headers={"user-agent": f"fourkeys/{__version__}", **(headers or {})},
            timeout=httpx.Timeout(self._patience.idle, connect=self._patience.connect, pool=None),
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

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
        address = httpx.URL(url if "://" in url else self.base + url)
        if params:
            address = address.copy_merge_params({key: str(value) for key, value in params.items()})
        for _ in range(_HOPS):
            self._check_origin(address)
            request = _Request(method, address, dict(headers or {}), content)
            response = await self._persist(request, decode)
            if isinstance(response, Answer):
                return response
            address = address.join(response)
        raise SourceError(f"{self.host}: more than {_HOPS} redirects from {url}", "check the address")

    def _check_origin(self, address: httpx.URL) -> None:
        if _origin(address) != self._origin:
            raise SourceError(
                f"{self.host}: sent us to another host, {address.host}; the token stays here",
                "configure the address that the server calls itself by",
            )

    async def _persist(self, request: _Request, decode: Callable[[bytes], T]) -> Answer[T] | str:
        """Try until there is an answer or the address of a redirect."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Again),
            wait=self._pause,
            stop=self._enough,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, request, decode)
        except Again as again:
            if again.final:
                raise again.final from None
            raise UnreachableError(
                f"{self.host}: no usable answer for {request.method} {request.path}: {again.cause}",
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
        while (delay := self._resume_at - loop.time()) > 0:
            await self._sleep(delay)
        async with self._slots:
            headers = {**request.headers, **(await self._authorize() if self._authorize else {})}
            self.requests[LABEL.get()] += 1
            attempts = self._patience.attempts if self._reached else min(3, self._patience.attempts)
            try:
                async with asyncio.timeout(self._patience.attempt):
                    response = await self._client.request(
                        request.method, request.address, headers=headers, content=request.content
                    )
            except (httpx.TransportError, httpx.DecodingError, TimeoutError, OSError) as error:
                raise Again(_words(error), attempts) from None
        self._reached = True
        try:
            answer = judge(response, f"{self.host}: {request.method} {request.path}", decode, self._patience)
        except Again as again:
            if again.wait is not None:
                self._resume_at = max(self._resume_at, loop.time() + again.wait)
            raise
        self._budget.success()
        return answer


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    address: httpx.URL
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def path(self) -> str:
        return self.address.raw_path.decode("ascii", "replace")


def _aiohttp(concurrency: int) -> httpx.AsyncBaseTransport:
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 - a fifth of a second that only extraction pays

    limits = httpx.Limits(max_connections=concurrency, keepalive_expiry=60)
    transport: httpx.AsyncBaseTransport = AiohttpTransport(limits=limits)
    return transport


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _words(error: BaseException) -> str:
    """Name a transport's error without its address or its headers."""
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "cannot connect"
    return f"connection broken ({type(error).__name__})"

"""The HTTP client: what it tries again, how long it waits, whom it trusts, and how much it asks for at once."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from fourkeys.errors import AuthenticationError, ConfigError, NotFoundError, SourceError, UnreachableError
from fourkeys.http import LABEL, Again, Answer, Bearer, Client, Limit, Network, Patience, RefusedError
from fourkeys.http._transport import transport as build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

BASE = "https://ghes.test/api/v3"
DATE = "Tue, 24 Nov 2026 12:00:00 GMT"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Reply = httpx.Response | Exception
json = msgspec.json.decode


class Server(httpx.AsyncBaseTransport):
    """Answers from a list, then always with its last answer; keeps what was asked."""

    def __init__(self, *replies: Reply | Callable[[httpx.Request], Reply]) -> None:
        self.replies = list(replies)
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        reply = reply(request) if callable(reply) else reply
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


class Sleeper:
    """Keeps how long was slept, and lets the loop's time pass in no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.passed = 0.0

    async def __call__(self, seconds: float) -> None:
        """Sleep."""
        self.slept.append(seconds)
        loop = asyncio.get_running_loop()
        before = loop.time
        self.passed += seconds
        loop.time = lambda: before() + seconds  # type: ignore[method-assign]
        await asyncio.sleep(0)


def ok(**headers: str) -> httpx.Response:
    """Return a good answer."""
    return httpx.Response(200, json={"n": 1}, headers={"date": DATE, **headers})


def status(code: int, message: str = "", **headers: str) -> httpx.Response:
    """Return a refusal."""
    return httpx.Response(code, json={"message": message}, headers={"date": DATE, **headers})


def run(server: Server, sleep: Sleeper | None = None, path: str = "/x", **options: Any) -> Answer[Any]:
    """Ask once."""

    async def ask() -> Answer[Any]:
        async with Client(BASE, transport=server, sleep=sleep or Sleeper(), **options) as client:
            return await client.get(path, json)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "trouble",
    [
        status(500), status(502), status(503), status(504), status(408), httpx.ConnectError("x"), httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"), httpx.ReadTimeout("x"), httpx.Response(200, text="<html>unicorn</html>"),
        httpx.Response(200, content=b'{"n": 1'), httpx.Response(200, content=b""),
        httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"{}")[:9]),
    ],
)  # fmt: skip
def test_passing_trouble_is_tried_again_after_a_random_pause(trouble: Reply) -> None:
    """Server errors, broken connections, and answers that are no JSON are tried again, ever more patiently."""
    server, sleep = Server(trouble, trouble, ok()), Sleeper()
    if isinstance(trouble, httpx.Response) and "content-encoding" in trouble.headers:
        server = Server(_truncated, _truncated, ok())
    answer = run(server, sleep)

    assert ({"n": 1}, 3) == (answer.value, len(server.asked))
    assert len(sleep.slept) == 2
    assert 0 <= sleep.slept[0] <= 0.5
    assert 0 <= sleep.slept[1] <= 1


def _truncated(_: httpx.Request) -> Reply:
    return httpx.DecodingError("incomplete gzip")


def test_an_answer_tells_the_servers_clock_and_links() -> None:
    """Date, address, and the Link header's relations are at hand."""
    link = '<https://ghes.test/api/v3/x?page=2>; rel="next", <https://ghes.test/api/v3/x?page=9>; rel="last"'
    answer = run(Server(ok(link=link)))

    assert answer.date == NOON
    assert answer.links == {"next": f"{BASE}/x?page=2", "last": f"{BASE}/x?page=9"}


@pytest.mark.parametrize(
    ("limited", "wait"),
    [
        (status(429, **{"retry-after": "7"}), 7),
        (status(403, "secondary rate limit", **{"retry-after": "3"}), 3),
        (status(403, **{"retry-after": "Tue, 24 Nov 2026 12:00:09 GMT"}), 9),
        (status(403, **{"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON.timestamp()) + 4)}), 5),
        (status(403, "You have exceeded a secondary rate limit"), 60),
        (status(429), 60),
    ],
)
def test_a_rate_limit_is_waited_for_as_long_as_the_server_asks(limited: httpx.Response, wait: float) -> None:
    """Retry-After in seconds or as a date by the server's clock, the reset of a primary limit, or a minute."""
    server, sleep = Server(limited, ok()), Sleeper()

    assert run(server, sleep).value == {"n": 1}
    assert sum(sleep.slept) == pytest.approx(wait, abs=0.1)


def test_another_token_goes_on_where_one_is_limited() -> None:
    """With two tokens nobody waits; the second one is used at once."""
    server, sleep = Server(status(429, **{"retry-after": "600"}), ok()), Sleeper()
    run(server, sleep, credentials=[Bearer("one"), Bearer("two")])

    assert ["Bearer one", "Bearer two"] == [request.headers["authorization"] for request in server.asked]
    assert sum(sleep.slept) == 0


def test_a_limit_in_a_good_answer_is_obeyed() -> None:
    """A decoder that finds a rate limit in the body (as GraphQL sends it) is answered by waiting for the reset."""
    reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON.timestamp()) + 2)}
    server, sleep = Server(httpx.Response(200, json={"n": 0}, headers={"date": DATE, **reset}), ok()), Sleeper()

    def decode(body: bytes) -> Any:
        if json(body) == {"n": 0}:
            raise Again("RATE_LIMITED", 5)
        return json(body)

    async def ask() -> Answer[Any]:
        async with Client(BASE, transport=server, sleep=sleep) as client:
            return await client.post("/graphql", {"query": "q"}, decode)

    assert asyncio.run(ask()).value == {"n": 1}
    assert sum(sleep.slept) == pytest.approx(3, abs=0.1)


class Renewable:
    """A credential that is renewed when it is refused."""

    def __init__(self) -> None:
        self.number = 1

    async def headers(self) -> Mapping[str, str]:
        """Return the newest token."""
        return {"authorization": f"Bearer {self.number}"}

    def refused(self) -> None:
        """Make a new token."""
        self.number += 1


def test_a_refused_credential_is_renewed() -> None:
    """After a 401 the credential is told, and the next attempt carries what it gives then."""
    server = Server(status(401), ok())
    run(server, credentials=[Renewable()])

    assert ["Bearer 1", "Bearer 2"] == [request.headers["authorization"] for request in server.asked]


@pytest.mark.parametrize(
    ("refusal", "error", "requests"),
    [
        (status(401, "Bad credentials"), AuthenticationError, 3),
        (status(403, "Resource not accessible"), AuthenticationError, 1),
        (status(404, "Not Found"), NotFoundError, 1),
        (status(410, "Issues are disabled"), NotFoundError, 1),
        (status(422, "Validation Failed"), RefusedError, 1),
    ],
)
def test_a_refusal_names_host_path_and_next_step_but_no_token(
    refusal: httpx.Response, error: type[SourceError], requests: int
) -> None:
    """What cannot be helped is raised soon; the message says where and why, the hint what to do."""
    server = Server(refusal)
    with pytest.raises(error) as caught:
        run(server, credentials=[Bearer("secret")], path="/repos/o/r")

    assert requests == len(server.asked)
    assert "ghes.test" in caught.value.message
    assert "/repos/o/r" in caught.value.message
    assert str(refusal.status_code) in caught.value.message
    assert refusal.json()["message"] in caught.value.message
    assert caught.value.hint
    assert "secret" not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"


def test_an_unreachable_host_is_given_up_soon() -> None:
    """Until a first answer, three attempts are enough: the address is wrong, most likely."""
    server = Server(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError, match="cannot connect"):
        run(server)

    assert len(server.asked) == 3


def test_the_budget_ends_endless_retries() -> None:
    """A server that fails every request does not get all attempts of all of them."""
    server, sleep = Server(ok(), status(502)), Sleeper()

    async def ask() -> int:
        async with Client(BASE, transport=server, sleep=sleep) as client:
            await client.get("/x", json)
            for _ in range(50):
                with pytest.raises(UnreachableError):
                    await client.get("/x", json)
        return len(server.asked)

    assert 1 + 100 + 50 == asyncio.run(ask())


def test_redirects_are_followed_on_the_same_origin_only() -> None:
    """A renamed repository is followed; another host, port or scheme does not get the token."""
    server = Server(httpx.Response(301, headers={"location": f"{BASE}/repositories/7"}), ok())
    assert run(server, credentials=[Bearer("t")]).url == f"{BASE}/repositories/7"

    for elsewhere in ("https://evil.test/api/v3/x", "http://ghes.test/api/v3/x", "https://ghes.test:8443/x"):
        server = Server(httpx.Response(302, headers={"location": elsewhere}), ok())
        with pytest.raises(SourceError, match="the token stays here"):
            run(server, credentials=[Bearer("t")])
        assert len(server.asked) == 1


def test_a_link_to_another_host_is_refused() -> None:
    """An address that the server gives is asked only if it is the server's own."""
    server = Server(ok())
    with pytest.raises(SourceError, match=r"evil\.test"):
        run(server, path="https://evil.test/api/v3/x?page=2")

    assert server.asked == []


def test_endless_redirects_end() -> None:
    """A circle of redirects is an error."""
    with pytest.raises(SourceError, match="redirects"):
        run(Server(httpx.Response(301, headers={"location": f"{BASE}/x"})))


def test_not_modified_is_an_answer() -> None:
    """With an ETag, 304 is an empty list."""
    server = Server(httpx.Response(304, headers={"date": DATE}))

    async def ask() -> Answer[Any]:
        async with Client(BASE, transport=server) as client:
            return await client.get("/x", json, headers={"if-none-match": '"e"'})

    answer = asyncio.run(ask())
    assert ([], 304, '"e"') == (answer.value, answer.status, server.asked[0].headers["if-none-match"])


def test_requests_are_counted_by_label() -> None:
    """Each attempt counts for the label of the task that sent it."""

    async def ask() -> Mapping[str, int]:
        async with Client(BASE, transport=Server(status(502), ok()), sleep=Sleeper()) as client:
            LABEL.set("issues")
            await client.get("/x", json)
            return client.requests

    assert {"issues": 2} == asyncio.run(ask())


@asynccontextmanager
async def serving(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve on loopback what *answer* writes to each request; give the address."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("stall", ["headers", "body"])
def test_a_stalled_answer_is_cut_and_tried_again(stall: str) -> None:
    """A server that stops in the middle of a body, or never begins, is cut at the timeout, by the real transport."""
    calls = 0
    whole = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"n": 1}'

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            writer.write(whole[:-3] if stall == "body" else b"")
            await writer.drain()
            await asyncio.sleep(5)
        writer.write(whole)
        await writer.drain()

    async def ask() -> tuple[Any, float]:
        began, patience = asyncio.get_running_loop().time(), Patience(idle=0.2, attempt=1, pause=0.01)
        async with serving(answer) as address, Client(address, patience=patience) as client:
            value = (await client.get("/x", json)).value
            return value, asyncio.get_running_loop().time() - began

    value, seconds = asyncio.run(ask())
    assert ({"n": 1}, 2) == (value, calls)
    assert seconds < 2


def test_a_trickling_body_is_cut_too() -> None:
    """A byte now and then keeps no attempt alive for ever."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def ask() -> float:
        began, patience = asyncio.get_running_loop().time(), Patience(idle=0.5, attempt=0.3, attempts=2, pause=0.01)
        async with serving(answer) as address, Client(address, patience=patience) as client:
            with pytest.raises(UnreachableError, match="no answer in time"):
                await client.get("/x", json)
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(ask()) < 2


def in_loop(body: Callable[[], Awaitable[Any]]) -> Any:
    """Run in an event loop."""

    async def main() -> Any:
        return await body()

    return asyncio.run(main())


def test_the_limit_doubles_until_trouble_and_then_creeps() -> None:
    """It starts with one, grows by one for every success, is halved by trouble, and then grows by one a round."""

    async def body() -> list[float]:
        limit = Limit(16)
        sizes = [limit.size]
        for _ in range(7):
            limit.success("x", 0.1)
        sizes.append(limit.size)
        limit.refusal()
        limit.refusal()  # of the same round
        sizes.append(limit.size)
        for _ in range(4):
            limit.success("x", 0.1)
        return [*sizes, limit.size]

    one, grown, halved, crept = in_loop(body)
    assert (1, 8, 4) == (one, grown, halved)
    assert 4.8 < crept < 5.1


def test_slow_answers_lower_the_limit() -> None:
    """When answers take three times as long as the quickest, and more than a second, fewer are asked for."""

    async def body() -> tuple[float, float]:
        limit = Limit(8)
        for _ in range(20):
            limit.success("x", 0.3)
        before = limit.size
        for _ in range(20):
            limit.success("x", 3.0)
        return before, limit.size

    before, after = in_loop(body)
    assert before == 8
    assert after < 8


def test_no_more_requests_than_the_limit_are_in_flight() -> None:
    """A hundred requests wait for their turn; one that is given up leaves its place to the next."""

    async def body() -> int:
        limit, flying, most = Limit(5), 0, 0
        limit.size = 5

        async def one() -> None:
            nonlocal flying, most
            async with limit.slot():
                flying += 1
                most = max(most, flying)
                await asyncio.sleep(0.001)
                flying -= 1

        tasks = [asyncio.create_task(one()) for _ in range(100)]
        await asyncio.sleep(0.002)
        for task in tasks[50:60]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert limit.peak == most
        return most

    assert in_loop(body) == 5


def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY and NO_PROXY count; a proxy that is configured beats them."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    made: Any = build(httpx.URL(BASE), Network(), 1)
    assert str(made.proxy.url) == "http://proxy.test:3128"

    made = build(httpx.URL(BASE), Network(proxy="http://other.test:1"), 1)
    assert str(made.proxy.url) == "http://other.test:1"

    monkeypatch.setenv("NO_PROXY", "ghes.test")
    made = build(httpx.URL(BASE), Network(), 1)
    assert made.proxy is None


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing or broken PEM file is a configuration error that names it."""
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    for network in (Network(ca_file=str(broken)), Network(client_certificate=str(tmp_path / "none.pem"))):
        with pytest.raises(ConfigError, match=r"\.pem"):
            build(httpx.URL(BASE), network, 1)
    assert isinstance(build(httpx.URL(BASE), Network(), 1).ssl_context, ssl.SSLContext)  # type: ignore[attr-defined]

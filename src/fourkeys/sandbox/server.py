"""HTTP servers on loopback, in a thread of their own: the doors through which the simulated company is seen."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from fourkeys.sandbox.ghes import Ghes
from fourkeys.sandbox.graphql import GraphQL
from fourkeys.sandbox.routes import Query, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fourkeys.sandbox.company import Company

_CACHE = 256 * 1024 * 1024
_DOCUMENTATION = "https://docs.github.com/enterprise-server@3.18/rest"


class GhesDoor:
    """GitHub Enterprise Server: REST at `/api/v3`, GraphQL at `/api/graphql`.

    Whatever was asked once is kept as bytes (the company never changes), so that a benchmark measures its client.

    Attributes:
        requests: how many requests were answered.
    """

    def __init__(self, company: Company, base: str, token: str | None, latency: float) -> None:
        self._rest = Ghes(company, base)
        self._graphql = GraphQL(company, self._rest, base)
        self._base, self._token, self._latency = base, token, latency
        self._date = company.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self._kept: dict[tuple[str, bytes, bool], tuple[int, dict[str, str], bytes]] = {}
        self._kept_bytes = 0
        self.requests = 0

    def application(self) -> web.Application:
        """Return the application that serves it."""
        application = web.Application()
        application.router.add_get("/api/v3/{path:.*}", self._handle)
        application.router.add_post("/api/graphql", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self._latency:
            await asyncio.sleep(self._latency)
        body = await request.read()
        small = "gzip" in request.headers.get("Accept-Encoding", "")
        if refusal := self._authorise(request):
            status, headers, content = self._pack(401, {"message": refusal}, {}, small=False)
        else:
            key = (request.path_qs, body, small)
            if key not in self._kept:
                self._keep(key, self._answer(request, body, small=small))
            status, headers, content = self._kept[key]
        if status == web.HTTPOk.status_code and request.headers.get("If-None-Match") == headers["ETag"]:
            kept = {name: value for name, value in headers.items() if name in ("ETag", "Date", "Link")}
            return web.Response(status=304, headers=kept)
        return web.Response(status=status, headers=headers, body=content)

    def _authorise(self, request: web.Request) -> str | None:
        """Return why the request is refused, if it is."""
        if self._token is None:
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return "Must authenticate to access this API."
        return None if scheme.lower() in ("token", "bearer") and token == self._token else "Bad credentials"

    def _answer(self, request: web.Request, body: bytes, *, small: bool) -> tuple[int, dict[str, str], bytes]:
        try:
            if request.method == "POST":
                asked = msgspec.json.decode(body)
                shown = self._graphql.answer(asked["query"], asked.get("variables"), asked.get("operationName"))
                return self._pack(200, shown, {}, small=small)
            path = request.rel_url.raw_path.removeprefix("/api/v3/")
            answer = self._rest.answer(path, Query(request.query))
        except Refused as refusal:
            shown = {"message": refusal.message, "documentation_url": _DOCUMENTATION, "status": str(refusal.status)}
            return self._pack(refusal.status, shown, {}, small=small)
        link = ", ".join(f'<{self._base}/api/v3/{url}>; rel="{rel}"' for rel, url in answer.links.items())
        return self._pack(200, answer.body, {"Link": link} if link else {}, small=small)

    def _pack(
        self, status: int, shown: Any, headers: dict[str, str], *, small: bool
    ) -> tuple[int, dict[str, str], bytes]:
        content = msgspec.json.encode(shown)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Date": self._date,
            "ETag": f'W/"{hashlib.sha256(content).hexdigest()}"',
            "X-GitHub-Enterprise-Version": "3.18.0",
            **headers,
        }
        if small:
            return status, headers | {"Content-Encoding": "gzip"}, gzip.compress(content, 1, mtime=0)
        return status, headers, content

    def _keep(self, key: tuple[str, bytes, bool], answer: tuple[int, dict[str, str], bytes]) -> None:
        if self._kept_bytes > _CACHE:
            self._kept.clear()
            self._kept_bytes = 0
        self._kept[key] = answer
        self._kept_bytes += len(answer[2])


class Servers:
    """Applications on loopback ports, served by an event loop in a background thread until `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._runners: list[web.AppRunner] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()

    def serve(self, make: Callable[[str], web.Application], port: int = 0) -> str:
        """Serve the application that *make* makes for its address; return the address.

        Args:
            make: gets `http://127.0.0.1:PORT`.
            port: where to listen; 0 is any free port.

        Raises:
            OSError: the port is taken.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            raise
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._run(self._start(make(address), listener))
        return address

    def stop(self) -> None:
        """Stop all servers and the thread."""
        for runner in self._runners:
            self._run(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Awaitable[None]) -> None:
        asyncio.run_coroutine_threadsafe(_finish(work), self._loop).result()

    async def _start(self, application: web.Application, listener: socket.socket) -> None:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        self._runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, listener).start()


async def _finish(work: Awaitable[None]) -> None:
    await work

"""A transport that remembers what was asked, for tests of what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on, and keeps them; may answer some itself.

    Attributes:
        requests: all that were sent, in order.
    """

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response | None] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        self._inner = AiohttpTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.requests.append(request)
        answer = self._answer(request) if self._answer else None
        return answer or await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


@pytest.fixture(scope="session")
def recorder() -> type[Recorder]:
    """Return the class: tests cannot import from here."""
    return Recorder

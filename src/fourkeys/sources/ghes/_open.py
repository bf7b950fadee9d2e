"""From settings and credentials to an open client of a server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fourkeys.http import Bearer, Client
from fourkeys.sources.ghes._app import App, Installation, Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AsyncExitStack
    from datetime import datetime

    import httpx

    from fourkeys.config import Ghes
    from fourkeys.http import Credential, Network, Patience

Identity = str | App | None
"""Who we are: a token or several with commas between them, a GitHub App, or nobody."""


async def open_client(
    stack: AsyncExitStack,
    settings: Ghes,
    token: Identity | Sequence[str | App],
    clock: Callable[[], datetime],
    *,
    network: Network | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: Patience | None = None,
) -> Client:
    """Return a client that is closed with *stack*.

    Args:
        stack: that it lives in.
        settings: address of the server, concurrency.
        token: or a GitHub App, or several of them, which take turns when a rate limit stops one.
        clock: the time, for what an App signs.
        network: certificates and proxy.
        transport: stands in for the network in tests.
        patience: timeouts and tries.
    """

    async def client(credentials: Sequence[Credential]) -> Client:
        return await stack.enter_async_context(
            Client(
                settings.url,
                credentials=credentials,
                headers={"accept": "application/vnd.github+json"},
                transport=transport,
                network=network,
                concurrency=settings.concurrency,
                patience=patience,
            )
        )

    return await client([await _credential(each, client, clock) for each in _each(token)])


def _each(token: Identity | Sequence[str | App]) -> list[str | App]:
    given = [token] if isinstance(token, (str, App)) else list(token or ())
    return [part for one in given for part in (_parts(one) if isinstance(one, str) else [one])]


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]


async def _credential(
    one: str | App, client: Callable[[Sequence[Credential]], Awaitable[Client]], clock: Callable[[], datetime]
) -> Credential:
    if isinstance(one, str):
        return Bearer(one)
    return Installation(one, await client([Statement(one, clock)]), clock)

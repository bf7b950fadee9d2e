"""GitHub Enterprise Server: what of it becomes rows, and how it is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from fourkeys.errors import ConfigError
from fourkeys.http import Client, Patience
from fourkeys.sources.ghes._api import Api
from fourkeys.sources.ghes._run import Run
from fourkeys.sources.ghes._sink import Sink
from fourkeys.window import Window, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import httpx

    from fourkeys.config import Ghes
    from fourkeys.files import Output
    from fourkeys.streams import Stream
    from fourkeys.window import Watermark


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read.

    Attributes:
        streams: those wanted; the others are not read, unless one of these needs them.
        repositories: as owner/name.
        organizations: all repositories of these are read too.
        window: times of the cursor, half-open; an explicit start is a backfill and moves no watermark.
        watermarks: what is stored already, by name of the stream and owner/name.
        roots: commits per repository whose ancestry is read besides what releases name.
        with_emails: e-mail addresses may be written.
    """

    streams: tuple[Stream, ...]
    repositories: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    window: Window = field(default_factory=Window)
    watermarks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict)
    roots: Mapping[str, Sequence[str]] = field(default_factory=dict)
    with_emails: bool = False


def extract(
    settings: Ghes,
    token: str | None,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: Patience | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Read what *plan* asks for into *output*, all repositories and streams at once.

    A repository or stream that fails stops no other: it is noted in the manifest's failures, and has no watermark.

    Args:
        settings: address of the server, lag, concurrency.
        token: None asks without saying who we are.
        plan: what to read.
        output: takes rows page by page, and the notes for the manifest.
        report: takes lines of progress.
        transport: stands in for the network in tests.
        patience: timeouts and tries.
        clock: the time, for a server that does not say its own.

    Raises:
        ConfigError: there is no address.
        SourceError: nothing could be read; the first error of all.
    """
    if not settings.url:
        raise ConfigError("no GitHub Enterprise Server", "set GITHUB_API_URL=https://HOST/api/v3, or sources.ghes.url")
    asyncio.run(_extract(settings, token, plan, output, report, transport, patience, clock))


async def _extract(
    settings: Ghes,
    token: str | None,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    transport: httpx.AsyncBaseTransport | None,
    patience: Patience | None,
    clock: Callable[[], datetime],
) -> None:
    async def authorize() -> Mapping[str, str]:
        return {"authorization": f"Bearer {token}"} if token else {}

    client = Client(
        settings.url,
        authorize=authorize,
        headers={"accept": "application/vnd.github+json"},
        transport=transport,
        concurrency=settings.concurrency,
        patience=patience,
    )
    async with client:
        api = Api(client, clock)
        sink = Sink(output, plan.streams, plan.window)
        await Run(api, plan, timedelta(minutes=settings.lag_minutes), sink, report).all()
        sink.close(client.requests)
        if api.started_at and api.latest_at:
            output.timed(api.started_at, api.latest_at)


__all__ = ["Plan", "extract"]

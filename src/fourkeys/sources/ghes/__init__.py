"""GitHub Enterprise Server: what of it becomes rows, and how it is asked."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fourkeys.errors import ConfigError
from fourkeys.sources.ghes._api import Api
from fourkeys.sources.ghes._app import App
from fourkeys.sources.ghes._job import digest
from fourkeys.sources.ghes._look import Account, Look, Repository, look, survey
from fourkeys.sources.ghes._open import open_client
from fourkeys.sources.ghes._privacy import Disguise
from fourkeys.sources.ghes._run import Run
from fourkeys.sources.ghes._sink import Sink
from fourkeys.window import Window, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import httpx

    from fourkeys.config import Ghes
    from fourkeys.files import Output
    from fourkeys.http import Client, Network, Patience
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
        branches: read besides the default branch.
        with_emails: e-mail addresses may be written.
        pseudonymise_key: with it, keyed hashes stand for people.
        detail: users come with their profiles, at one request for each.
    """

    streams: tuple[Stream, ...]
    repositories: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    window: Window = field(default_factory=Window)
    watermarks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict)
    roots: Mapping[str, Sequence[str]] = field(default_factory=dict)
    branches: tuple[str, ...] = ()
    with_emails: bool = False
    pseudonymise_key: str | None = field(default=None, repr=False)
    detail: bool = False


def credentials(settings: Ghes, environment: Mapping[str, str]) -> str | App | None:
    """Return what says who we are: a token, or a GitHub App from `GITHUB_APP_ID` and its companions, or None.

    Raises:
        ConfigError: both are given, or an App only in part, or the token cannot be read.
    """
    token = settings.token(environment)
    names = ("GITHUB_APP_ID", "GITHUB_APP_INSTALLATION_ID", "GITHUB_APP_PRIVATE_KEY_PATH")
    given = [name for name in names if environment.get(name)]
    if not given:
        return token
    if token:
        raise ConfigError(f"both a token and {given[0]} are given", "unset one of them")
    if missing := [name for name in names if name not in given]:
        raise ConfigError(f"{given[0]} is given, but not {' and '.join(missing)}", "a GitHub App needs all three")
    return App(*(environment[name] for name in names))


def extract(
    settings: Ghes,
    token: str | App | Sequence[str | App] | None,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    *,
    network: Network | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: Patience | None = None,
    clock: Callable[[], datetime] = utc_now,
    checkpoint_seconds: float = 5,
) -> None:
    """Read what *plan* asks for into *output*, all repositories and streams at once.

    A repository or stream that fails stops no other: it is noted in the manifest's failures, and has no watermark. A
    run that was killed is gone on with by the same plan into the same directory.

    Args:
        settings: address of the server, lag, concurrency.
        token: or a GitHub App, or several of them, which take turns when a rate limit stops one; None asks without
            saying who we are. One text may hold several tokens, with commas between them.
        plan: what to read.
        output: takes rows page by page, and the notes for the manifest.
        report: takes lines of progress.
        network: certificates and proxy.
        transport: stands in for the network in tests.
        patience: timeouts and tries.
        clock: the time, for a server that does not say its own.
        checkpoint_seconds: between two points that a killed run goes on from.

    Raises:
        ConfigError: there is no address, or a certificate or key cannot be used.
        SourceError: nothing could be read; the first error of all.
    """
    if not settings.url:
        raise ConfigError("no GitHub Enterprise Server", "set GITHUB_API_URL=https://HOST/api/v3, or sources.ghes.url")

    async def run() -> None:
        async with AsyncExitStack() as stack:
            client = await open_client(
                stack, settings, token, clock, network=network, transport=transport, patience=patience
            )
            await _extract(client, settings, plan, output, report, clock, checkpoint_seconds)

    asyncio.run(run())


async def _extract(
    client: Client,
    settings: Ghes,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    clock: Callable[[], datetime],
    checkpoint_seconds: float,
) -> None:
    alter = Disguise(plan.pseudonymise_key) if plan.pseudonymise_key else None
    asked = digest([settings.url, _asked(plan)])
    seconds = asyncio.get_running_loop().time
    sink = Sink(output, plan.streams, plan.window, asked, alter, checkpoint_seconds, seconds)
    api = Api(client, clock, sink.begin, sink.started_at)
    try:
        await Run(api, plan, timedelta(minutes=settings.lag_minutes), sink, report).all()
    except asyncio.CancelledError:  # somebody pressed Ctrl-C
        sink.keep()
        raise
    sink.close(client.requests)
    if api.started_at and api.latest_at:
        output.timed(api.started_at, api.latest_at)


def _asked(plan: Plan) -> list[Any]:
    """Return all of a plan that decides what is read, for a digest."""
    marks = sorted((*place, mark.at, mark.state) for place, mark in plan.watermarks.items())
    roots = sorted((name, list(commits)) for name, commits in plan.roots.items())
    names = [stream.name for stream in plan.streams]
    options = [plan.with_emails, plan.detail, plan.pseudonymise_key, plan.branches]
    return [names, plan.repositories, plan.organizations, plan.window.since, plan.window.until, marks, roots, options]


__all__ = ["Account", "App", "Look", "Plan", "Repository", "credentials", "extract", "look", "survey"]

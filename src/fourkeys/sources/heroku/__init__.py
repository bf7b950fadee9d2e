"""Heroku: the releases of apps, with what each one was and the commit that it brought."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.errors import UNREADABLE, ConfigError, FileError, FourkeysError
from fourkeys.files import Failure
from fourkeys.http import LABEL, together
from fourkeys.sources.heroku._api import Api, Page, Release, open_client
from fourkeys.sources.heroku._history import History, Memory, Seen, is_full, named_commit
from fourkeys.sources.heroku._look import Look, look
from fourkeys.streams import STREAMS
from fourkeys.window import Watermark, Window, rfc3339, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import httpx

    from fourkeys.config import Heroku
    from fourkeys.files import Output
    from fourkeys.http import Client, Patience

RELEASES = STREAMS["heroku_releases"]


def _unknown(_: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read.

    Attributes:
        apps: by name or id.
        window: times of `created_at`, half-open; an explicit start is a backfill and moves no watermark.
        watermarks: what is stored already, by name of the stream and app.
        known_commits: gives the full hash that a prefix belongs to; None where it is unknown or ambiguous.
        hash_key: key of the hashes of e-mail addresses; without it they are NULL.
    """

    apps: tuple[str, ...]
    window: Window = field(default_factory=Window)
    watermarks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict)
    known_commits: Callable[[str], str | None] = _unknown
    hash_key: str | None = field(default=None, repr=False)


def extract(
    settings: Heroku,
    token: str | None,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: Patience | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Read the releases of the plan's apps into *output*, all apps at once.

    An app that fails stops no other: it is noted in the manifest's failures, and has no watermark.

    Args:
        settings: address, overlap, concurrency.
        token: the API key.
        plan: what to read.
        output: takes rows page by page, and the note for the manifest.
        report: takes lines of progress.
        transport: stands in for the network in tests.
        patience: timeouts and tries.
        clock: the time, where Heroku does not say its own.

    Raises:
        ConfigError: there is no API key.
        SourceError: nothing could be read; the first error of all.
    """

    async def run() -> None:
        async with open_client(settings, token, transport, patience) as client:
            await _extract(client, settings, plan, output, report, clock)

    asyncio.run(run())


async def _extract(
    client: Client,
    settings: Heroku,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    clock: Callable[[], datetime],
) -> None:
    api = Api(client, clock)
    run = _Run(api, settings, plan, output, report)
    LABEL.set(RELEASES.name)
    await together(run.guard(app) for app in dict.fromkeys(plan.apps))
    run.close(client.requests[RELEASES.name])
    if api.started_at and api.latest_at:
        output.timed(api.started_at, api.latest_at)


class _Run:
    """Reads all apps of a plan, and gathers what the manifest says of them."""

    def __init__(self, api: Api, settings: Heroku, plan: Plan, output: Output, report: Callable[[str], None]) -> None:
        self._api, self._settings, self._plan, self._output, self._report = api, settings, plan, output, report
        self._marks: list[Watermark] = []
        self._warnings: list[str] = []
        self._failures: list[Failure] = []
        self._errors: list[FourkeysError] = []
        output.open(RELEASES)

    async def guard(self, app: str) -> None:
        """Read an app; note its failure."""
        try:
            await self._app(app)
        except FileError:  # a full disk is the end of the run, not of a part of it
            raise
        except FourkeysError as error:
            self._errors.append(error)
            self._failures.append(Failure(RELEASES.name, app, error.message, error.hint))
            self._report(f"{app}: {error.message}")

    def close(self, requests: int) -> None:
        """Note everything for the manifest.

        Raises:
            SourceError: no app could be read; it is the first error.
        """
        if self._errors and len(self._errors) == len(set(self._plan.apps)):
            raise self._errors[0]
        self._output.note(
            RELEASES,
            since=self._plan.window.since,
            until=self._plan.window.until,
            watermarks=sorted(self._marks, key=lambda mark: mark.partition),
            requests=requests,
            warnings=self._warnings,
            failures=self._failures,
        )

    async def _app(self, app: str) -> None:
        memory, window = self._memory(app), self._plan.window
        until = rfc3339(window.until) if window.until else "~"
        history, started, count = None, None, 0
        async for page in self._api.releases(app, memory.last):
            started = started or page.at
            history = history or History(memory, started)
            self._warnings += [f"{app}: {warning}" for warning in page.warnings]
            self._warnings += [f"{app}: left out a release without a version" for r in page.releases if not r.version]
            releases = [r for r in page.releases if r.version and (r.created_at or "") < until]
            count += await self._page(app, Page(releases, page.at), memory, history)
        if history and started and window.since is None:
            state = msgspec.json.encode(history.close(self._settings.overlap)).decode()
            at = min(started, window.until) if window.until else started
            self._marks.append(Watermark(RELEASES.name, app, at, state))
        self._report(f"{app}: {count} releases read")

    async def _page(self, app: str, page: Page, memory: Memory, history: History) -> int:
        """Write a page of releases, oldest first; returns how many lie in the window."""
        since = rfc3339(self._plan.window.since) if self._plan.window.since else ""
        taken = [(release, *history.take(release, release.version or 0)) for release in page.releases]
        chosen = [item for item in taken if (item[0].created_at or "") >= since]
        await self._resolve(app, [release for release, *_ in chosen], memory)
        rows = [self._row(app, item, memory, rfc3339(page.at)) for item in chosen]
        self._output.write(RELEASES, rows)
        return len(rows)

    async def _resolve(self, app: str, releases: list[Release], memory: Memory) -> None:
        """Find the commit of every artifact: named by a description and known, or asked for once."""
        asked: dict[str, Release] = {}
        for release in releases:
            if artifact := release.artifact:
                seen, named = memory.artifacts[artifact.id], named_commit(release.description)
                if not is_full(seen.commit) and (prefix := named or seen.commit):
                    seen.commit = self._plan.known_commits(prefix) or seen.commit
                if seen.commit is None:
                    asked.setdefault(artifact.id, release)
        await together(self._ask(app, release, memory.artifacts[ident]) for ident, release in asked.items())

    async def _ask(self, app: str, release: Release, seen: Seen) -> None:
        """Ask Heroku for the commit behind a release; where it is gone, the description's will have to do."""
        if artifact := release.artifact:
            commit = await self._api.commit(app, artifact)
            if not commit:
                where = f"{app} v{release.version}: {artifact.type} {artifact.id}"
                self._warnings.append(f"{where} is gone or names no commit")
            seen.commit = commit or named_commit(release.description) or ""

    def _row(self, app: str, item: tuple[Release, str, str | None], memory: Memory, at: str) -> list[Any]:
        release, kind, first_terminal_status = item
        artifact = release.artifact
        values = {
            "app_id": (release.app and release.app.id) or app,
            "version": release.version,
            "id": release.id,
            "app_name": (release.app and release.app.name) or app,
            "status": release.status,
            "first_terminal_status": first_terminal_status,
            "current": release.current,
            "description": release.description,
            "kind": kind,
            "slug_id": release.slug and release.slug.id,
            "artifact_type": artifact and artifact.type,
            "artifact_id": artifact and artifact.id,
            "commit_sha": (artifact and memory.artifacts[artifact.id].commit) or None,
            "user_email_hash": self._hash(release.user.email if release.user else None),
            "created_at": release.created_at,
            "updated_at": release.updated_at,
            "extracted_at": at,
        }
        return [values[name] for name in RELEASES.header]

    def _hash(self, email: str | None) -> str | None:
        key = self._plan.hash_key
        return hmac.new(key.encode(), email.lower().encode(), hashlib.sha256).hexdigest() if key and email else None

    def _memory(self, app: str) -> Memory:
        mark = self._plan.watermarks.get((RELEASES.name, app))
        if mark is None or self._plan.window.since is not None:
            return Memory()
        try:
            return msgspec.json.decode(mark.state or "{}", type=Memory)
        except UNREADABLE:
            raise ConfigError(
                f"{app}: the watermark of {RELEASES.name} cannot be read", "extract with --since, then load"
            ) from None


__all__ = ["Look", "Plan", "extract", "look"]

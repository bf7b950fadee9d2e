"""One repository of a run, and what all its readers share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.errors import UNREADABLE, SourceError
from fourkeys.sources.ghes._rows import Scope
from fourkeys.sources.ghes._sink import Progress
from fourkeys.streams import STREAMS, Stream
from fourkeys.window import is_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from fourkeys.sources.ghes import Plan
    from fourkeys.sources.ghes._api import Api, Page
    from fourkeys.sources.ghes._graph import Repository
    from fourkeys.sources.ghes._rows import Row
    from fourkeys.sources.ghes._sink import Sink

REPOSITORIES, ISSUES, COMMENTS = (STREAMS[f"ghes_{name}"] for name in ("repositories", "issues", "issue_comments"))
USERS, LABELS, EVENTS = (STREAMS[f"ghes_{name}"] for name in ("users", "labels", "issue_events"))
RELEASES, COMMITS, PULLS = (STREAMS[f"ghes_{name}"] for name in ("releases", "commits", "pull_requests"))
PULL_COMMITS, PULL_REVIEWS, PULL_FILES = (STREAMS[f"ghes_pull_request_{n}"] for n in ("commits", "reviews", "files"))
DEPLOYMENTS, STATUSES = (STREAMS[f"ghes_{name}"] for name in ("deployments", "deployment_statuses"))
RUNS, JOBS = (STREAMS[f"ghes_workflow_{name}"] for name in ("runs", "jobs"))


@dataclass(frozen=True, slots=True)
class Job:
    """One repository; or, with an empty name, what belongs to the whole server.

    Attributes:
        api: the server.
        sink: takes the rows.
        plan: what is asked for.
        lag: how far before a watermark reading starts.
        name: owner/name as it was asked for, which stands in the rows; also the partition of watermarks.
        path: of the repository's API; a renamed repository has another one than its name says.
        branch: its default branch, where that is known.
        facts: what is newest in it, by GraphQL; None where that is not known.
        resting: nothing is to be seen in it, and it is one of many: what cannot be seen is asked for in turns.
        deployed: commits that its deployments name, once they are read.
    """

    api: Api
    sink: Sink
    plan: Plan
    lag: timedelta
    name: str
    path: str = ""
    branch: str | None = None
    facts: Repository | None = None
    resting: bool = False
    deployed: dict[str, None] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """Where the rows come from."""
        return Scope(self.api.host, self.name, self.plan.with_emails)

    def progress(self, stream: Stream) -> Progress:
        """Return what is known of the stream from earlier runs; nothing for a backfill.

        Raises:
            SourceError: the stored watermark cannot be read.
        """
        mark = self.plan.watermarks.get((stream.name, self.name))
        if mark is None or self.plan.window.since is not None:
            return Progress()
        try:
            found = msgspec.json.decode(mark.state or "{}", type=Progress)
        except UNREADABLE:
            found = None
        times = (found.newest, found.whole_at, found.asked_at) if found else ()
        if found is None or not all(is_rfc3339(each) for each in times if each is not None):
            raise SourceError(
                f"{self.name}: the watermark of {stream.name} cannot be read", "extract it once with --since"
            )
        return found

    def since(self, stream: Stream) -> datetime | None:
        """Return where to start: the window, or what was seen last less the lag, or None for the beginning."""
        if self.plan.window.since is not None:
            return self.plan.window.since
        mark, newest = self.plan.watermarks.get((stream.name, self.name)), self.progress(stream).newest
        if mark is None or newest is None:
            return None
        return min(mark.at, _moment(newest)) - self.lag

    def unchanged(self, stream: Stream, newest: str | None) -> bool:
        """Whether *newest* was seen already, and so long before the end of the last run that no tie was missed.

        Where there is nothing at all, as there was nothing then, it is unchanged too.
        """
        mark, known = self.plan.watermarks.get((stream.name, self.name)), self.progress(stream).newest
        if self.plan.window.since is not None or mark is None or (known or "") != (newest or ""):
            return False
        if known is None:
            return True
        return (mark.at - _moment(known)).total_seconds() > 1

    def handler(self, stream: Stream, row: Callable[[Any, Scope, str], Row]) -> Callable[[Page[Any]], None]:
        """Return a function that writes a page's records as rows of *stream*."""
        scope = self.scope

        def handle(page: Page[Any]) -> None:
            rows = [row(record, scope, page.at) for record in page.records]
            self.sink.put(stream, self.name, rows, page.url, page.warnings)
            self.sink.page_done()

        return handle

    def asked(self) -> str | None:
        """Return the start of the run, RFC 3339, as a stream's last time of being asked for."""
        return rfc3339(self.api.started_at) if self.api.started_at else None

    def finish(self, stream: Stream, *, whole: bool = False, **changes: Any) -> None:
        """Note that the stream was read to its end; *changes* are what the next run goes on from.

        They say what was seen, so where something was seen and left out, because it lies behind the window, they would
        hide it from the next run: that one goes on from what was known before.
        """
        before = self.progress(stream)
        newest = max(self.sink.newest(stream, self.name) or "", before.newest or "") or None
        seen = {} if self.sink.is_capped(self.name) else changes
        progress = msgspec.structs.replace(before, **{"newest": newest, **seen})
        if self.api.started_at:
            whole = whole and self.plan.window.since is None and self.plan.window.until is None
            self.sink.done(stream, self.name, self.api.started_at, progress, whole=whole)


def digest(value: Any) -> str:
    """Return a short digest of what msgspec can encode."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

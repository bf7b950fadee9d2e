"""The incident bot's database: incidents and what was noted during them, from any database that SQLAlchemy knows.

Everything is read every time. Incidents are few, and people mend them by hand, long after, without moving a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from fourkeys.errors import ConfigError, SourceError
from fourkeys.files import Failure
from fourkeys.sources.incidents._database import Database, connect
from fourkeys.sources.incidents._look import look
from fourkeys.sources.incidents._rows import EVENTS, INCIDENTS, Reader, check
from fourkeys.window import Watermark, Window, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from fourkeys.config import Incidents
    from fourkeys.files import Output
    from fourkeys.sources.incidents._rows import Row
    from fourkeys.streams import Stream


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read.

    Attributes:
        streams: incidents, incident_events, or both.
        window: times of the last change, half-open; an explicit start is a backfill and moves no watermark.
        service_keys: the bot's words for services that the catalog knows; others are warned of. Empty: any.
        pseudonymise_key: with it, a keyed hash stands for who noted an event, the same as for a login of GHES.
    """

    streams: tuple[Stream, ...] = (INCIDENTS, EVENTS)
    window: Window = field(default_factory=Window)
    service_keys: Collection[str] = ()
    pseudonymise_key: str | None = field(default=None, repr=False)


def extract(
    settings: Incidents,
    url: str | None,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    *,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Read incidents and their events into *output*, in one transaction that only reads.

    Args:
        settings: tables, columns and words of the bot.
        url: of the database, with its password.
        plan: what to read.
        output: takes rows chunk by chunk, and the notes for the manifest.
        report: takes lines of progress.
        clock: the time.

    Raises:
        ConfigError: there is no URL, a mapping does not fit, or a time has no zone.
        SourceError: the incidents cannot be read. Events that cannot be read are a failure in the manifest.
    """
    if not url:
        raise ConfigError("no incident database", f"set {settings.url_env}=postgresql://USER:PASSWORD@HOST/DATABASE")
    records, events = settings.records, settings.events
    check(INCIDENTS, records.columns, () if records.query else ("incident_id", "started_at"), "incidents.records")
    check(EVENTS, events.columns, () if events.query else ("event_id", "incident_id"), "incidents.events")
    started = clock()
    reader = Reader(settings, plan.service_keys, started, plan.pseudonymise_key)
    failures: list[Failure] = []
    for stream in plan.streams:
        output.open(stream)
    with connect(url, settings.timezone, settings.timeout_seconds, settings.chunk_rows) as database:
        found = _incidents(database, settings, reader, plan.window)
        count = _write(output, INCIDENTS, found, settings.chunk_rows, wanted=INCIDENTS in plan.streams)
        report(f"{database.where}: {count} incidents read")
        if EVENTS in plan.streams and (events.table or events.query):
            try:
                noted = _events(database, settings, reader, plan.window)
                count = _write(output, EVENTS, noted, settings.chunk_rows, wanted=True)
                report(f"{database.where}: {count} events read")
            except SourceError as error:
                failures.append(Failure(EVENTS.name, settings.name, error.message, error.hint))
    for stream in plan.streams:
        missing = [failure for failure in failures if failure.stream == stream.name]
        at = min(started, plan.window.until) if plan.window.until else started
        moves = plan.window.since is None and not missing
        output.note(
            stream,
            since=plan.window.since,
            until=plan.window.until,
            watermarks=[Watermark(stream.name, settings.name, at)] if moves else [],
            warnings=reader.warnings(stream),
            failures=missing,
        )
    output.timed(started, clock())


def _incidents(database: Database, settings: Incidents, reader: Reader, window: Window) -> Iterator[Row]:
    place = settings.records
    updated, started = INCIDENTS.header.index("updated_at"), INCIDENTS.header.index("started_at")
    for record in database.rows(place.table, place.query, place.columns, "incident_id"):
        row = reader.incident(record)
        if row and _within(window, row[updated] or row[started]):
            yield row


def _events(database: Database, settings: Incidents, reader: Reader, window: Window) -> Iterator[Row]:
    place, created = settings.events, EVENTS.header.index("created_at")
    for record in database.rows(place.table, place.query, place.columns, "event_id"):
        row = reader.event(record)
        if row and _within(window, row[created]):
            yield row


def _within(window: Window, moment: datetime | None) -> bool:
    return moment is None or moment in window


def _write(output: Output, stream: Stream, rows: Iterator[Row], size: int, *, wanted: bool) -> int:
    count = 0
    while chunk := list(islice(rows, size)):
        count += len(chunk)
        if wanted:
            output.write(stream, chunk)
    return count


__all__ = ["Plan", "extract", "look"]

"""Request logs: requests and failed requests by service, minute and class of status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fourkeys.errors import ConfigError, SourceError
from fourkeys.sources.requests import _logs as logs
from fourkeys.sources.requests._lines import Clock
from fourkeys.sources.requests._logs import find
from fourkeys.sources.requests._tally import Tally
from fourkeys.streams import STREAMS
from fourkeys.window import Watermark, Window, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fourkeys.config import Requests
    from fourkeys.files import Output
    from fourkeys.sources.requests._lines import Parts

COUNTS = STREAMS["request_counts"]
_BATCH = 10_000
_MILLISECONDS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read.

    Attributes:
        files: paths, globs, or `-` for standard input; none: the configured ones, from the watermark on.
        window: times of minutes, half-open; an explicit start is a backfill and moves no watermark.
        watermarks: what is stored already.
    """

    files: tuple[str, ...] = ()
    window: Window = field(default_factory=Window)
    watermarks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict)


def extract(
    settings: Requests,
    plan: Plan,
    output: Output,
    report: Callable[[str], None],
    *,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Count the requests in log files into *output*; memory does not grow with the size of the logs.

    A minute is written as a whole and replaces what was stored of it: all logs of a minute belong into one run.
    Files that are named in the plan are read to their ends, whatever is stored, and move no watermark.

    Args:
        settings: format, names of fields, what is a failed request.
        plan: what to read.
        output: takes rows in the order of service, minute and class of status.
        report: takes lines of progress.
        clock: the time.

    Raises:
        ConfigError: no files, or the logs do not fit the configuration.
        SourceError: a log cannot be read.
    """
    names = plan.files or settings.files
    if not names:
        raise ConfigError("no request logs to read", "name files, or set sources.requests.files")
    started = clock()
    since = _since(settings, plan)
    output.open(COUNTS)
    times = Clock(ZoneInfo(settings.timezone) if settings.timezone else None)
    warnings: list[str] = []
    with Tally(settings.failed_statuses) as tally:
        for name in logs.find(names):
            changed = logs.changed_at(name)
            if plan.files or plan.window.since or since is None or changed is None or changed >= since:
                _count(name, settings, times, tally, _within(since, plan.window.until), warnings)
                report(f"{name}: read")
        rows = _rows(tally, _MILLISECONDS[settings.duration_unit], started)
        while batch := list(islice(rows, _BATCH)):
            output.write(COUNTS, batch)
    moves = plan.window.since is None and not plan.files
    at = min(started, plan.window.until) if plan.window.until else started
    output.note(
        COUNTS,
        since=plan.window.since,
        until=plan.window.until,
        watermarks=[Watermark(COUNTS.name, "", at)] if moves else [],
        warnings=warnings,
    )
    output.timed(started, clock())


def _since(settings: Requests, plan: Plan) -> datetime | None:
    """Return where to begin: the window, or for configured files the watermark less the lag, cut to the minute."""
    if plan.window.since or plan.files:
        return plan.window.since
    mark = plan.watermarks.get((COUNTS.name, ""))
    return (mark.at - timedelta(minutes=settings.lag_minutes)).replace(second=0, microsecond=0) if mark else None


def _within(since: datetime | None, until: datetime | None) -> Callable[[Parts], Parts]:
    """Return what keeps of counts those whose minute begins in the window."""
    if since is None and until is None:
        return lambda parts: parts
    first = since.timestamp() if since else float("-inf")
    end = until.timestamp() if until else float("inf")
    return lambda parts: {key: entry for key, entry in parts.items() if first <= key[1] < end}


def _count(
    name: str, settings: Requests, times: Clock, tally: Tally, keep: Callable[[Parts], Parts], warnings: list[str]
) -> None:
    misfits = logs.Misfits()
    for parts in logs.read(name, settings, times, misfits):
        tally.add(keep(parts))
    if misfits.bad:
        said = f"{name}: {misfits.bad} of {misfits.lines} lines do not fit; the first is line {misfits.first}"
        if misfits.bad >= misfits.lines:
            raise SourceError(f"{said}: {misfits.cause}", "compare sources.requests with the log")
        warnings.append(f"{said}: {misfits.cause}")


def _rows(tally: Tally, scale: float, at: datetime) -> Iterator[list[Any]]:
    for (service, minute, status), count in tally.rows():
        values = {
            "service_key": service,
            "minute": datetime.fromtimestamp(minute, UTC),
            "status_class": status,
            "requests": count.requests,
            "errors": count.errors,
            "duration_ms_sum": round(count.duration * scale, 3) or None,
            "extracted_at": at,
        }
        yield [values[name] for name in COUNTS.header]


__all__ = ["Plan", "extract", "find"]

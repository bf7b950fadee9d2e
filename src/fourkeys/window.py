"""Half-open UTC windows, and the ways to write a point in time on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from fourkeys.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_AGE = re.compile(r"(\d+)([mhdw])")
_UTC = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?Z").fullmatch
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval of time, `[since, until)`.

    Attributes:
        since: inclusive start in UTC; None is the beginning of time.
        until: exclusive end in UTC; None is now and all that comes while reading.
    """

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        """Whether *moment* lies in the window."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


def utc_now() -> datetime:
    """Return the time now in UTC; the one clock that the command line passes down."""
    return datetime.now(UTC)


def parse_time(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Read a point in time: RFC 3339, a date (midnight in *zone*), or an age before *now* such as `2d` or `36h`.

    Returns:
        The moment in UTC.

    Raises:
        UsageError: *text* is none of these, or a time without an offset.
    """
    try:
        if age := _AGE.fullmatch(text):
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = _moment(text, zone)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    msg = f"cannot read the time {text!r}"
    raise UsageError(msg, "write 2026-11-01T00:00:00+09:00, 2026-11-01, or an age such as 2d or 36h")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        return datetime.fromisoformat(text)


def is_rfc3339(text: str) -> bool:
    """Whether *text* is a time as `rfc3339` writes it: of these, the greater text is the later time."""
    try:
        return bool(_UTC(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def rfc3339(moment: datetime) -> str:
    """Write *moment* as RFC 3339 in UTC with `Z`, with fractions only where there are some."""
    text = moment.astimezone(UTC).isoformat()
    return text.removesuffix("+00:00") + "Z"


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is safely stored of one stream in one partition.

    Attributes:
        stream: name of the stream.
        partition: part of the source that is read on its own: a repository as owner/name, an app, or "" for all.
        at: start of the run (the source's clock) that read everything up to then.
        state: what the source needs to go on from there, as JSON; None where time is enough.
    """

    stream: str
    partition: str
    at: datetime
    state: str | None = None

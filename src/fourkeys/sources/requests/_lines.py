"""From pieces of a log to counts: NDJSON, CSV and the combined log format.

A piece is decoded as a whole, which is what makes it fast; only where something in it does not fit is it read again
line by line, to say which line and why.
"""

from __future__ import annotations

import calendar
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.errors import UNREADABLE

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fourkeys.config import LogFields

Parts = dict[tuple[str, int, int], list[float]]
"""Service, start of the minute in seconds since 1970, and status, to number of requests and sum of durations."""
_Found = defaultdict[tuple[str | None, int], list[float]]
Complaint = Callable[[int, str], None]
"""Takes the place of a line in its piece, from 0, and what is wrong with it."""

_MILLISECONDS = 1e11
"""Greater numbers are milliseconds since 1970, not seconds."""
_LAST = 253_402_300_800
"""The end of the year 9999, in seconds since 1970."""
_LONGEST = 1e18
"""Greater durations, in whatever unit, are none."""
_SECONDS, _PLAIN = frozenset(f":{second:02}" for second in range(60)), 3
_FRACTION = re.compile(r"\.[0-9]+").fullmatch
_MOST_RESTS = 200_000  # of what stands behind the minute is kept; logs with microseconds have no end of it
_LOWEST, _HIGHEST = 100, 599
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
COMBINED = re.compile(
    rb'^\S+ [^\["\n]*\[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d):\d\d ([+-]\d\d)(\d\d)\] '
    rb'"(?:[^"\\\n]|\\.)*" (\d{3}) (?:\d+|-)'
    rb'(?: "(?:[^"\\\n]|\\.)*" "(?:[^"\\\n]|\\.)*"(?: (\d{1,17}(?:\.\d+)?))?)?(?:[ \r][^\n]*)?$',
    re.MULTILINE,
)


class BadLineError(ValueError):
    """A line does not fit; the text says why."""


@dataclass(frozen=True)
class Clock:
    """Reads the times of a log.

    Attributes:
        zone: of times that have no offset; None where there is none.
    """

    zone: ZoneInfo | None

    def minute(self, value: str | float) -> int:
        """Return the start of the minute, in seconds since 1970; raises BadLineError for what is no time."""
        if not isinstance(value, str):
            return _begin(value / 1000 if value > _MILLISECONDS else value, value)
        return _minute(value, self.zone)


@lru_cache(maxsize=100_000)
def _minute(text: str, zone: ZoneInfo | None) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadLineError(f"{text[:40]!r} is no time") from None
    if moment.tzinfo is None:
        if zone is None:
            raise BadLineError(f"{text[:40]!r} says no time zone; set sources.requests.timezone")
        moment = moment.replace(tzinfo=zone)
    return _begin(moment.timestamp(), text)


def _begin(seconds: float, said: object) -> int:
    """Return the start of the minute; raises BadLineError for years before 1970 and after 9999."""
    if not 0 <= seconds < _LAST:
        raise BadLineError(f"{str(said)[:40]!r} is no time of a request")
    return int(seconds // 60 * 60)


class Ndjson:
    """One JSON object a line.

    Args:
        fields: their names.
        service: of lines that do not name it.
        clock: reads times.
    """

    def __init__(self, fields: LogFields, service: str, clock: Clock) -> None:
        self._service, self._clock = service, clock
        self._zones: dict[str, str] = {}
        names = {"time": fields.time, "status": fields.status, "service": fields.service, "duration": fields.duration}
        self._many = msgspec.json.Decoder(
            _request(names, time=str, status=int, service=str | None, duration=float | None), strict=False
        ).decode_lines
        self._one = msgspec.json.Decoder(
            _request(names, time=str | float, status=int, service=str | None, duration=Any), strict=False
        ).decode

    def __call__(self, piece: bytes, complain: Complaint) -> Parts:
        """Count the lines of a piece."""
        try:
            return self._fast(piece)
        except (*UNREADABLE, BadLineError, IndexError):
            return _slow(piece, self._line, complain)

    def _fast(self, piece: bytes) -> Parts:
        # The next line is mostly of the same minute; seconds and zones repeat.
        minutes: dict[str, _Found] = {}
        zones, counts, minute, zone = self._zones, _Found(_nothing), "", ""
        for request in self._many(piece):
            time = request.time
            if (its_zone := zones.get(time[16:])) is None:
                its_zone = self._zone(time)
            if time[:16] != minute or its_zone != zone or not zone:
                minute, zone = time[:16], its_zone
                counts = minutes.setdefault(minute + (zone or time[16:]), defaultdict(_nothing))
            entry = counts[request.service, request.status]
            entry[0] += 1
            entry[1] += request.duration or 0.0
        parts: Parts = {}
        for time, counts in minutes.items():
            for (service, status), entry in counts.items():
                if not abs(entry[1]) < _LONGEST:
                    raise BadLineError("a duration that is no number")
                add(parts, (_named(service, self._service), self._clock.minute(time), _status(status)), *entry)
        return parts

    def _zone(self, time: str) -> str:
        """Return the zone at the end of a time, if what stands between it and the minute is plain; else nothing."""
        rest = time[16:]
        zone = "Z" if rest[-1:] == "Z" else rest[-6:]
        if zone[:1] not in {"Z", "+", "-"} or not _is_rest(rest[: -len(zone)]):
            return ""
        if len(self._zones) >= _MOST_RESTS:
            self._zones.clear()
        return self._zones.setdefault(rest, zone)

    def _line(self, line: bytes) -> tuple[str, int, int, float]:
        try:
            request = self._one(line)
        except UNREADABLE as error:
            raise BadLineError(str(error)) from None
        service, minute = _named(request.service, self._service), self._clock.minute(request.time)
        return service, minute, _status(request.status), _duration(request.duration)


class Combined:
    """The combined log format of Apache and nginx; a number after the user agent is the duration.

    Args:
        service: whose log it is.
    """

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, piece: bytes, complain: Complaint) -> Parts:
        """Count the lines of a piece."""
        found: defaultdict[tuple[bytes, ...], list[float]] = defaultdict(_nothing)
        matched = 0
        for match in COMBINED.finditer(piece):
            *key, duration = match.groups()
            entry = found[tuple(key)]
            entry[0] += 1
            entry[1] += float(duration or 0)
            matched += 1
        try:
            if matched == piece.count(b"\n") + (not piece.endswith(b"\n")):
                parts: Parts = {}
                for (*time, status), entry in found.items():
                    add(parts, (self._service, _combined_minute(*time), _status(int(status))), *entry)
                return parts
        except BadLineError:
            pass
        return _slow(piece, self._line, complain)

    def _line(self, line: bytes) -> tuple[str, int, int, float]:
        match = COMBINED.match(line)
        if not match:
            raise BadLineError("not the combined log format")
        *time, status, duration = match.groups()
        return self._service, _combined_minute(*time), _status(int(status)), float(duration or 0)


class Table:
    """Rows of a CSV, of which the places of the fields are known.

    Args:
        places: of time, service, status and duration; None for what the log does not have.
        service: of rows that do not name it.
        clock: reads times.
    """

    def __init__(self, places: tuple[int, int | None, int, int | None], service: str, clock: Clock) -> None:
        self._places, self._service, self._clock = places, service, clock

    def read(self, row: list[str]) -> tuple[str, int, int, float]:
        """Return service, minute, status and duration of a row; raises BadLineError where it does not fit."""
        time, service, status, duration = self._places
        try:
            number = _status(int(row[status]))
            minute = self._clock.minute(_cut(row[time]))
            name = _named(row[service] if service is not None else None, self._service)
            took = _duration(row[duration]) if duration is not None else 0.0
        except IndexError:
            raise BadLineError("too few fields") from None
        except BadLineError:
            raise
        except ValueError:
            raise BadLineError(f"{row[status][:40]!r} is no status") from None
        return name, minute, number, took


def _nothing() -> list[float]:
    return [0, 0.0]


def _request(names: dict[str, str], **types: Any) -> Any:
    """Make the struct of a line: time and status must be there."""
    needed = [(name, types[name], msgspec.field(name=names[name])) for name in ("time", "status")]
    others = [(name, types[name], msgspec.field(name=names[name], default=None)) for name in ("service", "duration")]
    return msgspec.defstruct("Request", [*needed, *others], gc=False)


def _slow(piece: bytes, read: Callable[[bytes], tuple[str, int, int, float]], complain: Complaint) -> Parts:
    parts: Parts = {}
    for place, line in enumerate(piece.split(b"\n")):
        if not line.strip():
            continue
        try:
            service, minute, status, duration = read(line)
        except BadLineError as error:
            complain(place, str(error))
        else:
            add(parts, (service, minute, status), 1, duration)
    return parts


def add(parts: Parts, key: tuple[str, int, int], number: float, duration: float) -> None:
    """Add requests and their durations to what is counted."""
    entry = parts.setdefault(key, [0, 0.0])
    entry[0] += number
    entry[1] += duration


@lru_cache(maxsize=100_000)
def _combined_minute(*parts: bytes) -> int:
    day, month, year, time, hours, minutes = (part.decode() for part in parts)
    text = f"{year}-{_MONTHS.get(month, 0):02}-{day}T{time}{hours}:{minutes}"
    try:
        return _begin(datetime.fromisoformat(text).timestamp(), text)
    except ValueError:
        raise BadLineError(f"{text!r} is no time") from None


def _cut(time: str) -> str | float:
    """Return a time of a CSV, cut to the minute where that is plain: seconds are not worth reading."""
    if time[-1:] == "Z" and _is_rest(time[16:-1]):
        return time[:16] + "Z"
    return float(time) if time.isascii() and time.replace(".", "", 1).isdigit() else time


def _is_rest(text: str) -> bool:
    """Whether a text is what may stand behind a minute: seconds, and fractions of them."""
    return text[:3] in _SECONDS and (len(text) == _PLAIN or bool(_FRACTION(text, _PLAIN)))


def _named(service: str | None, default: str) -> str:
    if not (name := service or default):
        raise BadLineError("no service; set sources.requests.service")
    return name


def _status(status: int) -> int:
    if not _LOWEST <= status <= _HIGHEST:
        raise BadLineError(f"{status} is no status")
    return status


def _duration(value: Any) -> float:
    """Return a duration, or 0 for what servers write where there was none, such as "-"."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError):
        return 0.0
    return number if abs(number) < _LONGEST else 0.0

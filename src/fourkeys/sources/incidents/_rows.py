"""From the bot's records to rows: words, times and causes. Pure; what does not fit is a warning, and kept."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fourkeys.errors import ConfigError
from fourkeys.pseudonyms import Pseudonyms
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fourkeys.config import Incidents
    from fourkeys.streams import Stream

INCIDENTS, EVENTS = STREAMS["incidents"], STREAMS["incident_events"]
Row = list[Any]
_MOST_WARNINGS = 1000
_SHA = re.compile(r"[0-9a-fA-F]{7,40}")
_TRUE, _FALSE = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}
_OVER = {"open": False, "reopened": False, "resolved": True}


class Reader:
    """Turns records into rows.

    Args:
        settings: the bot's words and its time zone.
        service_keys: the words for services that the catalog knows; none: any word will do.
        extracted_at: stands in every row.
        pseudonymise_key: with it, a keyed hash stands for who noted an event.

    Attributes:
        left_out: ids of incidents of other kinds, whose events are left out too.
    """

    def __init__(
        self,
        settings: Incidents,
        service_keys: Collection[str],
        extracted_at: datetime,
        pseudonymise_key: str | None = None,
    ) -> None:
        self._settings, self._keys, self._at = settings, frozenset(service_keys), extracted_at
        self._zone = ZoneInfo(settings.timezone) if settings.timezone else None
        self._warnings: dict[str, list[str]] = {INCIDENTS.name: [], EVENTS.name: []}
        self._unmapped: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._disguise = Pseudonyms(pseudonymise_key).name if pseudonymise_key else None
        self.left_out: set[str] = set()

    def incident(self, record: Mapping[str, Any]) -> Row | None:
        """Return the row of an incident, or None for one without an id or of a kind that is not asked for."""
        number = _word(record.get("incident_id"))
        if not number:
            self._warn(INCIDENTS, "left out an incident without an id")
            return None
        name = f"incident {number}"
        kind = _word(record.get("kind"))
        kind = self._settings.kind_names.get(kind or "", kind)
        if self._settings.kinds and (kind or "") not in self._settings.kinds:
            self.left_out.add(number)
            return None
        if number in self._seen:
            self._warn(INCIDENTS, f"{name} stands twice")
        self._seen.add(number)
        started, detected, updated = (
            self._moment(record, column, INCIDENTS, name) for column in ("started_at", "detected_at", "updated_at")
        )
        status, resolved = self._status(record, name)
        if resolved and started and resolved < started:
            self._warn(INCIDENTS, f"{name} was resolved before it started")
        service = _word(record.get("service_key"))
        if self._keys and service not in self._keys:
            self._unmapped[service or ""] += 1
        deployment, sha = _cause(record)
        values = {
            "source": self._settings.name,
            "incident_id": number,
            "title": _text(record.get("title")),
            "service_key": service,
            "kind": kind,
            "severity": _word(record.get("severity")),
            "started_at": started,
            "detected_at": detected,
            "resolved_at": resolved,
            "status": status,
            "change_related": self._flag(record, "change_related", name),
            "deployment_id": deployment,
            "cause_sha": sha,
            "url": _word(record.get("url")),
            "updated_at": updated,
            "extracted_at": self._at,
        }
        return [values[column] for column in INCIDENTS.header]

    def event(self, record: Mapping[str, Any]) -> Row | None:
        """Return the row of an event, or None for one without an id or of an incident that is left out."""
        number, incident = _word(record.get("event_id")), _word(record.get("incident_id"))
        if not number:
            self._warn(EVENTS, f"left out an event of incident {incident} without an id")
            return None
        if incident in self.left_out:
            return None
        actor = _text(record.get("actor"))
        values = {
            "source": self._settings.name,
            "event_id": number,
            "incident_id": incident,
            "event_type": _word(record.get("event_type")),
            "actor": self._disguise(actor) if self._disguise and actor else actor,
            "message": _text(record.get("message")),
            "created_at": self._moment(record, "created_at", EVENTS, f"event {number}"),
            "extracted_at": self._at,
        }
        return [values[column] for column in EVENTS.header]

    def warnings(self, stream: Stream) -> list[str]:
        """Return what did not fit; the first thousand."""
        found = self._warnings[stream.name]
        if stream is INCIDENTS:
            return found + [f"{n} incidents name {key!r}, which no service claims" for key, n in self._unmapped.items()]
        return found

    def _status(self, record: Mapping[str, Any], name: str) -> tuple[str, datetime | None]:
        """Return state and time of resolution; an incident that its bot calls open is not resolved."""
        resolved = self._moment(record, "resolved_at", INCIDENTS, name)
        word = _word(record.get("status"))
        state = self._settings.states.get(word or "", word)
        if state is not None and state not in _OVER:
            self._warn(INCIDENTS, f"{name}: state {word!r} is unknown; add it to sources.incidents.states")
        if resolved is None:
            if _OVER.get(state or ""):
                self._warn(INCIDENTS, f"{name} is {word} without a time; taken as open")
            return ("reopened" if state == "reopened" else "open"), None
        if _OVER.get(state or "", True):
            return "resolved", resolved
        if state == "open":
            self._warn(INCIDENTS, f"{name} is {word} and was resolved before; taken as reopened")
        return "reopened", None

    def _moment(self, record: Mapping[str, Any], column: str, stream: Stream, name: str) -> datetime | None:
        value = record.get(column)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                self._warn(stream, f"{name}: {column} {value!r} is no time")
                return None
        if not isinstance(value, datetime):
            if not isinstance(value, date):
                self._warn(stream, f"{name}: {column} {value!r} is no time")
                return None
            value = datetime.combine(value, time())
        if value.tzinfo is None:
            if self._zone is None:
                raise ConfigError(
                    f"{self._settings.name}: {column} of {name}, {value.isoformat(' ')}, says no time zone",
                    'say which one the database means: timezone = "Asia/Tokyo" in [sources.incidents]',
                )
            value = value.replace(tzinfo=self._zone)
        moment: datetime = value
        return moment

    def _flag(self, record: Mapping[str, Any], column: str, name: str) -> bool | None:
        text = (_word(record.get(column)) or "").lower()
        if text in _TRUE:
            return True
        if text and text not in _FALSE:
            self._warn(INCIDENTS, f"{name}: {column} {text!r} is neither true nor false")
            return None
        return False if text else None

    def _warn(self, stream: Stream, text: str) -> None:
        if len(self._warnings[stream.name]) < _MOST_WARNINGS:
            self._warnings[stream.name].append(text)


def check(stream: Stream, columns: Mapping[str, str], needed: Collection[str], place: str) -> None:
    """Raise ConfigError where a mapping names a column that the stream does not have, or lacks one that it needs."""
    known = [*stream.header[1:-1], *(["cause"] if stream is INCIDENTS else [])]
    for name in columns:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"`fourkeys schema {stream.name}` lists the columns"
            raise ConfigError(f"{place}: {stream.name} has no column {name!r}", hint)
    for name in needed:
        if name not in columns:
            raise ConfigError(f"{place}: no column for {name!r}", f'write {name} = "the database\'s word for it"')


def _cause(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return deployment and commit that are named as the cause; a reference is a commit where it looks like one."""
    deployment, sha = _word(record.get("deployment_id")), _word(record.get("cause_sha"))
    reference = _word(record.get("cause"))
    if reference and _SHA.fullmatch(reference):
        return deployment, sha or reference.lower()
    return deployment or reference, sha


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _word(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None

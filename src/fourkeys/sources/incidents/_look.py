"""Whether an incident database can be read: one row of each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.errors import ConfigError
from fourkeys.sources.incidents._database import connect
from fourkeys.sources.incidents._rows import EVENTS, INCIDENTS, check

if TYPE_CHECKING:
    from fourkeys.config import Incidents


def look(settings: Incidents, url: str | None) -> str:
    """Read a row of the incidents and of their events; returns what messages call the database.

    Raises:
        ConfigError: there is no URL, or a mapping does not fit.
        SourceError: it cannot be connected to, or a table or column is not there.
    """
    if not url:
        raise ConfigError("no incident database", f"set {settings.url_env}=postgresql://USER:PASSWORD@HOST/DATABASE")
    records, events = settings.records, settings.events
    check(INCIDENTS, records.columns, () if records.query else ("incident_id", "started_at"), "incidents.records")
    check(EVENTS, events.columns, () if events.query else ("event_id", "incident_id"), "incidents.events")
    with connect(url, settings.timezone, settings.timeout_seconds, 1) as database:
        next(database.rows(records.table, records.query, records.columns, "incident_id"), None)
        if events.table or events.query:
            next(database.rows(events.table, events.query, events.columns, "event_id"), None)
        return database.where

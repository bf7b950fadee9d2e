"""The bot's words, times and causes, and what is dirty about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fourkeys import config
from fourkeys.sources.incidents._rows import EVENTS, INCIDENTS, Reader

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def read(*records: dict[str, Any], keys: tuple[str, ...] = (), **settings: Any) -> tuple[list[dict[str, Any]], Reader]:
    """Return incidents as dictionaries, and their reader."""
    reader = Reader(config.Incidents(**settings), keys, NOW)
    rows = [reader.incident({"incident_id": 1, "started_at": "2026-01-01T00:00:00Z"} | record) for record in records]
    return [dict(zip(INCIDENTS.header, row, strict=True)) for row in rows if row], reader


@pytest.mark.parametrize(
    ("word", "resolved", "expected", "warnings"),
    [
        ("resolved", "2026-01-02T00:00:00Z", ("resolved", True), 0),
        ("closed", "2026-01-02T00:00:00Z", ("resolved", True), 0),
        (None, "2026-01-02T00:00:00Z", ("resolved", True), 0),
        ("open", None, ("open", False), 0),
        ("mitigated", None, ("open", False), 0),
        (None, None, ("open", False), 0),
        ("reopened", None, ("reopened", False), 0),
        ("reopened", "2026-01-02T00:00:00Z", ("reopened", False), 0),
        ("open", "2026-01-02T00:00:00Z", ("reopened", False), 1),
        ("resolved", None, ("open", False), 1),
        ("zombie", "2026-01-02T00:00:00Z", ("resolved", True), 1),
        ("zombie", None, ("open", False), 1),
    ],
)
def test_an_incident_that_its_bot_calls_open_is_not_resolved(
    word: str | None, resolved: str | None, expected: tuple[str, bool], warnings: int
) -> None:
    """State and time of resolution agree in the row; where they did not in the database, a warning says so."""
    rows, reader = read({"status": word, "resolved_at": resolved})

    assert expected == (rows[0]["status"], rows[0]["resolved_at"] is not None)
    assert warnings == len(reader.warnings(INCIDENTS))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("6F56FC0", (None, "6f56fc0")),
        ("6f56fc036f351342e1da04c12b2c493dfb464b5a", (None, "6f56fc036f351342e1da04c12b2c493dfb464b5a")),
        ("release_12", ("release_12", None)),
        ("v46", ("v46", None)),
        ("abc123", ("abc123", None)),
        (" ", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_reference_is_a_commit_where_it_looks_like_one(
    reference: str | None, expected: tuple[str | None, str | None]
) -> None:
    """Seven or more hexadecimal digits name a commit, anything else a deployment."""
    rows, _ = read({"cause": reference})

    assert expected == (rows[0]["deployment_id"], rows[0]["cause_sha"])


def test_columns_of_their_own_win_over_a_reference() -> None:
    """Where the bot has both, what is named as commit or deployment is kept."""
    rows, _ = read({"cause": "6f56fc0", "deployment_id": 7, "cause_sha": "AAAAAAA"})

    assert ("7", "AAAAAAA") == (rows[0]["deployment_id"], rows[0]["cause_sha"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (1, True), ("yes", True), (False, False), (0, False), ("F", False), (None, None), ("maybe", None)],
)
def test_flags_are_read_as_databases_write_them(value: Any, expected: bool | None) -> None:
    """Booleans, 0 and 1, and words; anything else is NULL and a warning."""
    rows, reader = read({"change_related": value})

    assert expected is rows[0]["change_related"]
    assert (value == "maybe") is bool(reader.warnings(INCIDENTS))


def test_dirty_records_are_kept_and_told() -> None:
    """Resolved before it began, twice the same id, a time that is none, an unknown service: rows, with warnings."""
    rows, reader = read(
        {"resolved_at": "2025-01-01T00:00:00Z", "service_key": "shop"},
        {"service_key": "nobody", "detected_at": "soon"},
        {"incident_id": None},
        {"incident_id": 2, "service_key": "nobody", "updated_at": 12},
        keys=("shop",),
    )

    assert ["1", "1", "2"] == [row["incident_id"] for row in rows]
    assert [
        "incident 1 was resolved before it started",
        "incident 1 stands twice",
        "incident 1: detected_at 'soon' is no time",
        "left out an incident without an id",
        "incident 2: updated_at 12 is no time",
        "2 incidents name 'nobody', which no service claims",
    ] == reader.warnings(INCIDENTS)


def test_events_of_other_kinds_are_left_out_too() -> None:
    """What was noted during an incident that may not be read may not be read either."""
    rows, reader = read(
        {"incident_id": 1, "kind": "outage"},
        {"incident_id": 2, "kind": "security"},
        {"incident_id": 3},
        kind_names={"outage": "service"},
        kinds=("service",),
    )
    events = [{"event_id": n, "incident_id": n, "message": f"note {n}"} for n in (1, 2, 3)]
    kept = [row[EVENTS.header.index("message")] for event in events if (row := reader.event(event))]

    assert ["service"] == [row["kind"] for row in rows]
    assert ["note 1"] == kept


def test_dates_and_zones() -> None:
    """A date is its midnight, a naive time is the configured zone's, an offset is kept as a moment."""
    rows, _ = read(
        {"detected_at": "2026-01-01", "updated_at": "2026-01-01 00:00:00-05:00"},
        timezone="Asia/Tokyo",
    )

    assert datetime(2025, 12, 31, 15, tzinfo=UTC) == rows[0]["detected_at"]
    assert datetime(2026, 1, 1, 5, tzinfo=UTC) == rows[0]["updated_at"]

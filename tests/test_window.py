"""Points in time on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fourkeys.errors import UsageError
from fourkeys.window import Window, parse_time, rfc3339

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T00:00:00+09:00", "2026-10-31T15:00:00Z"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-11-01", "2026-10-31T15:00:00Z"),
        ("2d", "2026-11-22T12:00:00Z"),
        ("36h", "2026-11-23T00:00:00Z"),
    ],
)
def test_times(text: str, expected: str) -> None:
    """RFC 3339, a date (midnight in the zone) and an age are read."""
    assert expected == rfc3339(parse_time(text, TOKYO, NOW))


@pytest.mark.parametrize("text", ["yesterday", "2026-11-01T00:00:00", "2026-13-01", "", "2x"])
def test_what_is_no_time(text: str) -> None:
    """Anything else is refused, a time without an offset too: nothing is guessed."""
    with pytest.raises(UsageError, match="cannot read the time"):
        parse_time(text, TOKYO, NOW)


def test_windows_are_half_open() -> None:
    """The start belongs to a window, the end does not."""
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

    assert (True, False) == (start in Window(start, end), end in Window(start, end))

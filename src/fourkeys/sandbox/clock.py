"""Chance and working hours of the simulated company: both the same on every machine and every Python."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

TOKYO = timezone(timedelta(hours=9), "JST")
"""Asia/Tokyo: no daylight-saving time since 1951."""

START = date(2025, 9, 1)
"""First day of the simulation; the window of the answer begins a month later, after the first deployments."""
WINDOW = (date(2025, 10, 1), date(2026, 10, 1))
"""The year that the answer is about, in local dates; the end is exclusive."""
NOW = datetime(2026, 10, 2, 0, 0, tzinfo=UTC)
"""The servers' clock: it stands still."""

_OPEN, _CLOSE = time(9, 30), time(19, 0)
_FREE = frozenset(
    date.fromordinal(day)
    for first, last in (
        (date(2025, 10, 13), date(2025, 10, 13)),
        (date(2025, 11, 3), date(2025, 11, 3)),
        (date(2025, 12, 27), date(2026, 1, 4)),
        (date(2026, 2, 11), date(2026, 2, 11)),
        (date(2026, 3, 20), date(2026, 3, 20)),
        (date(2026, 4, 29), date(2026, 5, 6)),
        (date(2026, 8, 8), date(2026, 8, 16)),
    )
    for day in range(first.toordinal(), last.toordinal() + 1)
)
_FRIDAY = 4


class Dice:
    """Seeded chance built on `random.Random.random()` alone, whose sequence Python promises never to change."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random("/".join(map(str, seed))).random  # noqa: S311 - a simulation, no secrets

    def below(self, end: int) -> int:
        """Return a whole number in [0, end)."""
        return int(self._random() * end)

    def between(self, first: int, last: int) -> int:
        """Return a whole number in [first, last]."""
        return first + self.below(last - first + 1)

    def skewed(self, first: int, last: int) -> int:
        """Return a whole number in [first, last], mostly a small one."""
        return first + int(self._random() ** 3 * (last - first + 1))

    def chance(self, probability: float) -> bool:
        """Return True with *probability*."""
        return self._random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the *items*."""
        return items[self.below(len(items))]


def is_workday(day: date) -> bool:
    """Whether people work on *day*."""
    return day.weekday() <= _FRIDAY and day not in _FREE


def local(text: str) -> datetime:
    """Read `2026-02-12 16:20` as a time in Tokyo; return it in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)


def moment(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a time of *day* in Tokyo, in UTC."""
    return datetime.combine(day, time(hour, minute, second), TOKYO).astimezone(UTC)


def local_date(at: datetime) -> date:
    """Return the day in Tokyo at a time."""
    return at.astimezone(TOKYO).date()


def after_work(at: datetime, minutes: int) -> datetime:
    """Return the time that is *minutes* of working time after *at*; the seconds stay."""
    here, left = at.astimezone(TOKYO), timedelta(minutes=minutes)
    while True:
        seconds = timedelta(seconds=here.second)
        opening = datetime.combine(here.date(), _OPEN, TOKYO) + seconds
        closing = datetime.combine(here.date(), _CLOSE, TOKYO) + seconds
        here = max(here, opening)
        if is_workday(here.date()) and here + left < closing:
            return (here + left).astimezone(UTC)
        if is_workday(here.date()) and here < closing:
            left -= closing - here
        here = opening + timedelta(days=1)


def days(first: date, end: date) -> list[date]:
    """Return the days in [first, end)."""
    return [date.fromordinal(day) for day in range(first.toordinal(), end.toordinal())]

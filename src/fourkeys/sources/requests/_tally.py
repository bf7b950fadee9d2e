"""Counts by service, minute and class of status, in memory that has a bound: what is too much waits in sorted files."""

from __future__ import annotations

import heapq
import tempfile
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from typing import IO, TYPE_CHECKING, NamedTuple, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

Key = tuple[str, int, str]
"""Service, start of the minute in seconds since 1970, class of status."""


class Count(NamedTuple):
    """What was counted for one key.

    Attributes:
        requests: number of requests.
        errors: number of failed requests.
        duration: sum of durations, in the log's unit; 0 where the log has none.
    """

    requests: int
    errors: int
    duration: float


_LINE = msgspec.json.Decoder(tuple[Key, Count])


class Tally:
    """Adds up counts; use it as a context manager, because it keeps temporary files.

    Args:
        failed: statuses of failed requests.
        most: keys in memory at once.
    """

    def __init__(self, failed: frozenset[int], most: int = 200_000) -> None:
        self._failed, self._most = failed, most
        self._counts: dict[Key, Count] = {}
        self._runs: list[IO[bytes]] = []
        self._files = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def add(self, parts: Mapping[tuple[str, int, int], list[float]]) -> None:
        """Add what a piece of a log holds: service, minute and status to number and sum of durations."""
        counts = self._counts
        for (service, minute, status), (number, duration) in parts.items():
            key = (service, minute, status_class(status))
            requests, errors, total = counts.get(key, (0, 0, 0.0))
            failed = number if status in self._failed else 0
            counts[key] = Count(requests + int(number), errors + int(failed), total + duration)
        if len(counts) > self._most:
            self._spill()

    def rows(self) -> Iterator[tuple[Key, Count]]:
        """Yield every key once, in order, with its counts."""
        runs = [map(_LINE.decode, run) for run in self._runs]
        ordered = heapq.merge(*runs, sorted(self._counts.items()), key=itemgetter(0))
        for key, group in groupby(ordered, key=itemgetter(0)):
            yield key, _sum(count for _, count in group)

    def _spill(self) -> None:
        run: IO[bytes] = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed with the tally
        run.writelines(msgspec.json.encode(item) + b"\n" for item in sorted(self._counts.items()))
        run.seek(0)
        self._runs.append(run)
        self._counts.clear()


def status_class(status: int) -> str:
    """Return the class of an HTTP status: 2xx, 3xx, 4xx, 5xx or other."""
    hundreds = status // 100
    return f"{hundreds}xx" if hundreds in {2, 3, 4, 5} else "other"


def _sum(counts: Iterable[Count]) -> Count:
    return Count(*map(sum, zip(*counts, strict=True)))

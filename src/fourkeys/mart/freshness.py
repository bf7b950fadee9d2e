"""How old what is stored is, and which figures that puts in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fourkeys.catalog import SOMETIMES, needed
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.window import Watermark


@dataclass(frozen=True, slots=True)
class Stale:
    """A stream that was not read for too long.

    Attributes:
        stream: its name.
        partitions: the repositories or apps that it is stale of; empty for all of it.
        since: up to when all of it is known; None where a part was never read.
        figures: that may be wrong by it.
    """

    stream: str
    partitions: tuple[str, ...]
    since: datetime | None
    figures: tuple[str, ...]

    def __str__(self) -> str:
        of = f" of {', '.join(self.partitions)}" if self.partitions else ""
        never = "was never read" if len(self.partitions) <= 1 else "was not read, or never at all"
        since = f"was read last at {self.since:%Y-%m-%d %H:%M} UTC" if self.since else never
        return f"{self.stream}{of} {since}; affected: {', '.join(self.figures) or 'no figure'}"


def stale(marks: Iterable[Watermark], config: Config, now: datetime) -> list[Stale]:
    """Return the streams whose watermarks are older than `[metrics].stale_hours`, with the figures by lineage.

    A repository or an app counts while the catalog names it; one that has no watermark beside others is stale, too.
    What no service needs any more is not read, and not stale.
    """
    idle = {each.name for each in SOMETIMES} - {each.name for each in needed(config.services)}
    found: dict[str, dict[str, datetime]] = {}
    for mark in marks:
        found.setdefault(mark.stream, {})[mark.partition] = mark.at
    oldest = now - timedelta(hours=config.metrics.stale_hours)
    late = {
        name: old
        for name in STREAMS
        if name in found
        and name not in idle
        and (old := _late(found[name], _wanted(name, found[name], config), oldest))
    }
    if not late:
        return []
    from fourkeys.mart.lineage import affected  # noqa: PLC0415 - seconds that only stale data cost

    return [
        Stale(name, tuple(filter(None, old)), _oldest(old.values()), affected([name])) for name, old in late.items()
    ]


def _late(at: Mapping[str, datetime], wanted: Iterable[str], oldest: datetime) -> dict[str, datetime | None]:
    return {part: at.get(part) for part in wanted if part not in at or at[part] < oldest}


def _wanted(name: str, at: Mapping[str, datetime], config: Config) -> tuple[str, ...]:
    """Return the partitions that count: the catalog's, where it names some of the stream's own kind."""
    catalog = {"ghes": config.repositories, "heroku": config.heroku_apps}.get(STREAMS[name].source, ())
    return catalog if set(catalog) & set(at) else () if catalog and "" not in at else tuple(at)


def _oldest(times: Iterable[datetime | None]) -> datetime | None:
    found = list(times)
    return None if None in found else min(each for each in found if each)

"""The request log of one service over a few days, with a bad deployment that only the failed requests show."""

from __future__ import annotations

import gzip
import math
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox.clock import TOKYO, Dice, local, local_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fourkeys.sandbox.ledger import Ledger, Shipment

SERVICE = "checkout"
"""The service that keeps a request log; the log calls it `checkout-web`."""
KEY = "checkout-web"
_SINCE = local("2026-07-14 00:00")
_GOOD, _BAD = 0.0005, 0.08
_PER_MINUTE = 40
_PATHS = ("/", "/cart", "/cart/items", "/payments", "/healthz", "/検索?q=靴", "/export?from=1&to=2")


class Traffic:
    """Requests around the bad deployment: from the day of the one before it, which is good, to the end of its day.

    Attributes:
        bad: the deployment whose requests fail.
        since: begin of the log.
        until: end of the log.
    """

    def __init__(self, ledger: Ledger, seed: int) -> None:
        shipments = [s for s in ledger.shipments if s.kind != "redeployment"]
        place = next(
            n for n, s in enumerate(shipments) if s.at >= _SINCE and s.kind == "forward" and s.samples and not s.failed
        )
        self.bad: Shipment = shipments[place]
        self.bad.failed = True
        self._fixed = shipments[place + 1].at if place + 1 < len(shipments) else None
        day: date = local_date(self.bad.at)
        first = max(local_date(shipments[place - 1].at), day - timedelta(days=3))
        self.since = datetime.combine(first, time(), TOKYO).astimezone(UTC)
        self.until = datetime.combine(day + timedelta(days=1), time(), TOKYO).astimezone(UTC)
        self._seed = seed

    def lines(self) -> Iterator[str]:
        """Yield one request a line, as JSON; the share of failures is exact, minute by minute."""
        dice = Dice(self._seed, "requests")
        owed, minute = 0.0, self.since
        while minute < self.until:
            hour = minute.astimezone(TOKYO).hour + minute.minute / 60
            count = int(_PER_MINUTE * (1 + 0.6 * math.sin((hour - 9) / 24 * 2 * math.pi))) + dice.below(7)
            begun = minute.strftime("%Y-%m-%dT%H:%M:")
            for n in range(count):
                at = minute + timedelta(seconds=n * 60 // count)
                failing = at >= self.bad.at and (self._fixed is None or at < self._fixed)
                owed += _BAD if failing else _GOOD
                failed = owed >= 1
                owed -= failed
                status = 503 if failed else dice.pick((200, 200, 200, 200, 201, 302, 304, 404))
                duration = dice.skewed(4, 900) * (3 if failed else 1)
                yield (
                    f'{{"ts":"{begun}{n * 60 // count:02d}.{dice.below(1000):03d}Z","service":"{KEY}",'
                    f'"path":"{dice.pick(_PATHS)}","status":{status},"duration_ms":{duration}}}\n'
                )
            minute += timedelta(minutes=1)

    def write(self, file: Path) -> None:
        """Write the log as compressed lines."""
        file.write_bytes(gzip.compress("".join(self.lines()).encode(), 1, mtime=0))

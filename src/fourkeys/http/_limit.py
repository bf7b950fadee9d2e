"""How many requests may be in flight: more while all goes well, half as many after a refusal; and how many retries."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SLOW = 3.0
_SLOW_SECONDS = 1.0
_SMOOTHING = 0.2


@dataclass(slots=True)
class Budget:
    """Tries that a run may spend on failures: every success earns a part of one, every retry costs one."""

    left: float = 100
    earned: float = 0.5
    most: float = 200

    def success(self) -> None:
        """Earn a part of a retry."""
        self.left = min(self.most, self.left + self.earned)

    def spend(self) -> bool:
        """Take one retry; False if there is none left."""
        self.left -= 1
        return self.left >= 0


class Limit:
    """An adaptive limit: additive increase, multiplicative decrease.

    It starts with one request, so that a wrong address or token costs one, and doubles every round until the first
    trouble; from then on it grows by one every round. Refusals, server errors and timeouts halve it; answers that take
    three times as long as the quickest of their kind, and more than a second, lower it by a fifth.

    Args:
        most: never more than these.

    Attributes:
        size: requests that may be in flight now, as a fraction.
        peak: most requests that were in flight.
    """

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self.size = 1.0
        self.peak = 0
        self._calm = True
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._rested_at = 0.0
        self._quickest: dict[str, float] = {}
        self._usual: dict[str, float] = {}

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the places; requests are served in the order in which they came."""
        if self._waiting or self._active >= int(self.size):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave()
                raise
        else:
            self._active += 1
        self.peak = max(self.peak, self._active)
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        self._active -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._active < int(self.size):
            turn = self._waiting.popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)

    def success(self, kind: str, seconds: float) -> None:
        """Note an answer of a *kind* of request that took *seconds*."""
        quickest = self._quickest[kind] = min(self._quickest.get(kind, seconds), seconds)
        usual = self._usual[kind] = self._usual.get(kind, seconds) * (1 - _SMOOTHING) + seconds * _SMOOTHING
        if usual > _SLOW_SECONDS and usual > _SLOW * quickest:
            self._lower(0.8, usual)
            return
        self.size = min(self.most, self.size + (1.0 if self._calm else 1.0 / self.size))
        self._admit()

    def refusal(self) -> None:
        """Note a refusal, a server's error or a timeout."""
        self._lower(0.5, 1.0)

    def _lower(self, factor: float, rest: float) -> None:
        """Lower the limit, once for all requests of a round."""
        now = asyncio.get_running_loop().time()
        if now >= self._rested_at:
            self._rested_at = now + rest
            self.size, self._calm = max(1.0, self.size * factor), False

"""Pseudonyms: keyed hashes that stand for people. One key gives one person the same pseudonym everywhere."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

_BOT = "[bot]"


class Pseudonyms:
    """Makes pseudonyms.

    Args:
        key: secret; without it nobody can tell who is who by trying all logins.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self.name = lru_cache(maxsize=1 << 14)(self._name)

    def _name(self, text: str) -> str:
        """Return what stands for a login or a name, in any case of letters; a bot stays a bot."""
        bot = text.endswith(_BOT)
        return f"u-{self._digest(text.removesuffix(_BOT).lower())[:16]}{_BOT if bot else ''}"

    def email(self, address: str) -> str:
        """Return an address that nobody has."""
        return f"{self.name(address)}@pseudonym.invalid"

    def number(self, number: int) -> int:
        """Return what stands for a numeric id; it fits where the id did."""
        return int(self._digest(f"id {number}")[:13], 16)

    def _digest(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

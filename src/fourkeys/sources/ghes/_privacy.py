"""Pseudonyms: keyed hashes in the place of people's logins, names and ids.

One key gives one person the same pseudonym everywhere, so that everything downstream works the same. What people
wrote (titles, bodies, messages, names of branches) stays as it is.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fourkeys.sources.ghes._rows import Row
    from fourkeys.streams import Stream

_PERSON_IDS = frozenset(
    {"author_id", "committer_id", "actor_id", "assignee_id", "assigner_id", "review_requester_id", "creator_id"}
    | {"requested_reviewer_id"}
)
_BOT = "[bot]"


class Pseudonyms:
    """Alters rows before they are written.

    Args:
        key: secret; without it nobody can tell who is who by trying all logins.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._text = lru_cache(maxsize=1 << 14)(self._hash_text)
        self._changes: dict[str, list[tuple[int, Callable[[Any], Any]]]] = {}

    def __call__(self, stream: Stream, row: Row) -> Row:
        """Return the row with pseudonyms in the place of people."""
        changes = self._changes.get(stream.name)
        if changes is None:
            changes = self._changes[stream.name] = self._plan(stream)
        altered = list(row)
        for place, change in changes:
            if altered[place] is not None:
                altered[place] = change(altered[place])
        return tuple(altered)

    def _plan(self, stream: Stream) -> list[tuple[int, Callable[[Any], Any]]]:
        """Return what is changed in a stream's rows, by place."""
        people = stream.name == "ghes_users"
        changes: list[tuple[int, Callable[[Any], Any]]] = []
        for place, name in enumerate(stream.header):
            if name == "login" or name.endswith("_login") or (people and name == "name"):
                changes.append((place, self._text))
            elif name in _PERSON_IDS or (people and name == "id"):
                changes.append((place, self._number))
            elif name == "assignees":
                changes.append((place, lambda logins: [self._text(login) if login else login for login in logins]))
            elif name.endswith("_email") or (people and name == "email"):
                changes.append((place, lambda address: f"{self._text(address)}@pseudonym.invalid"))
            elif people and (name.endswith("url") or name in {"node_id", "gravatar_id", "company", "twitter_username"}):
                changes.append((place, lambda _: None))
        return changes

    def _hash_text(self, text: str) -> str:
        bot = text.endswith(_BOT)
        return f"u-{self._digest(text.removesuffix(_BOT).lower())[:16]}{_BOT if bot else ''}"

    def _number(self, number: int) -> int:
        return int(self._digest(f"id {number}")[:13], 16)

    def _digest(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

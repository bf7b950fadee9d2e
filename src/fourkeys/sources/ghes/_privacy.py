"""Pseudonyms in the place of people's logins, names and ids.

One person has the same one everywhere, so that everything downstream works the same. What people
wrote (titles, bodies, messages, names of branches) stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fourkeys.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Callable

    from fourkeys.sources.ghes._rows import Row
    from fourkeys.streams import Stream

_PERSON_IDS = frozenset(
    {"author_id", "committer_id", "actor_id", "assignee_id", "assigner_id", "review_requester_id", "creator_id"}
    | {"requested_reviewer_id"}
)


class Disguise:
    """Alters rows before they are written.

    Args:
        key: secret; of the hashes.
    """

    def __init__(self, key: str) -> None:
        self._made = Pseudonyms(key)
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
        text, changes = self._made.name, list[tuple[int, "Callable[[Any], Any]"]]()
        for place, name in enumerate(stream.header):
            if name == "login" or name.endswith("_login") or (people and name == "name"):
                changes.append((place, text))
            elif name in _PERSON_IDS or (people and name == "id"):
                changes.append((place, self._made.number))
            elif name == "assignees":
                changes.append((place, lambda logins: [text(login) if login else login for login in logins]))
            elif name.endswith("_email") or (people and name == "email"):
                changes.append((place, self._made.email))
            elif people and (name.endswith("url") or name in {"node_id", "gravatar_id", "company", "twitter_username"}):
                changes.append((place, lambda _: None))
        return changes

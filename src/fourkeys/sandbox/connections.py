"""The pieces that GraphQL resolvers are made of: attributes, commits, and lists cut by cursors."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from fourkeys.sandbox.accounts import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fourkeys.sandbox.ghes import Shelf

_MOST = 100


@dataclass(frozen=True, slots=True)
class Inside:
    """A record together with the repository that it is in."""

    shelf: Shelf
    it: Any


@dataclass(frozen=True, slots=True)
class Connection:
    """The asked part of a list, which begins at place *first* of *total*."""

    nodes: Sequence[Any]
    total: int
    first: int


def connect(items: Sequence[Any], after: str | None, first: int | None) -> Connection:
    """Cut a list as GitHub does: `first` is a must and at most 100, cursors are opaque.

    Raises:
        GraphQLError: `first` is missing or too large, or `after` is no cursor.
    """
    if first is None:
        text = "You must provide a `first` or `last` value to properly paginate the connection."
        raise GraphQLError(text, extensions={"type": "MISSING_PAGINATION_BOUNDARIES"})
    if not 0 <= first <= _MOST:
        text = f"Requesting {first} records on the connection exceeds the `first` limit of {_MOST} records."
        raise GraphQLError(text, extensions={"type": "EXCESSIVE_PAGINATION"})
    start = _place(after) + 1 if after else 0
    return Connection(items[start : start + first], len(items), start)


def cursor(place: int) -> str:
    """Return the cursor of the item at *place*."""
    return base64.b64encode(f"cursor:v2:{place}".encode()).decode()


def _place(text: str) -> int:
    try:
        return int(base64.b64decode(text).decode().removeprefix("cursor:v2:"))
    except ValueError:
        message = f"`{text}` does not appear to be a valid cursor."
        raise GraphQLError(message, extensions={"type": "INVALID_CURSOR_ARGUMENTS"}) from None


def page_info(source: Connection, _: Any) -> dict[str, Any]:
    """Resolve `pageInfo`."""
    end = source.first + len(source.nodes)
    return {
        "endCursor": cursor(end - 1) if source.nodes else None,
        "hasNextPage": end < source.total,
        "hasPreviousPage": source.first > 0,
        "startCursor": cursor(source.first) if source.nodes else None,
    }


def edges(source: Connection, _: Any) -> list[dict[str, Any]]:
    """Resolve `edges`."""
    return [{"cursor": cursor(source.first + n), "node": node} for n, node in enumerate(source.nodes)]


def children(pick: Callable[..., Sequence[Any]]) -> Callable[..., Connection]:
    """Resolve a connection to records of the same repository; *pick* gets the parent and the other arguments."""

    def resolve(source: Inside, _: Any, after: str | None = None, first: int | None = None, **other: Any) -> Connection:
        cut = connect(pick(source, **other), after, first)
        return Connection([Inside(source.shelf, item) for item in cut.nodes], cut.total, cut.first)

    return resolve


def record(source: Any) -> Any:
    """Return the record itself."""
    return source.it if isinstance(source, Inside) else source


def attribute(name: str) -> Callable[..., Any]:
    """Resolve an attribute of the record; times are written out."""

    def resolve(source: Any, _: Any, **__: Any) -> Any:
        value = getattr(record(source), name)
        return stamp(value) if isinstance(value, datetime) else value

    return resolve


def made(make: Callable[[Any], Any]) -> Callable[..., Any]:
    """Resolve to what *make* makes of the record."""
    return lambda source, _, **__: make(record(source))


def commit(pick: Callable[[Any], str | None]) -> Callable[..., Inside | None]:
    """Resolve a commit by its sha; None where there is none."""

    def resolve(source: Inside, _: Any, **__: Any) -> Inside | None:
        sha = pick(source.it)
        return Inside(source.shelf, source.shelf.repository.commits[sha]) if sha else None

    return resolve


def page(path: Callable[[Any], str]) -> Callable[..., str]:
    """Resolve the address of a web page; *path* gets what stands for the record."""
    return lambda source, info, **_: f"{info.context.base}/{path(source)}"

"""How a path finds its handler, and how a list becomes pages with a Link header."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")
_PAGE, _MOST = 30, 100


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The request is answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class NotFound(Refused):
    """404, as GitHub writes it."""

    def __init__(self) -> None:
        super().__init__(404, "Not Found")


class Query(dict[str, str]):
    """The parameters of a request."""

    def number(self, name: str, default: int) -> int:
        """Return a whole number, or *default* where it is missing or none."""
        text = self.get(name, "")
        return int(text) if text.isdigit() else default

    def time(self, name: str) -> datetime | None:
        """Return a time; None where it is missing."""
        if name not in self:
            return None
        try:
            at = datetime.fromisoformat(self[name])
        except ValueError:
            raise Refused(422, f"{name} is no time") from None
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def one_of(self, name: str, *allowed: str, default: str) -> str:
        """Return the parameter, which must be one of *allowed*."""
        value = self.get(name, default)
        if value not in allowed:
            raise Refused(422, f"Validation Failed: {name} {value!r}")
        return value

    def ordered(self, items: Sequence[T], key: Callable[[T], Any], default: str) -> list[T]:
        """Sort *items* by *key* in the asked `direction`."""
        return sorted(items, key=key, reverse=self.one_of("direction", "asc", "desc", default=default) == "desc")


@dataclass(slots=True)
class Page:
    """A list that is given out in pages.

    Attributes:
        items: the whole list in its order.
        render: one item to JSON.
        key: where the items stand in the answer; None where the answer is the list itself.
        around: what else stands in the answer.
        cursor: parameter that continues after the last id; None for page numbers.
        size: items per page where the request does not say.
        home: how `Link` names the repository.
    """

    items: Sequence[Any]
    render: Callable[[Any], Any]
    key: str | None = None
    around: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    size: int | None = None
    home: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: JSON, and the relations of the Link header as path and query."""

    body: Any
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """A path with `{}` for its variable parts, and who answers: `handler(query, *parts)` gives JSON or a Page."""

    path: str
    handler: Callable[..., Any]


class Routes:
    """All routes of an API; the one with the fewest variable parts answers."""

    def __init__(self, routes: Sequence[Route]) -> None:
        ordered = sorted(routes, key=lambda route: (route.path.count("{}"), route.path))
        self._routes = [(re.compile(_pattern(route.path)), route.handler) for route in ordered]

    def answer(self, path: str, query: Query) -> Answer:
        """Answer a request.

        Raises:
            NotFound: no route fits, or the handler found nothing.
            Refused: the handler refused.
        """
        for pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                result = handler(query, *map(unquote, match.groups()))
                return _paged(path, query, result) if isinstance(result, Page) else Answer(result)
        raise NotFound


def _pattern(path: str) -> str:
    """Turn `repos/{}/{}/compare/{}...{}` into a regular expression; a ref may hold slashes where nothing follows."""
    *pieces, end = path.split("{}")
    part = [r"(.+?)" if piece.endswith(("commits/", "compare/", "...")) else r"([^/]+)" for piece in pieces]
    return "".join(re.escape(piece) + group for piece, group in zip(pieces, part, strict=True)) + re.escape(end)


def _paged(path: str, query: Query, page: Page) -> Answer:
    size = min(max(query.number("per_page", page.size or _PAGE), 1), _MOST if page.size is None else page.size)
    number = max(query.number("page", 1), 1) if page.cursor is None else 1
    first = (number - 1) * size
    shown = page.items[first : first + size]
    body: Any = [page.render(item) for item in shown]
    if page.key:
        around = page.around or {"total_count": len(page.items)}
        body = around | {page.key: body}
    if page.home and path.startswith("repos/"):
        path = page.home + path.removeprefix("/".join(path.split("/")[:3]))
    last = -(-len(page.items) // size)

    def link(name: str, value: int) -> str:
        return f"{quote(path)}?{urlencode(query | {name: str(value)})}"

    if page.cursor:
        more = len(page.items) > size
        return Answer(body, {"next": link(page.cursor, shown[-1].id)} if more else {})
    links: dict[str, str] = {}
    if number > 1:
        links |= {"prev": link("page", number - 1)}
    if number < last:
        links |= {"next": link("page", number + 1), "last": link("page", last)}
    if number > 1:
        links |= {"first": link("page", 1)}
    return Answer(body, links)

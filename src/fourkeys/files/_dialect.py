"""The dialect of the CSV files."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.streams import Type
from fourkeys.window import is_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fourkeys.streams import Stream

_SPECIAL = re.compile('[",\r\n\x00]').search
_SPECIALS = '",\r\n\x00'
_BATCH = 500


class Dialect:
    """Turns the rows of one stream into the bytes of its CSV.

    Values are str, int, float, bool, datetime, None, and for JSON columns lists or dictionaries. Text of time
    columns is RFC 3339; what is not in UTC is moved there.

    Rows are turned column by column: most columns of a page need no quoting, which is known after one look at all
    values together, and many hold one value only.

    Attributes:
        replaced: how many characters became U+FFFD because a CSV in UTF-8 cannot hold them.
        untimely: how many times became NULL because they cannot be read as a time.
    """

    def __init__(self, stream: Stream) -> None:
        self.header = (",".join(stream.header) + "\n").encode()
        self.replaced = 0
        self.untimely = 0
        by_type: dict[Type, Callable[[Sequence[Any]], Sequence[str]]] = {
            Type.TIMESTAMP: self._moments,
            Type.JSON: lambda values: [self._json(value) for value in values],
        }
        self._columns = tuple(by_type.get(column.type, self._fields) for column in stream.columns)

    def encode(self, rows: Iterable[Sequence[Any]]) -> tuple[bytes, int]:
        """Return the rows, in header order, as CSV; and their number."""
        left, parts, count = iter(rows), list[bytes](), 0
        while batch := list(islice(left, _BATCH)):
            columns = zip(self._columns, zip(*batch, strict=True), strict=True)
            lines = map(",".join, zip(*[write(values) for write, values in columns], strict=True))
            parts.append(self._bytes("\n".join(lines) + "\n"))
            count += len(batch)
        return b"".join(parts), count

    def _bytes(self, text: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError:
            clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            self.replaced += clean.count("\ufffd") - text.count("\ufffd")
            return clean.encode()

    def _fields(self, values: Sequence[Any]) -> Sequence[str]:
        first = values[0]
        if first is None and values.count(None) == len(values):
            return ("",) * len(values)
        kinds = set(map(type, values))
        if kinds == {str}:
            text = "".join(values)
            if all(values) and not any(special in text for special in _SPECIALS):
                return values
            return [value if value and not _SPECIAL(value) else self._text(value) for value in values]
        return list(map(str, values)) if kinds == {int} else [self._field(value) for value in values]

    def _field(self, value: Any) -> str:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None:
            return ""
        if kind is bool:
            return "true" if value else "false"
        return str(value)

    def _text(self, value: str) -> str:
        if not value:
            return '""'
        if _SPECIAL(value):
            if "\x00" in value:
                self.replaced += value.count("\x00")
                value = value.replace("\x00", "\ufffd")
            return '"' + value.replace('"', '""') + '"'
        return value

    def _json(self, value: Any) -> str:
        return "" if value is None else self._text(msgspec.json.encode(value).decode())

    def _moments(self, values: Sequence[Any]) -> Sequence[str]:
        first = values[0]
        if type(first) is str and values.count(first) == len(values) and is_rfc3339(first):
            return values
        return [self._moment(value) for value in values]

    def _moment(self, value: Any) -> str:
        if value is None:
            return ""
        if type(value) is str and is_rfc3339(value):
            return value
        try:
            return rfc3339(datetime.fromisoformat(value) if type(value) is str else value)
        except (ValueError, OverflowError):
            self.untimely += 1
            return ""

"""The dialect of the CSV files."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.streams import Type
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fourkeys.streams import Stream

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").fullmatch
_SPECIAL = re.compile('[",\r\n\x00]').search


class Dialect:
    """Turns the rows of one stream into the bytes of its CSV.

    Values are str, int, float, bool, datetime, None, and for JSON columns lists or dictionaries. Text of time
    columns is RFC 3339; what is not in UTC is moved there.

    Attributes:
        replaced: how many characters became U+FFFD because a CSV in UTF-8 cannot hold them.
        untimely: how many times became NULL because they cannot be read as a time.
    """

    def __init__(self, stream: Stream) -> None:
        self.header = (",".join(stream.header) + "\n").encode()
        self.replaced = 0
        self.untimely = 0
        by_type: dict[Type, Callable[[Any], str]] = {Type.TIMESTAMP: self._moment, Type.JSON: self._json}
        self._fields = tuple(by_type.get(column.type, self._field) for column in stream.columns)

    def encode(self, rows: Iterable[Sequence[Any]]) -> tuple[bytes, int]:
        """Return the rows, in header order, as CSV; and their number."""
        fields = self._fields
        lines = [",".join([write(value) for write, value in zip(fields, row, strict=True)]) for row in rows]
        if not lines:
            return b"", 0
        text = "\n".join(lines) + "\n"
        try:
            return text.encode(), len(lines)
        except UnicodeEncodeError:
            clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            self.replaced += clean.count("\ufffd") - text.count("\ufffd")
            return clean.encode(), len(lines)

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

    def _moment(self, value: Any) -> str:
        if value is None:
            return ""
        if type(value) is str:
            if _UTC(value):
                return value
            try:
                return rfc3339(datetime.fromisoformat(value))
            except ValueError:
                self.untimely += 1
                return ""
        return rfc3339(value)

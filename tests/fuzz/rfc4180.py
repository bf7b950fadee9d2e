"""An independent reader of the CSV dialect, one character at a time: RFC 4180, NULL unquoted and empty."""

from __future__ import annotations

import re

Record = list[str | None]
_PLAIN = re.compile(r'(?!")[^,\r\n]*')
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_END = re.compile(r"\r\n|\n|\r|\Z")


def records(data: bytes) -> list[Record] | None:
    """Return the header and the records of a file, or None where it is not CSV in UTF-8.

    Lines end with LF, CRLF or CR; empty lines are none, but the first
    is the header. A quote inside of an unquoted field stands for itself.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    found: list[Record] = []
    record: Record = []
    place = 0
    while True:
        if quoted := _QUOTED.match(text, place):
            record.append(quoted[1].replace('""', '"'))
            place = quoted.end()
        else:
            plain = _PLAIN.match(text, place)
            if not plain:
                return None
            record.append(plain[0] or None)
            place = plain.end()
        if text[place : place + 1] == ",":
            place += 1
            continue
        end = _END.match(text, place)
        if not end:
            return None
        if record != [None]:
            found.append(record)
        elif not found:
            return None
        record, place = [], end.end()
        if place == len(text):
            return _even(found) if found else None


def _even(found: list[Record]) -> list[Record] | None:
    """Return records that are as long as the header; one empty field too many is none."""
    width = len(found[0])
    cut = [record[:-1] if len(record) == width + 1 and record[-1] is None else record for record in found]
    return cut if {len(record) for record in cut} == {width} else None

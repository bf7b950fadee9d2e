"""What every warehouse asks of a CSV file before it reads it: a header that fits the stream, and where a record is."""

from __future__ import annotations

import csv
import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fourkeys.errors import FileError
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from fourkeys.streams import Stream

_LONGEST_HEADER = 1 << 16
NOTHING_LOADED = "nothing of this file was loaded; mend the value and load it again"


def read_header(stream: Stream, file: Path) -> list[str]:
    """Return the names of the columns of a CSV file, in their order.

    Raises:
        FileError: it cannot be read, a column is unknown or stands twice, or a column of the key is missing.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader([text.readline(_LONGEST_HEADER)]), [])
    except FileNotFoundError:
        raise FileError(f"{file}: no such file", "give the folder or the CSV files that `extract` wrote") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{file}: cannot be read: {error}", "it must be UTF-8 CSV") from None
    for name in header:
        if name not in stream.header:
            near = difflib.get_close_matches(name, stream.header, 1)
            hint = f"did you mean {near[0]}?" if near else f"`fourkeys schema {stream.name}` lists the columns"
            if len(header) == 1 and ";" in name:
                hint = "fields are separated by commas, as RFC 4180 has it"
            raise FileError(f"{file}: unknown column {name!r} of stream {stream.name}", hint)
    if missing := [name for name in stream.key if name not in header]:
        raise FileError(f"{file}: no column {missing[0]!r}", f"the key of {stream.name} is {', '.join(stream.key)}")
    if len(set(header)) != len(header):
        raise FileError(f"{file}: a column stands twice in the header", "each column once")
    return header


def written_at(stream: Stream, file: Path) -> str | None:
    """Return when a hand-written file was written, as RFC 3339: of two rows with one key, the later one is right.

    None for what was extracted: its rows say when.
    """
    if stream.source != "manual":
        return None
    return rfc3339(datetime.fromtimestamp(file.stat().st_mtime, UTC))


def line_of_record(file: Path, record: int) -> int:
    """Return the line on which data record number *record* (from 1) starts."""
    line, records, quoted = 1, -1, False
    with file.open(encoding="utf-8-sig", newline="", errors="replace") as text:
        for part in text:
            records += not quoted and bool(part.strip("\r\n"))
            if records == record:
                return line
            quoted ^= part.count('"') % 2 == 1
            line += 1
    return line


def line_of_byte(file: Path, offset: int) -> int:
    """Return the line on which the byte at *offset* (from 0) stands."""
    line, left = 1, offset
    with file.open("rb") as data:
        while left > 0 and (block := data.read(min(left, 1 << 20))):
            line += block.count(b"\n")
            left -= len(block)
    return line

"""The door to log files: found by globs, plain or gzip, read in pieces that end where a line ends."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import sys
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fourkeys.errors import ConfigError, NotFoundError, SourceError
from fourkeys.sources.requests._lines import COMBINED, BadLineError, Clock, Combined, Ndjson, Parts, Table, add

if TYPE_CHECKING:
    import _csv
    from collections.abc import Callable, Iterable, Iterator

    from fourkeys.config import Requests

    _Log = io.BufferedReader[Any] | gzip.GzipFile

STDIN = "-"
_PIECE = 1 << 18
"""Bytes that are decoded at once: what fits into a processor's cache is decoded fastest."""
_LONGEST = 1 << 26
"""A line of more bytes is no line of a log."""
_ROWS = 10_000
_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
_SUFFIXES = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".csv": "csv"}


@dataclass(slots=True)
class Misfits:
    """The lines of a log that do not fit.

    Attributes:
        lines: all lines, or for CSV all rows.
        bad: how many do not fit.
        first: number of the first of them, from 1.
        cause: what is wrong with it.
    """

    lines: int = 0
    bad: int = 0
    first: int = 0
    cause: str = ""

    def note(self, line: int, cause: str) -> None:
        """Count a line that does not fit."""
        if not self.bad:
            self.first, self.cause = line, cause
        self.bad += 1


def find(patterns: Iterable[str]) -> list[str]:
    """Return the files that paths and globs name, each once, in order; `-` is standard input.

    Raises:
        NotFoundError: a pattern names no file.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        names = [pattern] if pattern == STDIN else sorted(glob(str(Path(pattern).expanduser()), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        names = [name for name in names if name == STDIN or Path(name).is_file()]
        if not names:
            raise NotFoundError(f"{pattern}: no such file", "give the paths or globs of request logs, or - for stdin")
        found |= dict.fromkeys(names)
    return list(found)


def changed_at(name: str) -> datetime | None:
    """Return when a file was last written to, or None for standard input."""
    return None if name == STDIN else datetime.fromtimestamp(Path(name).stat().st_mtime, UTC)


def read(name: str, settings: Requests, clock: Clock, misfits: Misfits) -> Iterator[Parts]:
    """Yield the counts of a log, piece by piece.

    Raises:
        ConfigError: the log does not name what must be known of it.
        SourceError: it cannot be read to its end.
    """
    try:
        with _opened(name) as file:
            kind = settings.format or _kind(name, file)
            if kind == "csv":
                yield from _table(name, file, settings, clock, misfits)
                return
            if kind == "combined" and not settings.service:
                raise ConfigError(f"{name}: a combined log does not name its service", "set sources.requests.service")
            parse = (
                Combined(settings.service) if kind == "combined" else Ndjson(settings.fields, settings.service, clock)
            )
            yield from _pieces(file, parse, misfits)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(
            f"{name}: cannot be read to its end: {error}", "replace it, or leave it out; nothing was counted"
        ) from None


def _pieces(
    file: _Log, parse: Callable[[bytes, Callable[[int, str], None]], Parts], misfits: Misfits
) -> Iterator[Parts]:
    rest = b""
    if file.peek(len(_MARK))[: len(_MARK)] == _MARK:
        file.read(len(_MARK))
    while data := file.read(_PIECE):
        end = data.rfind(b"\n") + 1
        piece, rest = rest + data[:end], data[end:] if end else rest + data
        if end:
            yield _parsed(piece, parse, misfits)
        elif len(rest) > _LONGEST:
            misfits.lines += 1
            raise OSError(f"line {misfits.lines} does not end")
    if rest:
        yield _parsed(rest, parse, misfits)


def _parsed(piece: bytes, parse: Callable[[bytes, Callable[[int, str], None]], Parts], misfits: Misfits) -> Parts:
    before = misfits.lines
    misfits.lines += piece.count(b"\n") + (not piece.endswith(b"\n"))
    return parse(piece, lambda place, cause: misfits.note(before + place + 1, cause))


def _table(name: str, file: _Log, settings: Requests, clock: Clock, misfits: Misfits) -> Iterator[Parts]:
    text = io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")
    reader = csv.reader(_lines(text))
    table = Table(_places(name, next(reader, []), settings), settings.service, clock)
    parts: Parts = {}
    for row in _records(reader, misfits):
        try:
            service, minute, status, duration = table.read(row)
        except BadLineError as error:
            misfits.note(reader.line_num, str(error))
            continue
        add(parts, (service, minute, status), 1, duration)
        if len(parts) > _ROWS:
            yield parts
            parts = {}
    yield parts
    text.detach()  # or else it closes what is not ours


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines; raises OSError for one that does not end."""
    while line := text.readline(_LONGEST):
        if len(line) >= _LONGEST:
            raise OSError("a line does not end")
        yield line


def _records(reader: _csv.Reader, misfits: Misfits) -> Iterator[list[str]]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            misfits.lines += 1
            misfits.note(reader.line_num, str(error))
        else:
            if row:
                misfits.lines += 1
                yield row


def _places(name: str, header: list[str], settings: Requests) -> tuple[int, int | None, int, int | None]:
    """Return the places of time, service, status and duration."""

    def place(field: str, word: str) -> int | None:
        if word in header:
            return header.index(word)
        if field == "duration" or (field == "service" and settings.service):
            return None
        near = difflib.get_close_matches(word, header, 1)
        hint = f"set sources.requests.fields.{field}" + (f"; is it {near[0]!r}?" if near else "")
        raise ConfigError(f"{name}: the header has no column {word!r}", hint)

    time, status = place("time", settings.fields.time), place("status", settings.fields.status)
    service, duration = place("service", settings.fields.service), place("duration", settings.fields.duration)
    return time or 0, service, status or 0, duration


def _kind(name: str, file: _Log) -> str:
    """Return the format of a log, by its name or its first line."""
    if kind := _SUFFIXES.get(Path(name.removesuffix(".gz")).suffix):
        return kind
    start = file.peek(1 << 14)
    if start.removeprefix(_MARK).lstrip()[:1] == b"{":
        return "ndjson"
    return "combined" if COMBINED.match(start.partition(b"\n")[0]) else "csv"


@contextmanager
def _opened(name: str) -> Iterator[_Log]:
    """Open a log, or take standard input, and unpack it if it is packed."""
    with ExitStack() as stack:
        raw = sys.stdin.buffer if name == STDIN else stack.enter_context(Path(name).open("rb"))
        log = io.BufferedReader(cast("io.RawIOBase", raw), _PIECE)
        stack.callback(log.detach)
        if log.peek(2)[:2] == _GZIP:
            yield stack.enter_context(gzip.GzipFile(fileobj=log))
        else:
            yield log

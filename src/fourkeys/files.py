"""CSV files and their manifest: the one way rows leave a source.

The dialect is RFC 4180 with two additions: NULL is an empty unquoted field and the empty string is `""`.
A file appears under its final name only when it is complete; `manifest.json` beside it says what it holds.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec

from fourkeys import __version__
from fourkeys.errors import FileError
from fourkeys.streams import Type
from fourkeys.window import Watermark, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from fourkeys.streams import Stream

MANIFEST = "manifest.json"
_SPECIAL = re.compile('[",\r\n\x00]').search
_TEMPORARY = ".part"


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of a stream that could not be read.

    Attributes:
        stream: name of the stream.
        partition: repository, app, or "" for the whole stream.
        message: the thing and the cause.
        hint: the next step; may be empty.
    """

    stream: str
    partition: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """What the manifest says of one stream.

    Attributes:
        file: name of the CSV beside the manifest.
        rows: records in the file, without the header.
        bytes: size of the file.
        sha256: its digest in hexadecimal.
        since: inclusive start of the window in UTC; None is the beginning or a stored watermark.
        until: exclusive end of the window in UTC; None is the time of the run.
        watermarks: what is safely stored once the file is loaded; empty for a backfill.
        requests: HTTP requests made for it.
        warnings: records that did not fit, with their address.
        failures: parts that are missing.
    """

    file: str
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    since: datetime | None = None
    until: datetime | None = None
    watermarks: tuple[Watermark, ...] = ()
    requests: int = 0
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one run wrote.

    Attributes:
        version: of fourkeys.
        started_at: by the source's clock where it has one.
        finished_at: likewise.
        streams: entries by name of the stream.
    """

    version: str
    started_at: datetime
    finished_at: datetime
    streams: dict[str, StreamEntry]

    def merge(self, other: Manifest) -> Manifest:
        """Return both manifests as one; where both know a stream, *other* wins."""
        return Manifest(
            other.version,
            min(self.started_at, other.started_at),
            max(self.finished_at, other.finished_at),
            self.streams | other.streams,
        )


class Dialect:
    """Turns the rows of one stream into the bytes of its CSV.

    Values are str, int, float, bool, datetime, None, and for JSON columns lists or dictionaries. Text of time
    columns is RFC 3339; what is not in UTC is moved there.

    Attributes:
        replaced: how many characters became U+FFFD because a CSV in UTF-8 cannot hold them.
    """

    def __init__(self, stream: Stream) -> None:
        self.header = (",".join(stream.header) + "\n").encode()
        self.replaced = 0
        by_type: dict[Type, Callable[[Any], str]] = {Type.TIMESTAMP: _moment, Type.JSON: self._json}
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


def _moment(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is str:
        return value if value[-1:] == "Z" else rfc3339(datetime.fromisoformat(value))
    return rfc3339(value)


@dataclass(slots=True)
class _Writer:
    """One CSV in the making."""

    dialect: Dialect
    target: IO[bytes]
    final: Path | None
    digest: Any = field(default_factory=hashlib.sha256)
    rows: int = 0
    size: int = 0

    def put(self, data: bytes, rows: int) -> None:
        self.target.write(data)
        self.digest.update(data)
        self.size += len(data)
        self.rows += rows


class Output:
    """Where the rows of a run go: CSV files in a directory, or one stream to an open binary file.

    Use it as a context manager: left in good order, every file is flushed to disk and takes its final name, and
    the manifest is written last; left by an exception, nothing is visible.

    Attributes:
        directory: where the files go; None for an open file.
        entries: what is known of each stream so far, by its name.
    """

    def __init__(self, directory: Path) -> None:
        self.directory: Path | None = directory
        self.entries: dict[str, StreamEntry] = {}
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self._writers: dict[str, _Writer] = {}
        self._only: tuple[str, IO[bytes]] | None = None

    @classmethod
    def stdout(cls, stream: Stream, target: IO[bytes]) -> Self:
        """Return an output that writes *stream*, and nothing else, to an open binary file."""
        output = cls(Path())
        output.directory, output._only = None, (stream.name, target)
        return output

    def open(self, stream: Stream) -> None:
        """Make sure that the stream has a file with its header, even if no record follows.

        Raises:
            FileError: the file cannot be made, or the output is for another stream.
        """
        if stream.name in self._writers:
            return
        dialect = Dialect(stream)
        if self.directory is None:
            name, target = self._only or ("", None)
            if name != stream.name or target is None:
                raise FileError(f"{stream.name} cannot go to standard output beside {name}", "give --out a directory")
            writer = _Writer(dialect, target, None)
        else:
            final = self.directory / f"{stream.name}.csv"
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
                temporary = final.with_suffix(f".csv{_TEMPORARY}").open("wb")
            except OSError as error:
                raise FileError(f"{final} cannot be written: {error.strerror}", "choose another --out") from None
            writer = _Writer(dialect, temporary, final)
        self._writers[stream.name] = writer
        writer.put(dialect.header, 0)

    def write(self, stream: Stream, rows: Iterable[Sequence[Any]]) -> None:
        """Write records, as sequences in header order, at the end of the stream's file."""
        self.open(stream)
        writer = self._writers[stream.name]
        writer.put(*writer.dialect.encode(rows))

    def note(
        self,
        stream: Stream,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        watermarks: Iterable[Watermark] = (),
        requests: int = 0,
        warnings: Iterable[str] = (),
        failures: Iterable[Failure] = (),
    ) -> None:
        """Say for the manifest how the stream was read; its rows, bytes and digest are counted here."""
        self.entries[stream.name] = StreamEntry(
            f"{stream.name}.csv", 0, 0, "", since, until, tuple(watermarks), requests, tuple(warnings), tuple(failures)
        )

    def timed(self, started_at: datetime, finished_at: datetime) -> None:
        """Say for the manifest when the run began and ended, by the source's clock."""
        self.started_at = min(self.started_at or started_at, started_at)
        self.finished_at = max(self.finished_at or finished_at, finished_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        else:
            self._discard()

    def _finish(self) -> None:
        for name, writer in self._writers.items():
            entry = self.entries.get(name) or StreamEntry(f"{name}.csv")
            warnings = entry.warnings
            if writer.dialect.replaced:
                warnings += (f"{writer.dialect.replaced} characters that no CSV can hold became U+FFFD",)
            self.entries[name] = replace(
                entry, rows=writer.rows, bytes=writer.size, sha256=writer.digest.hexdigest(), warnings=warnings
            )
            writer.target.flush()
            if writer.final:
                os.fsync(writer.target.fileno())
                writer.target.close()
                Path(writer.target.name).replace(writer.final)
        if self.directory is not None and self._writers and self.started_at and self.finished_at:
            write_manifest(self.directory, Manifest(__version__, self.started_at, self.finished_at, dict(self.entries)))

    def _discard(self) -> None:
        for writer in self._writers.values():
            if writer.final:
                writer.target.close()
                with suppress(OSError):
                    Path(writer.target.name).unlink()


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json` in one step: it is the old one or the new one, never half of one."""
    final = directory / MANIFEST
    temporary = final.with_suffix(f".json{_TEMPORARY}")
    with temporary.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(final)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(directory: Path) -> Manifest | None:
    """Return what `manifest.json` in *directory* says, or None where there is none.

    Raises:
        FileError: it cannot be read, or is no manifest.
    """
    path = directory / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise FileError(f"{path}: not a manifest: {error}", "extract again, or remove the file") from None


def verify(entry: StreamEntry, file: Path) -> None:
    """Compare a CSV with what its manifest says.

    Raises:
        FileError: size or digest differ, or the file cannot be read.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"{file}: cannot be read: {error.strerror}", "extract again") from None
    if (size, digest) != (entry.bytes, entry.sha256):
        raise FileError(
            f"{file}: not the file that {MANIFEST} describes: {size} bytes where it says {entry.bytes}"
            if size != entry.bytes
            else f"{file}: not the file that {MANIFEST} describes: same size, other content",
            f"extract again; to load it as it is, remove {MANIFEST}",
        )

"""The manifest: what the CSV files beside it hold, and how that was read."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotation
from typing import TYPE_CHECKING

import msgspec

from fourkeys.errors import UNREADABLE, FileError
from fourkeys.window import Watermark  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "manifest.json"
TEMPORARY = ".part"


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
        snapshots: partitions of which the file holds every record there is; what is stored of them beside is gone.
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
    snapshots: tuple[str, ...] = ()


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


def replace_file(final: Path, content: bytes) -> None:
    """Write a file in one step: it is the old one or the new one, never half of one, even if the power fails."""
    temporary = final.with_name(final.name + TEMPORARY)
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(final)
    sync_directory(final.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json` in one step."""
    replace_file(directory / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


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
    except (OSError, *UNREADABLE) as error:
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


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Turn what goes wrong with a disk into an error that names the file; the end of a pipe is none."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"{file} cannot be written: {error.strerror}", "make room there, then run it again") from None

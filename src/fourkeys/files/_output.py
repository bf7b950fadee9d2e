"""Where the rows of a run go."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec

from fourkeys import __version__
from fourkeys.errors import UNREADABLE, FileError
from fourkeys.files._dialect import Dialect
from fourkeys.files._manifest import (
    TEMPORARY,
    Failure,
    Manifest,
    StreamEntry,
    replace_file,
    sync_directory,
    write_manifest,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from fourkeys.streams import Stream
    from fourkeys.window import Watermark

CHECKPOINT = "checkpoint.json"


class _File(msgspec.Struct):
    """How much of a temporary file a checkpoint vouches for."""

    size: int
    rows: int
    replaced: int = 0
    untimely: int = 0


class _Checkpoint(msgspec.Struct):
    """A state of a run that can be gone on from.

    Attributes:
        plan: digest of what the run was asked to do; another run does not go on from here.
        files: temporary files by name of the stream.
        state: what the extractor needs.
    """

    plan: str
    files: dict[str, _File]
    state: msgspec.Raw


@dataclass(slots=True)
class _Writer:
    """One CSV in the making."""

    dialect: Dialect
    target: IO[bytes]
    final: Path | None
    digest: Any = field(default_factory=hashlib.sha256)
    rows: int = 0
    size: int = 0
    durable: int = 0

    def put(self, data: bytes, rows: int) -> None:
        self.target.write(data)
        self.digest.update(data)
        self.size += len(data)
        self.rows += rows

    def sync(self) -> None:
        """Make durable what was written."""
        if self.size != self.durable:
            self.target.flush()
            os.fsync(self.target.fileno())
            self.durable = self.size

    def restore(self, known: _File) -> None:
        """Take over what a checkpoint vouches for, and cut off the rest."""
        self.target.truncate(known.size)
        while chunk := self.target.read(1 << 20):
            self.digest.update(chunk)
        self.rows, self.size, self.durable = known.rows, known.size, known.size
        self.dialect.replaced, self.dialect.untimely = known.replaced, known.untimely


class Output:
    """Where the rows of a run go: CSV files in a directory, or one stream to an open binary file.

    Use it as a context manager: left in good order, every file is flushed to disk and takes its final name, and
    the manifest is written last; left by an exception, nothing is visible. An extractor that calls `checkpoint` now
    and then can be killed at any time: the same run, started again, finds its state in `resume` and goes on.

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
        self._plan: str | None = None
        self._known: dict[str, _File] = {}
        self._claimed: int | None = None

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
        self._claim()
        dialect = Dialect(stream)
        if self.directory is None:
            name, target = self._only or ("", None)
            if name != stream.name or target is None:
                raise FileError(f"{stream.name} cannot go to standard output beside {name}", "give --out a directory")
            writer = _Writer(dialect, target, None)
        else:
            final = self.directory / f"{stream.name}.csv"
            known = self._known.get(stream.name)
            try:
                temporary = final.with_name(final.name + TEMPORARY).open("r+b" if known else "w+b")
            except OSError as error:
                raise FileError(f"{final} cannot be written: {error.strerror}", "choose another --out") from None
            writer = _Writer(dialect, temporary, final)
            if known:
                writer.restore(known)
        self._writers[stream.name] = writer
        if not writer.size:
            with writing(writer.final or Path(stream.name)):
                writer.put(dialect.header, 0)

    def resume(self, plan: str) -> bytes | None:
        """Return the state of a run with the same *plan* that was killed, as JSON, or None; call it before any write.

        Args:
            plan: digest of everything that decides what the run reads.
        """
        self._plan = plan
        if self.directory is None:
            return None
        self._claim()
        try:
            known = msgspec.json.decode((self.directory / CHECKPOINT).read_bytes(), type=_Checkpoint)
            sizes = {name: self._temporary(name).stat().st_size for name in known.files}
        except (OSError, *UNREADABLE):
            return None
        if known.plan != plan or any(sizes[name] < file.size for name, file in known.files.items()):
            return None
        self._known = known.files
        return bytes(known.state)

    def _claim(self) -> None:
        """Keep others from writing into the folder, until the end of the run or of the process."""
        if self.directory is None or self._claimed is not None:
            return
        with writing(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._claimed = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(self._claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._let_go()
            raise FileError(
                f"{self.directory}: another run is writing there", "wait for it, or choose another --out"
            ) from None

    def _let_go(self) -> None:
        if self._claimed is not None:
            os.close(self._claimed)
            self._claimed = None

    def checkpoint(self, state: bytes) -> None:
        """Make durable what was written so far, together with the JSON *state* that goes on from there."""
        if self.directory is None or self._plan is None:
            return
        with writing(self.directory):
            for writer in self._writers.values():
                writer.sync()
        files = {
            name: _File(w.size, w.rows, w.dialect.replaced, w.dialect.untimely) for name, w in self._writers.items()
        }
        content = msgspec.json.encode(_Checkpoint(self._plan, files, msgspec.Raw(state)))
        with writing(self.directory / CHECKPOINT):
            replace_file(self.directory / CHECKPOINT, content)

    def _temporary(self, name: str) -> Path:
        return (self.directory or Path()) / f"{name}.csv{TEMPORARY}"

    def write(self, stream: Stream, rows: Iterable[Sequence[Any]]) -> None:
        """Write records, as sequences in header order, at the end of the stream's file."""
        self.open(stream)
        writer = self._writers[stream.name]
        with writing(writer.final or Path(stream.name)):
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
        snapshots: Iterable[str] = (),
    ) -> None:
        """Say for the manifest how the stream was read; its rows, bytes and digest are counted here."""
        self.entries[stream.name] = StreamEntry(
            f"{stream.name}.csv",
            since=since,
            until=until,
            watermarks=tuple(watermarks),
            requests=requests,
            warnings=tuple(warnings),
            failures=tuple(failures),
            snapshots=tuple(snapshots),
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
        try:
            if kind is None:
                with writing(self.directory or Path("standard output")):
                    self._finish()
            else:
                self._discard()
        finally:
            self._let_go()

    def _finish(self) -> None:
        for name, writer in self._writers.items():
            entry = self.entries.get(name) or StreamEntry(f"{name}.csv")
            warnings = entry.warnings
            if writer.dialect.replaced:
                warnings += (f"{writer.dialect.replaced} characters that no CSV can hold became U+FFFD",)
            if writer.dialect.untimely:
                warnings += (f"{writer.dialect.untimely} times that cannot be read became NULL",)
            self.entries[name] = replace(
                entry, rows=writer.rows, bytes=writer.size, sha256=writer.digest.hexdigest(), warnings=warnings
            )
            if writer.final:
                writer.sync()
                writer.target.close()
                self._temporary(name).replace(writer.final)
            else:
                writer.target.flush()
        if self.directory is None or not self._writers:
            return
        sync_directory(self.directory)
        if self.started_at and self.finished_at:
            write_manifest(self.directory, Manifest(__version__, self.started_at, self.finished_at, dict(self.entries)))
        (self.directory / CHECKPOINT).unlink(missing_ok=True)

    def _discard(self) -> None:
        """Close the temporary files; they stay only where a checkpoint vouches for them."""
        keep = self.directory is not None and self._plan is not None and (self.directory / CHECKPOINT).exists()
        for name, writer in self._writers.items():
            if writer.final:
                with suppress(OSError):  # the disk is full: what was not written yet cannot be written now
                    writer.target.close()
                if not keep:
                    with suppress(OSError):
                        self._temporary(name).unlink()

"""Where rows go: checked, capped by the window, counted, noted for the manifest, and durable now and then."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotation
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.files import Failure
from fourkeys.window import Watermark, is_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fourkeys.errors import FourkeysError
    from fourkeys.files import Output
    from fourkeys.sources.ghes._rows import Row
    from fourkeys.streams import Stream
    from fourkeys.window import Window

_MOST_WARNINGS = 1000
_EXPECTED = {
    "ghes_repositories": "default_branch created_at",
    "ghes_issues": "number state title created_at updated_at",
    "ghes_issue_comments": "issue_number created_at updated_at",
    "ghes_users": "login",
    "ghes_labels": "name",
    "ghes_issue_events": "event created_at",
    "ghes_releases": "tag_name created_at",
    "ghes_commits": "authored_at committed_at",
    "ghes_pull_requests": "number state created_at updated_at",
    "ghes_pull_request_commits": "authored_at committed_at",
    "ghes_pull_request_reviews": "state submitted_at",
    "ghes_deployments": "sha environment created_at",
    "ghes_deployment_statuses": "deployment_id state created_at",
    "ghes_workflow_runs": "status created_at",
    "ghes_workflow_jobs": "run_id status",
}
"""Columns beyond the key that the API always fills: a NULL there is worth a warning."""


class Progress(msgspec.Struct, omit_defaults=True):
    """What a stream needs to go on from, stored as the watermark's state.

    Attributes:
        newest: greatest cursor that was seen; the server's clock may be ahead of what its listings show.
        heads: by branch, the commit that was read up to.
        roots: first digits of the commits whose ancestry was read.
        seen: digest of what GraphQL showed of the stream, to tell that nothing changed.
        etag: of the first page.
        last_id: greatest id that was seen.
        known: by id, the last change of records so new that the next run lists them again.
        count: number of all records.
        asked_at: start of the run that last asked for them, RFC 3339; one that had no reason to leaves it.
        whole_at: start of the run that last read all records, RFC 3339.
    """

    newest: str | None = None
    heads: dict[str, str] = {}
    roots: list[str] = []
    seen: str | None = None
    etag: str | None = None
    last_id: int | None = None
    known: dict[str, str] = {}
    count: int | None = None
    whole_at: str | None = None
    asked_at: str | None = None


class _State(msgspec.Struct):
    """What goes on after a kill: all that is in memory and not in the files."""

    started_at: datetime | None = None
    positions: dict[str, dict[str, Any]] = {}
    newest: dict[str, str] = {}
    warnings: dict[str, list[str]] = {}
    marks: dict[str, list[Watermark]] = {}
    done: list[str] = []
    capped: list[str] = []
    snapshots: dict[str, list[str]] = {}


class Sink:
    """Takes the rows of all streams and repositories of a run.

    Args:
        output: files.
        streams: those wanted; rows of others are dropped.
        window: rows whose cursor lies behind it are dropped.
        plan: digest of what the run was asked for; a killed run of the same plan is gone on with.
        alter: applied to each row, before it is written.
        every: seconds between two checkpoints.
        clock: monotonic seconds.

    Attributes:
        rows: written so far, by this process.
    """

    def __init__(
        self,
        output: Output,
        streams: Iterable[Stream],
        window: Window,
        plan: str,
        alter: Callable[[Stream, Row], Row] | None,
        every: float,
        clock: Callable[[], float],
    ) -> None:
        self._output, self._window, self._alter = output, window, alter
        self._every, self._clock, self._due = every, clock, clock() + every
        self._until = rfc3339(window.until) if window.until else None
        self._streams = tuple(streams)
        self._failures: dict[str, list[Failure]] = defaultdict(list)
        self.rows = 0
        self._errors: list[FourkeysError] = []
        known = output.resume(plan)
        self._state = msgspec.json.decode(known, type=_State) if known else _State()
        self._shapes = {stream.name: _shape(stream) for stream in self._streams}
        for stream in self._streams:
            output.open(stream)

    @property
    def started_at(self) -> datetime | None:
        """The server's clock at the start of the run that this one goes on with; None for a new run."""
        return self._state.started_at

    def begin(self, started_at: datetime) -> None:
        """Note the server's clock at its first answer."""
        self._state.started_at = started_at

    def wants(self, stream: Stream) -> bool:
        """Whether the stream was asked for."""
        return stream in self._streams

    def position(self, stream: Stream, partition: str) -> dict[str, Any]:
        """Return where a walk stands: empty at the start; the walk changes it as it hands over pages."""
        return self._state.positions.setdefault(f"{stream.name} {partition}", {})

    def is_done(self, stream: Stream, partition: str) -> bool:
        """Whether the stream was read to its end already, before a kill."""
        return f"{stream.name} {partition}" in self._state.done

    def put(self, stream: Stream, partition: str, rows: Iterable[Row], url: str, warnings: Iterable[str] = ()) -> None:
        """Write rows; what has no key is left out, and what lies after the window too."""
        if stream not in self._streams:
            return
        self.warn(stream, warnings)
        shape = self._shapes[stream.name]
        filled, cursor = shape.filled, shape.cursor
        place = f"{stream.name} {partition}"
        until, newest = self._until, self._state.newest.get(place, "")
        kept = []
        for row in rows:
            if None in filled(row) and not self._is_fit(stream, row, shape, url):
                continue
            moment = row[cursor] if cursor is not None else None
            if moment is not None and is_rfc3339(moment):
                if until and moment >= until:
                    if partition not in self._state.capped:
                        self._state.capped.append(partition)
                    continue
                newest = max(newest, moment)
            kept.append(self._alter(stream, row) if self._alter else row)
        if newest:
            self._state.newest[place] = newest
        self.rows += len(kept)
        self._output.write(stream, kept)

    def _is_fit(self, stream: Stream, row: Row, shape: _Shape, url: str) -> bool:
        """Warn of what is missing in a row; a row whose key is whole can be written."""
        if None in [row[key] for key in shape.keys]:
            self.warn(stream, [f"{url}: left out a record without {' and '.join(stream.key)}"])
            return False
        missing = [stream.header[column] for column in shape.expected if row[column] is None]
        name = ", ".join(f"{key} {row[column]}" for key, column in zip(stream.key, shape.keys, strict=True))
        self.warn(stream, [f"{url}: no {' and '.join(missing)} in {name}"])
        return True

    def page_done(self) -> None:
        """Make durable what was written, if it is time: a page and its position belong together."""
        if self._clock() >= self._due:
            self.keep()

    def keep(self) -> None:
        """Make durable what was written, and where all walks stand."""
        self._output.checkpoint(msgspec.json.encode(self._state))
        self._due = self._clock() + self._every

    def newest(self, stream: Stream, partition: str) -> str | None:
        """Return the greatest cursor written so far, RFC 3339, or None."""
        return self._state.newest.get(f"{stream.name} {partition}")

    def is_capped(self, partition: str) -> bool:
        """Whether rows were left out because they lie behind the window: the next run must find them."""
        return partition in self._state.capped

    def warn(self, stream: Stream, warnings: Iterable[str]) -> None:
        """Note what did not fit; the manifest holds the first thousand of each stream."""
        known = self._state.warnings.setdefault(stream.name, [])
        known.extend(list(warnings)[: max(0, _MOST_WARNINGS - len(known))])

    def fail(self, streams: Iterable[Stream], partition: str, error: FourkeysError) -> None:
        """Note that a part is missing."""
        self._errors.append(error)
        for stream in streams:
            if not self.is_done(stream, partition):
                self._failures[stream.name].append(Failure(stream.name, partition, error.message, error.hint))

    def done(self, stream: Stream, partition: str, at: datetime, progress: Progress, *, whole: bool) -> None:
        """Note that a stream of a partition was read to its end; a backfill moves no watermark.

        Args:
            stream: that was read.
            partition: repository, or "" for all.
            at: start of the run, by the server's clock.
            progress: what to go on from.
            whole: all records there are were read, so that others are gone.
        """
        if stream not in self._streams:
            return
        place = f"{stream.name} {partition}"
        self._state.done.append(place)
        self._state.positions.pop(place, None)
        if whole:
            self._state.snapshots.setdefault(stream.name, []).append(partition)
        if self._window.since is None:
            moment = min(at, self._window.until) if self._window.until else at
            state = msgspec.json.encode(progress).decode()
            self._state.marks.setdefault(stream.name, []).append(Watermark(stream.name, partition, moment, state))

    def close(self, requests: Mapping[str, int]) -> None:
        """Note everything for the manifest.

        Raises:
            SourceError: nothing could be read, or of no repository anything; it is the first error.
        """
        state = self._state
        if self._errors and not any(place.partition(" ")[2] for place in state.done):
            raise self._errors[0]
        for stream in self._streams:
            name = stream.name
            self._output.note(
                stream,
                since=self._window.since,
                until=self._window.until,
                watermarks=sorted(state.marks.get(name, ()), key=lambda mark: mark.partition),
                requests=requests.get(name, 0),
                warnings=state.warnings.get(name, ()),
                failures=self._failures[name],
                snapshots=sorted(state.snapshots.get(name, ())),
            )


@dataclass(frozen=True, slots=True)
class _Shape:
    """Places in a stream's rows: of the key, of what is never NULL beside it, and of the cursor.

    Attributes:
        filled: takes a row's values at all of the first two places.
    """

    keys: list[int]
    expected: list[int]
    cursor: int | None
    filled: Callable[[Row], tuple[Any, ...]]


def _shape(stream: Stream) -> _Shape:
    header = stream.header
    keys = [header.index(name) for name in stream.key]
    expected = [header.index(name) for name in _EXPECTED.get(stream.name, "").split()]
    cursor = header.index(stream.cursor) if stream.cursor else None
    return _Shape(keys, expected, cursor, itemgetter(*keys, *expected))

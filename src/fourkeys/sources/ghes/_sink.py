"""Where rows go: checked, capped by the window, counted, and noted for the manifest."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from fourkeys.files import Failure
from fourkeys.window import Watermark, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

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
        head: commit of the default branch that was read up to.
        roots: first digits of the commits whose ancestry was read.
    """

    newest: str | None = None
    head: str | None = None
    roots: list[str] = []


class Sink:
    """Takes the rows of all streams and repositories of a run."""

    def __init__(self, output: Output, streams: Iterable[Stream], window: Window) -> None:
        self._output, self._window = output, window
        self._until = rfc3339(window.until) if window.until else None
        self._streams = tuple(streams)
        self._warnings: dict[str, list[str]] = defaultdict(list)
        self._failures: dict[str, list[Failure]] = defaultdict(list)
        self._marks: dict[str, list[Watermark]] = defaultdict(list)
        self._newest: dict[tuple[str, str], str] = {}
        self._errors: list[FourkeysError] = []
        self._done = 0
        for stream in self._streams:
            output.open(stream)

    def wants(self, stream: Stream) -> bool:
        """Whether the stream was asked for."""
        return stream in self._streams

    def put(self, stream: Stream, partition: str, rows: Iterable[Row], url: str, warnings: Iterable[str] = ()) -> None:
        """Write rows; what has no key is left out, what lies after the window too."""
        if stream not in self._streams:
            return
        self.warn(stream, warnings)
        header = stream.header
        keys = [header.index(name) for name in stream.key]
        expected = [header.index(name) for name in _EXPECTED.get(stream.name, "").split()]
        cursor = header.index(stream.cursor) if stream.cursor else None
        until, newest = self._until, self._newest.get((stream.name, partition), "")
        kept = []
        for row in rows:
            if None in [row[key] for key in keys]:
                self.warn(stream, [f"{url}: left out a record without {' and '.join(stream.key)}"])
                continue
            if None in [row[place] for place in expected]:
                missing = [header[place] for place in expected if row[place] is None]
                name = ", ".join(f"{key} {row[place]}" for key, place in zip(stream.key, keys, strict=True))
                self.warn(stream, [f"{url}: no {' and '.join(missing)} in {name}"])
            moment = row[cursor] if cursor is not None else None
            if moment is not None:
                if until and moment >= until:
                    continue
                newest = max(newest, moment)
            kept.append(row)
        if newest:
            self._newest[stream.name, partition] = newest
        self._output.write(stream, kept)

    def newest(self, stream: Stream, partition: str) -> str | None:
        """Return the greatest cursor written so far, RFC 3339, or None."""
        return self._newest.get((stream.name, partition))

    def warn(self, stream: Stream, warnings: Iterable[str]) -> None:
        """Note what did not fit; the manifest holds the first thousand of each stream."""
        known = self._warnings[stream.name]
        known.extend(list(warnings)[: max(0, _MOST_WARNINGS - len(known))])

    def fail(self, streams: Iterable[Stream], partition: str, error: FourkeysError) -> None:
        """Note that a part is missing."""
        self._errors.append(error)
        for stream in streams:
            self._failures[stream.name].append(Failure(stream.name, partition, error.message, error.hint))

    def done(self, stream: Stream, partition: str, at: datetime, progress: Progress) -> None:
        """Note that a stream of a partition was read to its end; a backfill moves no watermark."""
        self._done += 1
        if self._window.since is None and stream in self._streams:
            moment = min(at, self._window.until) if self._window.until else at
            state = msgspec.json.encode(progress).decode()
            self._marks[stream.name].append(Watermark(stream.name, partition, moment, state))

    def close(self, requests: Mapping[str, int]) -> None:
        """Note everything for the manifest.

        Raises:
            SourceError: nothing at all could be read; it is the first error.
        """
        if self._errors and not self._done:
            raise self._errors[0]
        for stream in self._streams:
            name = stream.name
            self._output.note(
                stream,
                since=self._window.since,
                until=self._window.until,
                watermarks=sorted(self._marks[name], key=lambda mark: mark.partition),
                requests=requests.get(name, 0),
                warnings=self._warnings[name],
                failures=self._failures[name],
            )

"""The stream contract: every stream's name, key, columns, types and descriptions, in one place.

CSV headers, warehouse tables, `fourkeys schema`, documentation and lineage all derive from `STREAMS`.
A stream is one kind of record from one source; one stream is one CSV file and one raw table of the same name.
"""

from __future__ import annotations

import difflib

from fourkeys.errors import UsageError
from fourkeys.streams._ghes import GHES
from fourkeys.streams._model import Column, Number, Stream, Type
from fourkeys.streams._others import (
    DEPLOYMENT_COMMITS,
    DEPLOYMENT_LINKS,
    LINK_BOUNDARIES,
    OTHERS,
    OVERRIDES,
    WATERMARKS,
)

STREAMS: dict[str, Stream] = {stream.name: stream for stream in (*GHES, *OTHERS)}
"""All streams by name, in the order in which they are documented."""

DERIVED: dict[str, Stream] = {
    table.name: table for table in (DEPLOYMENT_LINKS, DEPLOYMENT_COMMITS, LINK_BOUNDARIES, OVERRIDES, WATERMARKS)
}
"""Tables that fourkeys itself writes beside the streams: by `build` and by `load`."""

_ALIASES = {"comments": "issue_comments", "events": "issue_events", "pulls": "pull_requests"}


def stream(name: str) -> Stream:
    """Return the stream called *name*, with or without its source's prefix, or by one of octx's names.

    Raises:
        UsageError: there is no such stream; the hint names the nearest ones.
    """
    for candidate in (name, f"ghes_{_ALIASES.get(name, name)}"):
        if candidate in STREAMS:
            return STREAMS[candidate]
    names = dict.fromkeys(each.removeprefix("ghes_") for each in STREAMS)
    near = difflib.get_close_matches(name.removeprefix("ghes_").lower(), names, 3)
    msg = f"unknown stream {name!r}"
    raise UsageError(msg, f"did you mean {' or '.join(near)}?" if near else "`fourkeys schema` lists all streams")


__all__ = ["DERIVED", "STREAMS", "Column", "Number", "Stream", "Type", "stream"]

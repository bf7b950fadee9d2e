"""What every warehouse can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fourkeys.streams import Stream
    from fourkeys.window import Watermark

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading one file did.

    Attributes:
        stream: name of the stream.
        read: rows in the file.
        new: rows whose key was not in the table.
        changed: rows that replaced an older row.
    """

    stream: str
    read: int
    new: int
    changed: int


class Held(NamedTuple):
    """What is there of a view or a table of the mart: `view` or `table`, and the version of its definition."""

    kind: str
    version: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A view or a table of the mart as it is to be.

    Attributes:
        name: in the mart.
        kind: `table` where its rows are stored, `view` where they are computed when read.
        version: of all that its rows are made by, beside the rows that it reads.
        query: GoogleSQL that gives its rows.
        stale: GoogleSQL that tells, of a table that is there in this version, which of its rows (`held`) make room for
            those of the query; None where it is made anew.
        description: what one row is.
        columns: types, as BigQuery names them, and descriptions, by name and in order.
        clustered_by: columns by whose values rows are kept together, where the engine does that.
    """

    name: str
    kind: str
    version: str
    query: str
    stale: str | None
    description: str
    columns: Mapping[str, tuple[str, str]]
    clustered_by: tuple[str, ...]


class Warehouse(Protocol):
    """Tables of streams in one namespace (`raw`), views and tables of the mart in another (`mart`).

    Values of TIMESTAMP come back as aware datetimes in UTC.
    """

    @property
    def names(self) -> Mapping[str, str]:
        """The namespaces as SQL names: keys `raw` and `mart`."""

    def load(self, stream: Stream, file: Path, watermarks: Sequence[Watermark] = ()) -> Loaded:
        """Merge a CSV file into the stream's table by key, newest wins, and move watermarks in one transaction.

        Raises:
            FileError: the header or a value does not fit; nothing of the file is loaded.
        """

    def replace(self, stream: Stream, rows: Iterable[Row], where: str = "true") -> None:
        """Put *rows* in the place of those rows of the stream's table for which *where* (GoogleSQL) holds.

        In one transaction.
        """

    def watermarks(self) -> dict[tuple[str, str], Watermark]:
        """All watermarks by stream and partition."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run GoogleSQL that reads, and return its rows."""

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run GoogleSQL that reads, and yield its rows as tuples; memory does not grow with their number."""

    def relations(self) -> dict[str, Held]:
        """What fourkeys made in the mart, by name; what others put there is not told."""

    def make(self, definitions: Sequence[Definition], gone: Mapping[str, str]) -> None:
        """Drop what is *gone* (names and kinds), then make views and tables, in order.

        In one transaction where the engine can.
        """

    def close(self) -> None:
        """Let go of connections and locks."""

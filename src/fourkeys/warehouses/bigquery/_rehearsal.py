# ruff: noqa: ARG002 - a rehearsal takes what the real door takes
"""A door through which nothing is written: every statement is told, with the bytes that it would read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as google

from fourkeys.errors import WarehouseError
from fourkeys.warehouses.bigquery._door import Door, Merged, Staging, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fourkeys.window import Watermark

_FREE = ("begin", "commit", "drop", "create schema")


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, or one load job, that would be sent.

    Attributes:
        text: the statement as it would be sent; of a load job, what it would do, as a comment.
        bytes: what BigQuery says that it would read; None where it was not asked.
        refusal: what BigQuery says against it; None where it would take it, or was not asked.
        waits: it is refused only because something that fourkeys makes itself is not there yet.
    """

    text: str
    bytes: int | None = None
    refusal: WarehouseError | None = None
    waits: bool = False

    def __str__(self) -> str:
        if self.refusal:
            return f"-- bytes unknown: {self.refusal.message}\n{self.text};\n"
        if self.text.startswith("--"):
            return self.text
        return f"{self.text};\n" if self.bytes is None else f"-- {self.bytes} bytes\n{self.text};\n"


class Rehearsal(Door):
    """Tells what would be done; what `link` reads is read, where there is a door to read it through."""

    def __init__(self, door: Door | None, say: Callable[[Step], None], *, anew: bool = False) -> None:
        """Take the door to a project, or None to tell the statements alone.

        Args:
            door: what BigQuery is asked through.
            say: takes one step at a time.
            anew: tell, too, what would be left as it is: no view and no table counts as made by this version.
        """
        self._door, self._say, self._anew = door, say, anew
        self.location = door.location if door else None
        self._staged: dict[str, str] = {}

    def dataset_location(self, dataset: str) -> str | None:
        """Return where a dataset is."""
        return self._door.dataset_location(dataset) if self._door else None

    def tables(self, dataset: str) -> dict[str, Table] | None:
        """Return the tables of a dataset."""
        tables = self._door.tables(dataset) if self._door else None
        if tables is None or not self._anew:
            return tables
        return {name: replace(table, labels=table.labels | {"version": ""}) for name, table in tables.items()}

    def has(self, staging: Staging) -> bool:
        """Tell of no staging table."""
        return False

    def find(self, job_id: str) -> Any:
        """Know of no job."""
        return None

    def stage(self, staging: Staging, file: Path, job_id: str | None = None) -> int:
        """Tell of a load job; what would read the staging table is tried on the stream's own, which has its columns."""
        self._staged[staging.table.rpartition(".")[2]] = staging.stream.name
        size = file.stat().st_size
        self._say(Step(f"-- a load job, free: {file.name}, {size} bytes, into {staging.table}"))
        return 0

    def run(self, statements: Sequence[str], job_id: str | None = None, watermarks: Sequence[Watermark] = ()) -> Any:
        """Tell each statement."""
        for statement in statements:
            self._tell(statement, watermarks=watermarks)

    def merged(self, job: Any) -> Merged:
        """Tell that nothing was merged."""
        return Merged(0, 0)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Tell a query; its rows where it can be run."""
        step = self._tell(sql, parameters)
        return ([], iter(())) if not self._door or step.refusal else self._door.rows(sql, parameters)

    def close(self) -> None:
        """Let go of connections."""
        if self._door:
            self._door.close()

    def _tell(self, statement: str, parameters: Sequence[Any] = (), watermarks: Sequence[Watermark] = ()) -> Step:
        step = Step(statement)
        if self._door and not statement.startswith(_FREE):
            self._door.location = self.location
            tried = statement
            for name, stream in self._staged.items():
                tried = tried.replace(name, stream)
            try:
                step = Step(statement, self._door.bytes_of(tried, parameters, watermarks))
            except WarehouseError as error:
                step = Step(statement, refusal=error, waits=isinstance(error.__cause__, google.NotFound))
        self._say(step)
        return step

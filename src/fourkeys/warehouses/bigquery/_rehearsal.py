# ruff: noqa: ARG002 - a rehearsal takes what the real door takes
"""A door through which nothing is written: every statement is told, with the bytes that it would read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fourkeys.errors import WarehouseError
from fourkeys.warehouses.bigquery._door import Door, Merged, Staging, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fourkeys.window import Watermark

_FREE = ("begin", "commit", "drop", "create schema")


class Rehearsal(Door):
    """Tells what would be done; what `link` reads is read, where there is a door to read it through."""

    def __init__(self, door: Door | None, say: Callable[[str], None]) -> None:
        """Take the door to a project, or None to tell the statements alone; *say* takes one text at a time."""
        self._door, self._say = door, say
        self.location = door.location if door else None

    def dataset_location(self, dataset: str) -> str | None:
        """Return where a dataset is."""
        return self._door.dataset_location(dataset) if self._door else None

    def tables(self, dataset: str) -> dict[str, Table] | None:
        """Return the tables of a dataset."""
        return self._door.tables(dataset) if self._door else None

    def has(self, staging: Staging) -> bool:
        """Tell of no staging table."""
        return False

    def find(self, job_id: str) -> Any:
        """Know of no job."""
        return None

    def stage(self, staging: Staging, file: Path, job_id: str | None = None) -> int:
        """Tell of a load job."""
        self._say(f"-- a load job, free: {file.name}, {file.stat().st_size} bytes, into {staging.table}")
        return 0

    def run(self, statements: Sequence[str], job_id: str | None = None, watermarks: Sequence[Watermark] = ()) -> Any:
        """Tell each statement."""
        for statement in statements:
            self._tell(statement)

    def merged(self, job: Any) -> Merged:
        """Tell that nothing was merged."""
        return Merged(0, 0)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Tell a query; its rows where it can be run."""
        self._tell(sql)
        if not self._door:
            return [], iter(())
        try:
            return self._door.rows(sql, parameters)
        except WarehouseError as error:
            self._say(f"-- read as empty: {error.message}")
            return [], iter(())

    def close(self) -> None:
        """Let go of connections."""
        if self._door:
            self._door.close()

    def _tell(self, statement: str) -> None:
        if self._door and not statement.startswith(_FREE):
            try:
                self._say(f"-- {self._door.bytes_of(statement)} bytes")
            except WarehouseError as error:
                self._say(f"-- bytes unknown: {error.message}")
        self._say(f"{statement};\n")

"""The four stations as functions: extract, load, build; reading is `mart.metrics`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fourkeys import catalog
from fourkeys.errors import FileError, UsageError
from fourkeys.files import read_manifest, verify
from fourkeys.mart import linking, views
from fourkeys.streams import STREAMS, Stream, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.warehouses.base import Loaded, Warehouse

Report = Callable[[str], None]


def load(warehouse: Warehouse, paths: Iterable[Path], report: Report) -> list[Loaded]:
    """Merge CSV files, or all CSV files of folders, into their tables; watermarks move with the rows.

    Raises:
        FileError: a file does not match its manifest or its stream; the files before it stay loaded.
        UsageError: a file's name is no stream's.
    """
    done = []
    for name, file in _files(paths):
        manifest = read_manifest(file.parent)
        entry = manifest.streams.get(name.name) if manifest else None
        if entry and entry.file == file.name:
            verify(entry, file)
        loaded = warehouse.load(name, file, entry.watermarks if entry and entry.file == file.name else ())
        report(f"{name.name}: {loaded.read} rows read, {loaded.new} new, {loaded.changed} changed")
        done.append(loaded)
    return done


def build(warehouse: Warehouse, config: Config, now: datetime) -> int:
    """Store the catalog, link commits to deployments, create or replace the views; returns deployments linked."""
    warehouse.replace("services", STREAMS["services"], catalog.service_rows(config.services))
    warehouse.replace("service_resources", STREAMS["service_resources"], catalog.resource_rows(config.services))
    views.apply(warehouse, config.metrics, now, ("staging",))
    linked = linking.link(warehouse)
    views.apply(warehouse, config.metrics, now)
    return linked


def _files(paths: Iterable[Path]) -> Iterator[tuple[Stream, Path]]:
    """Yield each CSV file with its stream: `<stream>.csv`, or `<stream>-anything.csv`."""
    for path in paths:
        if path.is_dir():
            files = sorted(path.glob("*.csv"))
            if not files:
                raise FileError(f"{path}: no CSV files there", "give the folder that `fourkeys extract --out` wrote")
        else:
            files = [path]
        for file in files:
            try:
                yield stream(re.sub(r"[-.].*", "", file.name)), file
            except UsageError as error:
                raise UsageError(f"{file}: {error.message}", f"name it <stream>.csv; {error.hint}") from None

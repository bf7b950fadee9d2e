"""The four stations as functions: extract, load, build; reading is `mart.metrics`."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fourkeys import catalog
from fourkeys.errors import ConfigError, FileError, FourkeysError, PartialError, UsageError
from fourkeys.files import Manifest, Output, read_manifest, verify
from fourkeys.mart import views
from fourkeys.mart.linking import Linked, link
from fourkeys.streams import STREAMS, Stream, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.warehouses.base import Loaded, Warehouse
    from fourkeys.window import Watermark, Window

Report = Callable[[str], None]


NEEDED = (
    "repositories",
    "issues",
    "issue_comments",
    "users",
    "labels",
    "issue_events",
    "releases",
    "commits",
    "pull_requests",
    "pull_request_commits",
    "pull_request_reviews",
)
"""The streams of GHES that are read unless others are named."""


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


def extract_ghes(
    config: Config,
    environment: Mapping[str, str],
    streams: Sequence[Stream],
    repositories: Sequence[str],
    organizations: Sequence[str],
    window: Window,
    watermarks: Mapping[tuple[str, str], Watermark],
    out: Path | IO[bytes],
    report: Report,
) -> Manifest | None:
    """Read GHES into CSV files under *out*, or one stream into an open file; the catalog's repositories by default.

    Returns:
        The manifest; None for an open file.

    Raises:
        ConfigError: no address, or nothing to read.
        PartialError: some repositories failed; what the others gave is written.
        SourceError: nothing could be read.
    """
    from fourkeys.sources import ghes  # noqa: PLC0415 - loading needs no HTTP client

    settings = config.sources.ghes
    if not settings.url:
        raise ConfigError("no address of a GitHub Enterprise Server", "set GITHUB_API_URL=https://HOST/api/v3")
    chosen = tuple(repositories) or (() if organizations else config.repositories)
    if not chosen and not organizations and any("repository" in each.key for each in streams):
        raise ConfigError("no repository to read", "give --repo OWNER/NAME or --org, or write [[services]]")
    plan = ghes.Plan(tuple(streams), chosen, tuple(organizations), window, watermarks)
    output = Output(out) if isinstance(out, Path) else Output.stdout(streams[0], out)
    with output:
        ghes.extract(settings, settings.token(environment), plan, output, report)
    failures = [failure for entry in output.entries.values() for failure in entry.failures]
    if failures:
        parts = "; ".join(dict.fromkeys(f"{f.partition or f.stream}: {f.message}" for f in failures))
        raise PartialError(f"not all was read: {parts}", failures[0].hint or "run it again: it goes on from there")
    return read_manifest(out) if isinstance(out, Path) else None


def run(
    open_warehouse: Callable[[], AbstractContextManager[Warehouse]],
    config: Config,
    environment: Mapping[str, str],
    window: Window,
    out: Path,
    now: datetime,
    report: Report,
) -> None:
    """Extract what the catalog names, load it, build the mart; what could be done is done before an error is raised.

    The warehouse is open only while it is read or written, not during the extraction.

    Raises:
        PartialError: a source or a part of it failed; the rest is loaded and built.
    """
    failed: FourkeysError | None = None
    folder = out / "ghes"
    if config.sources.ghes.url and config.repositories:
        streams = [stream(name) for name in NEEDED]
        with open_warehouse() as warehouse:
            watermarks = warehouse.watermarks() if window.since is None else {}
        try:
            extract_ghes(config, environment, streams, (), (), window, watermarks, folder, report)
        except PartialError as error:
            failed = error
        with open_warehouse() as warehouse:
            load(warehouse, [folder], report)
    with open_warehouse() as warehouse:
        linked = build(warehouse, config, now)
    report(built(linked, config))
    if failed:
        raise failed


def build(warehouse: Warehouse, config: Config, now: datetime) -> Linked:
    """Store the catalog, link commits to deployments, create or replace the views."""
    warehouse.replace(STREAMS["services"], catalog.service_rows(config.services))
    warehouse.replace(STREAMS["service_resources"], catalog.resource_rows(config.services))
    views.apply(warehouse, config.metrics, now, ("staging",))
    linked = link(warehouse)
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


def built(linked: Linked, config: Config) -> str:
    """Say what a build did."""
    return f"build: {linked.deployments} deployments of {len(config.services)} services, {linked.new} linked now"

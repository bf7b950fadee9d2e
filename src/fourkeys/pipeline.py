"""The stations in their order: load, build, and `run` with the extraction before them; reading is `mart.metrics`."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from fourkeys import catalog, extraction
from fourkeys.errors import FileError, FourkeysError, PartialError, UsageError
from fourkeys.extraction import Errand
from fourkeys.files import read_manifest, verify
from fourkeys.mart import views
from fourkeys.mart.commits import known_shas, unknown_deployed
from fourkeys.mart.link import Graph
from fourkeys.mart.linking import Linked, link
from fourkeys.streams import DERIVED, STREAMS, Stream, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.warehouses.base import Loaded, Warehouse
    from fourkeys.window import Window

Report = Callable[[str], None]
Step = Callable[[str], "AbstractContextManager[object]"]
Opener = Callable[[], "AbstractContextManager[Warehouse]"]


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


def run(
    open_warehouse: Opener,
    config: Config,
    environment: Mapping[str, str],
    window: Window,
    out: Path,
    now: datetime,
    report: Report,
    step: Step = nullcontext,
) -> None:
    """Extract what the catalog names, load it, build the mart; what could be done is done before an error is raised.

    A source that fails stops no other. The warehouse is open only while it is read or written, not while a source is.
    *step* is entered for `extract.<source>` and `build`, and sees their errors.

    Raises:
        PartialError: a source or a part of it failed; the rest is loaded and built.
        FourkeysError: the only source failed.
    """
    sources = extraction.configured(config, environment)
    failed: dict[str, FourkeysError] = {}
    for name in sources:
        errand = _errand(open_warehouse, config, environment, window, out / name, report)
        try:
            with step(f"extract.{name}"):
                _extract(name, errand, open_warehouse)
        except FourkeysError as error:
            failed[name] = error
        if _has_files(out / name):
            with open_warehouse() as warehouse:
                load(warehouse, [out / name], report)
    if "ghes" in sources and "ghes" not in failed:
        _read_deployed(open_warehouse, config, environment, window, out / "ghes-deployed", now, report)
    with step("build"), open_warehouse() as warehouse:
        linked = build(warehouse, config, now)
    report(built(linked, config))
    if failed and len(failed) == len(sources) == 1:
        raise next(iter(failed.values()))
    if failed:
        said = "; ".join(f"{name}: {error.message}" for name, error in failed.items())
        raise PartialError(said, next(error.hint for error in failed.values()))


def _errand(
    open_warehouse: Opener,
    config: Config,
    environment: Mapping[str, str],
    window: Window,
    out: Path,
    report: Report,
) -> Errand:
    with open_warehouse() as warehouse:
        watermarks = warehouse.watermarks() if window.since is None else {}
    return Errand(config, environment, out, report, window, watermarks)


def _extract(name: str, errand: Errand, open_warehouse: Opener) -> None:
    if name == "ghes":
        extraction.ghes(errand)
    elif name == "heroku":
        extraction.heroku(errand, known_commits=known_commits(open_warehouse))
    elif name == "incidents":
        extraction.incidents(errand)
    elif name == "requests":
        extraction.requests(errand)


def known_commits(open_warehouse: Opener) -> Callable[[str], str | None]:
    """Return what finds the full hash of a loaded commit by its beginning: Heroku's texts have only that."""
    with open_warehouse() as warehouse:
        return Graph((sha, ()) for sha in known_shas(warehouse)).resolve


def _read_deployed(
    open_warehouse: Opener,
    config: Config,
    environment: Mapping[str, str],
    window: Window,
    out: Path,
    now: datetime,
    report: Report,
) -> None:
    """Read and load the ancestry of deployed commits that are not known; what fails is only reported."""
    try:
        found = extract_deployed(open_warehouse, config, environment, window, out, now, report)
    except FourkeysError as error:
        report(f"deployed commits that are not known could not all be read: {error.message}")
        found = _has_files(out)
    if found:
        with open_warehouse() as warehouse:
            load(warehouse, [out], report)


def extract_deployed(
    open_warehouse: Opener,
    config: Config,
    environment: Mapping[str, str],
    window: Window,
    out: Path,
    now: datetime,
    report: Report,
) -> bool:
    """Read the ancestry of commits that were deployed and that GHES was not asked for: branches never merged.

    Of deployments in *window*; as everywhere, a window with a beginning moves no watermark.

    Returns:
        Whether there was anything to read.

    Raises:
        FourkeysError: as `extraction.ghes` does.
    """
    with open_warehouse() as warehouse:
        prepare(warehouse, config, now)
        roots = unknown_deployed(warehouse, window)
    if roots:
        errand = _errand(open_warehouse, config, environment, window, out, report)
        extraction.ghes(errand, [STREAMS["ghes_commits"]], list(roots), roots=roots)
    return bool(roots)


def prepare(warehouse: Warehouse, config: Config, now: datetime) -> None:
    """Store the catalog, and create the views that only rename."""
    warehouse.replace(STREAMS["services"], catalog.service_rows(config.services))
    warehouse.replace(STREAMS["service_resources"], catalog.resource_rows(config.services))
    warehouse.replace(DERIVED["overrides"], catalog.override_rows(config.overrides))
    views.apply(warehouse, config.metrics, now, ("staging",))


def build(warehouse: Warehouse, config: Config, now: datetime) -> Linked:
    """Store the catalog, link commits to deployments, create or replace the views."""
    prepare(warehouse, config, now)
    linked = link(warehouse)
    views.apply(warehouse, config.metrics, now)
    return linked


def _has_files(folder: Path) -> bool:
    """Whether a source left anything to load: one that failed altogether leaves an empty folder, or none."""
    return any(folder.glob("*.csv"))


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
    if not config.services:
        return "build: no services, so nothing is counted: write [[services]], or let `fourkeys init` guess them"
    return f"build: {linked.deployments} deployments of {len(config.services)} services, {linked.new} linked now"

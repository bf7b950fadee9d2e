"""The stations in their order: load, build, and `run` with the extraction before them; reading is `mart.metrics`."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fourkeys import catalog, extraction
from fourkeys.errors import FileError, FourkeysError, PartialError, UsageError
from fourkeys.extraction import Errand
from fourkeys.files import MANIFEST, read_manifest, verify
from fourkeys.mart import views
from fourkeys.mart.commits import Hashes, known_shas, unknown_deployed
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
        UsageError: a file is not there, or its name is no stream's.
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


@dataclass(frozen=True, slots=True)
class Night:
    """One run.

    Attributes:
        open_warehouse: opens it; it is open only while it is read or written, not while a source is.
        config: of the company.
        environment: has the secrets.
        window: that is read; empty: from the watermarks on.
        out: folder for the CSV files, one below it for each source.
        now: the time that the figures are of.
        report: takes lines of progress.
    """

    open_warehouse: Opener
    config: Config
    environment: Mapping[str, str]
    window: Window
    out: Path
    now: datetime
    report: Report

    def errand(self, out: Path) -> Errand:
        """Return what a source is asked for, into a folder."""
        with self.open_warehouse() as warehouse:
            watermarks = warehouse.watermarks() if self.window.since is None else {}
        return Errand(self.config, self.environment, out, self.report, self.window, watermarks)

    def load(self, out: Path, before: bytes = b"") -> None:
        """Load what a source left, unless its manifest is as *before*: one that failed at once left nothing new."""
        if any(out.glob("*.csv")) and (not before or _manifest(out) != before):
            with self.open_warehouse() as warehouse:
                load(warehouse, [out], self.report)


def run(night: Night, step: Step = nullcontext) -> None:
    """Extract what the catalog names, load it, build the mart; what could be done is done before an error is raised.

    A source that fails stops no other. *step* is entered for `extract.<source>` and `build`, and sees their errors.

    Raises:
        PartialError: a source or a part of it failed; the rest is loaded and built.
        FourkeysError: the only source failed.
    """
    sources = extraction.configured(night.config, night.environment)
    failed: dict[str, FourkeysError] = {}
    for name in sources:
        out = night.out / name
        before = _manifest(out)
        try:
            with step(f"extract.{name}"):
                _extract(name, night.errand(out), night.open_warehouse)
        except FourkeysError as error:
            failed[name] = error
            night.load(out, before)
        else:
            night.load(out)
    if "ghes" in sources and "ghes" not in failed:
        _read_deployed(night, night.out / "ghes-deployed")
    with step("build"), night.open_warehouse() as warehouse:
        linked = build(warehouse, night.config, night.now)
    night.report(built(linked, night.config))
    if failed and len(failed) == len(sources) == 1:
        raise next(iter(failed.values()))
    if failed:
        said = "; ".join(f"{name}: {error.message}" for name, error in failed.items())
        raise PartialError(said, next(error.hint for error in failed.values()))


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
        return Hashes(known_shas(warehouse)).resolve


def _read_deployed(night: Night, out: Path) -> None:
    """Read and load the ancestry of deployed commits that are not known; what fails is only reported."""
    before = _manifest(out)
    try:
        found = extract_deployed(night, out)
    except FourkeysError as error:
        night.report(f"deployed commits that are not known could not all be read: {error.message}")
        night.load(out, before)
    else:
        if found:
            night.load(out)


def extract_deployed(night: Night, out: Path) -> bool:
    """Read the ancestry of commits that were deployed and that GHES was not asked for: branches never merged.

    Of deployments in the window; as everywhere, a window with a beginning moves no watermark.

    Returns:
        Whether there was anything to read.

    Raises:
        FourkeysError: as `extraction.ghes` does.
    """
    with night.open_warehouse() as warehouse:
        prepare(warehouse, night.config, night.now)
        roots = unknown_deployed(warehouse, night.window)
    if roots:
        extraction.ghes(night.errand(out), [STREAMS["ghes_commits"]], list(roots), roots=roots)
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


def _manifest(out: Path) -> bytes:
    """Return the manifest in a folder as it stands there; empty where there is none."""
    file = out / MANIFEST
    return file.read_bytes() if file.is_file() else b""


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
                if not file.exists():
                    hint = "give CSV files, or the folder that `fourkeys extract --out` wrote"
                    raise UsageError(f"{file}: no such file or folder", hint) from None
                raise UsageError(f"{file}: {error.message}", f"name it <stream>.csv; {error.hint}") from None


def built(linked: Linked, config: Config) -> str:
    """Say what a build did."""
    if not config.services:
        return "build: no services, so nothing is counted: write [[services]], or let `fourkeys init` guess them"
    return f"build: {linked.deployments} deployments of {len(config.services)} services, {linked.new} linked now"

"""Commands that change the warehouse: load, build, run, demo."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fourkeys import config, pipeline
from fourkeys.cli import _common
from fourkeys.cli._common import ConfigFile, Quiet, Since, Until
from fourkeys.errors import UsageError
from fourkeys.window import utc_now


def load(
    paths: Annotated[list[Path] | None, typer.Argument(help="CSV files, or folders of them [default: .]")] = None,
    via: Annotated[
        str | None, typer.Option(help="For BigQuery: gs://bucket/prefix that the files pass through.")
    ] = None,
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Merge CSV files into the warehouse, by key; loading twice changes nothing."""
    settings = config.load(config_file)
    if via:
        warehouse_settings = msgspec.structs.replace(settings.warehouse, via=via)
        settings = msgspec.structs.replace(settings, warehouse=warehouse_settings)
    with _common.warehouse(settings) as warehouse:
        pipeline.load(warehouse, paths or [Path()], _common.hush if quiet else _common.say)


def build(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="For BigQuery: write nothing; print every statement and the bytes that it would read."
        ),
    ] = False,
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Link commits to deployments, and create or replace the views."""
    settings = config.load(config_file)
    if dry_run:
        _rehearse(settings)
        return
    say = _common.hush if quiet else _common.say
    with _common.warehouse(settings) as warehouse:
        linked = pipeline.build(warehouse, settings, utc_now())
    say(pipeline.built(linked, settings))


def _rehearse(settings: config.Config) -> None:
    """Print every statement of a build as it would be sent now."""
    if not settings.warehouse.url.startswith("bigquery://"):
        raise UsageError("--dry-run is for BigQuery", "a build of a DuckDB file costs nothing: build a copy of it")
    rehearsal = _common.bigquery().rehearse(settings.warehouse, utc_now, print)
    try:
        pipeline.build(rehearsal, settings, utc_now())
    finally:
        rehearsal.close()


def run(
    since: Since = None,
    until: Until = None,
    out: Annotated[
        Path, typer.Option(help="Where the CSV files go; each source has a folder in it.", file_okay=False)
    ] = Path("fourkeys-data"),
    openlineage: Annotated[
        Path | None, typer.Option(help="Append OpenLineage events of each step to this file.", dir_okay=False)
    ] = None,
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Extract, load and build: the nightly job. It may be run again at will."""
    settings = config.load(config_file)
    say = _common.hush if quiet else _common.say
    window = _common.window(settings, since, until)
    night = pipeline.Night(lambda: _common.warehouse(settings), settings, os.environ, window, out, utc_now(), say)
    pipeline.run(night, _told(settings, openlineage))


def _told(settings: config.Config, file: Path | None) -> pipeline.Step:
    """Return what tells the steps of a run to a file and to a lineage server, where there are some."""
    url = settings.lineage.openlineage_url
    if not (file or url):
        return nullcontext
    from fourkeys import openlineage  # noqa: PLC0415 - few are told

    emits = [openlineage.to_file(file)] if file else []
    if url:
        emits.append(openlineage.to_server(url, os.environ.get(settings.lineage.key_env), _common.say))
    return openlineage.Events(settings.lineage.namespace, emits, utc_now).step


def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where its files go.", file_okay=False)] = Path(
        "fourkeys-demo"
    ),
    quiet: Quiet = False,
) -> None:
    """Run the real pipeline on a simulated company, offline, and compare with what the simulation knows."""
    from fourkeys.cli._demo import play  # noqa: PLC0415 - the sandbox's servers are nobody else's business

    play(directory, _common.hush if quiet else _common.say)

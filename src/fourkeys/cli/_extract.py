"""`fourkeys extract SOURCE`: from an outside system to CSV."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from fourkeys import config, pipeline
from fourkeys.cli import _common
from fourkeys.cli._common import ConfigFile, Quiet, Since, Until
from fourkeys.errors import UsageError
from fourkeys.streams import STREAMS, stream
from fourkeys.window import Watermark

app = typer.Typer(help="Read an outside system and write CSV.", no_args_is_help=True)

Out = Annotated[str, typer.Option(help="Folder for the CSV files, or - for stdout (one stream).")]


@app.callback()
def root() -> None:
    """Read an outside system and write CSV."""


@app.command()
def ghes(
    streams: Annotated[
        list[str] | None, typer.Argument(help="Streams, such as issues or pulls; `all` [default: what the mart needs].")
    ] = None,
    repo: Annotated[list[str] | None, typer.Option(help="Repositories as OWNER/NAME [default: the catalog's].")] = None,
    org: Annotated[list[str] | None, typer.Option(help="All repositories of these organizations.")] = None,
    since: Since = None,
    until: Until = None,
    out: Out = "fourkeys-data/ghes",
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Read GitHub Enterprise Server; GITHUB_API_URL and GITHUB_API_TOKEN are enough, no file is needed."""
    settings = config.load(config_file)
    names = streams or list(pipeline.NEEDED)
    chosen = (
        tuple(each for each in STREAMS.values() if each.source == "ghes")
        if names == ["all"]
        else tuple(dict.fromkeys(stream(name) for name in names))
    )
    if wrong := [each.name for each in chosen if each.source != "ghes"]:
        raise UsageError(f"{wrong[0]} is no stream of GHES", "`fourkeys schema` lists all streams")
    if out == "-" and len(chosen) != 1:
        raise UsageError(f"--out - takes one stream, not {len(chosen)}", "name one stream, or give a folder")
    window = _common.window(settings, since, until)
    pipeline.extract_ghes(
        settings,
        os.environ,
        chosen,
        tuple(repo or ()),
        tuple(org or ()),
        window,
        _stored(settings) if window.since is None else {},
        sys.stdout.buffer if out == "-" else Path(out),
        _common.hush if quiet else _common.say,
    )


def _stored(settings: config.Config) -> dict[tuple[str, str], Watermark]:
    """Return the watermarks of the configured warehouse; none where there is no warehouse yet."""
    if not _common.has_warehouse(settings):
        return {}
    with _common.warehouse(settings, read_only=True) as warehouse:
        return warehouse.watermarks()

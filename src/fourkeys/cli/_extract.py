"""`fourkeys extract SOURCE`: from an outside system to CSV."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from fourkeys import config, extraction, pipeline
from fourkeys.catalog import needed
from fourkeys.cli import _common
from fourkeys.cli._common import ConfigFile, Quiet, Since, Until
from fourkeys.errors import UsageError
from fourkeys.streams import STREAMS, Stream, stream
from fourkeys.window import Watermark, utc_now

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
    with_emails: Annotated[bool, typer.Option("--with-emails", help="Write e-mail addresses too.")] = False,
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help="Keyed hashes for people; the key is in FOURKEYS_HASH_KEY.")
    ] = False,
    detail: Annotated[bool, typer.Option("--detail", help="Users with their profiles: a request for each.")] = False,
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Read GitHub Enterprise Server; GITHUB_API_URL and GITHUB_API_TOKEN are enough, no file is needed."""
    settings = config.load(config_file)
    chosen = _chosen(streams) or needed(settings.services)
    if out == "-" and len(chosen) != 1:
        raise UsageError(f"--out - takes one stream, not {len(chosen)}", "name one stream, or give a folder")
    people = extraction.People(with_emails, pseudonymise, detail)
    extraction.ghes(_errand(settings, since, until, out, quiet), chosen, repo or (), org or (), people)


@app.command()
def heroku(
    app_names: Annotated[list[str] | None, typer.Option("--app", help="Apps [default: the catalog's].")] = None,
    since: Since = None,
    until: Until = None,
    out: Out = "fourkeys-data/heroku",
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Read the releases of Heroku apps; HEROKU_API_KEY holds the key."""
    settings = config.load(config_file)
    errand, known = _errand(settings, since, until, out, quiet), None
    if _common.has_warehouse(settings):
        known = pipeline.known_commits(lambda: _common.warehouse(settings, read_only=True))
    extraction.heroku(errand, app_names or (), known)


@app.command()
def incidents(
    streams: Annotated[list[str] | None, typer.Argument(help="incidents, incident_events [default: both].")] = None,
    since: Since = None,
    until: Until = None,
    out: Out = "fourkeys-data/incidents",
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Read the incident bot's database; INCIDENT_DATABASE_URL holds its address."""
    settings = config.load(config_file)
    chosen = [stream(name) for name in streams or (["incidents"] if out == "-" else [])]
    if wrong := [each.name for each in chosen if each.source != "incidents"]:
        raise UsageError(f"{wrong[0]} is no stream of the incident bot", "they are incidents and incident_events")
    extraction.incidents(_errand(settings, since, until, out, quiet), chosen)


@app.command()
def requests(
    files: Annotated[
        list[str] | None, typer.Argument(help="Log files, globs, or - for stdin [default: the configured ones].")
    ] = None,
    log_format: Annotated[
        Literal["ndjson", "csv", "combined"] | None, typer.Option("--format", help="Format [default: it is seen].")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Service of logs that do not name it.")] = None,
    since: Since = None,
    until: Until = None,
    out: Out = "fourkeys-data/requests",
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Count requests in log files, plain or gzip; a minute that is counted again replaces what is stored of it."""
    settings = config.load(config_file)
    extraction.requests(_errand(settings, since, until, out, quiet), files or (), log_format, service)


@app.command()
def deployed(
    since: Since = None,
    until: Until = None,
    out: Annotated[Path, typer.Option(help="Folder for the CSV files.", file_okay=False)] = Path(
        "fourkeys-data/ghes-deployed"
    ),
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Read from GHES the ancestry of deployed commits that are not loaded yet; between `load` and `build`."""
    settings = config.load(config_file)
    window, now, say = _common.window(settings, since, until), utc_now(), _common.hush if quiet else _common.say
    night = pipeline.Night(lambda: _common.warehouse(settings), settings, os.environ, window, out, now, say)
    if not pipeline.extract_deployed(night, out):
        say("every deployed commit is known")


def _chosen(names: Sequence[str] | None) -> tuple[Stream, ...]:
    """Return the streams of GHES that are asked for; none where nothing is."""
    if list(names or ()) == ["all"]:
        return tuple(each for each in STREAMS.values() if each.source == "ghes")
    chosen = tuple(dict.fromkeys(stream(name) for name in names or ()))
    if wrong := [each.name for each in chosen if each.source != "ghes"]:
        raise UsageError(f"{wrong[0]} is no stream of GHES", "`fourkeys schema` lists all streams")
    return chosen


def _errand(settings: config.Config, since: str | None, until: str | None, out: str, quiet: bool) -> extraction.Errand:
    """Return what a source is told; without `--since`, what is stored decides where it begins."""
    window = _common.window(settings, since, until)
    return extraction.Errand(
        settings,
        os.environ,
        sys.stdout.buffer if out == "-" else Path(out),
        _common.hush if quiet else _common.say,
        window,
        _stored(settings) if window.since is None else {},
    )


def _stored(settings: config.Config) -> dict[tuple[str, str], Watermark]:
    """Return the watermarks of the configured warehouse; none where there is no warehouse yet."""
    if not _common.has_warehouse(settings):
        return {}
    with _common.warehouse(settings, read_only=True) as warehouse:
        return warehouse.watermarks()

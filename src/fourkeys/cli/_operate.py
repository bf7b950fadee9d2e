"""Commands for those who operate it: init, doctor, sources."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from fourkeys import config, extraction
from fourkeys.cli import _common
from fourkeys.cli._common import ConfigFile, Quiet
from fourkeys.errors import ConfigError, FileError, UsageError
from fourkeys.window import utc_now


def init(
    org: Annotated[list[str] | None, typer.Option(help="Organizations [default: all that the token sees].")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    config_file: Annotated[
        Path, typer.Option("--config", help="Where it goes.", envvar="FOURKEYS_CONFIG", dir_okay=False)
    ] = Path("fourkeys.toml"),
    quiet: Quiet = False,
) -> None:
    """Write a commented fourkeys.toml: a guess for each repository that the token sees; a template without a token."""
    from fourkeys import starter  # noqa: PLC0415 - only this command writes one

    if config_file.exists() and not force:
        raise UsageError(f"{config_file} is there already", "look at it, or write over it with --force")
    settings = config.parse({}, os.environ).sources.ghes
    found = extraction.survey(settings, os.environ, org or ()) if settings.url else []
    if org and not settings.url:
        raise ConfigError("no address of a GitHub Enterprise Server", "set GITHUB_API_URL=https://HOST/api/v3")
    text = starter.write(settings.url, _timezone(), found, utc_now())
    try:
        config_file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{config_file}: {error.strerror}", "give another place with --config") from None
    services = len(config.load(config_file, {}).services)
    if quiet:
        return
    if found:
        _common.say(f"{config_file}: {services} services, guessed from {len(found)} repositories; look at them")
    else:
        _common.say(f"{config_file}: a template: without GITHUB_API_URL and GITHUB_API_TOKEN no repository is seen")
    _common.say("then: fourkeys doctor, and fourkeys run")


def _timezone() -> str:
    """Return the IANA name of this machine's zone, or UTC."""
    candidates = [os.environ.get("TZ", "").lstrip(":"), str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]]
    for name in filter(None, candidates):
        try:
            return ZoneInfo(name).key
        except (OSError, ValueError, KeyError):
            continue
    return "UTC"


def sources(config_file: ConfigFile = None) -> None:
    """List the sources that are configured, one a line, in the order in which `run` reads them."""
    for name in extraction.configured(config.load(config_file), os.environ):
        typer.echo(name)

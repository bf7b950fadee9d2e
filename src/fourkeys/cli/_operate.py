"""Commands for those who operate it: init, doctor, sources."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from fourkeys import config, extraction, pipeline
from fourkeys.cli import _common
from fourkeys.cli._common import ConfigFile, Quiet
from fourkeys.errors import ConfigError, FileError, UsageError
from fourkeys.window import utc_now

if TYPE_CHECKING:
    from fourkeys.doctor import Check
    from fourkeys.warehouses.base import Warehouse


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


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    out: Annotated[Path, typer.Option(help="Where the CSV files go: its disk is looked at.", file_okay=False)] = Path(
        "fourkeys-data"
    ),
    config_file: ConfigFile = None,
) -> None:
    """Check all that a run needs: configuration, tokens, servers, database, warehouse, data, disk; exit 1 on a fail."""
    from fourkeys.doctor import examine, failed  # noqa: PLC0415 - no other command looks everywhere

    try:
        settings = config.load(config_file)
    except ConfigError as error:
        checks: Iterable[Check] = [failed("configuration", error)]
    else:
        checks = examine(
            settings,
            os.environ,
            utc_now(),
            out,
            lambda read_only: _common.warehouse(settings, read_only=read_only),
            lambda: _verify(settings),
        )
    found = []
    for check in checks:
        found.append(check)
        if not as_json:
            typer.echo(f"{check.state:<4}  {check.name}: {check.reason}")
            if check.fix and check.state != "ok":
                typer.echo(f"      try: {check.fix}")
    if as_json:
        document = [
            {"check": each.name, "state": each.state, "reason": each.reason, "fix": each.fix or None} for each in found
        ]
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    if any(check.state == "fail" for check in found):
        raise typer.Exit(1)


def _verify(settings: config.Config) -> Iterator[tuple[str, str, bool]]:
    """Let BigQuery say of each statement what it is, why it is refused, and whether it only waits for a table."""

    def build(warehouse: Warehouse) -> object:
        return pipeline.build(warehouse, settings, utc_now())

    for step in _common.bigquery().verify(settings.warehouse, utc_now, build):
        yield step.text, step.refusal.message if step.refusal else "", step.waits


def sources(config_file: ConfigFile = None) -> None:
    """List the sources that are configured, one a line, in the order in which `run` reads them."""
    for name in extraction.configured(config.load(config_file), os.environ):
        typer.echo(name)

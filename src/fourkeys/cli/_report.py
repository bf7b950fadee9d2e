"""The dashboards: `report`, and `dashboard link`."""

from __future__ import annotations

import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fourkeys import config
from fourkeys.cli import _common
from fourkeys.cli._common import ConfigFile, Quiet
from fourkeys.errors import FileError, UsageError
from fourkeys.window import utc_now

dashboard = typer.Typer(help="The dashboard in Data Studio.", no_args_is_help=True)


class Language(StrEnum):
    """The languages of the page."""

    EN = "en"
    JA = "ja"


def report(
    out: Annotated[Path, typer.Option(help="Where the page goes.", dir_okay=False)] = Path("fourkeys-report.html"),
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    language: Annotated[Language, typer.Option("--lang", help="Of the words on the page.")] = Language.EN,
    start: Annotated[str | None, typer.Option("--from", help="First local day of the period to show first.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Day after its last [default: today].")] = None,
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Write the dashboard as one HTML file that works offline: figures, trends, and the rows behind them."""
    from fourkeys.report import write_report  # noqa: PLC0415 - no other command draws a page

    settings, now = config.load(config_file), utc_now()
    first, last = _common.day(start, "--from"), _common.day(end, "--to")
    last = last or now.astimezone(settings.metrics.zone).date()
    if end and not first:
        raise UsageError("--to needs --from", "a period has a first day")
    if first and first >= last:
        raise UsageError(f"--from {first} is not before --to {last}", "--to is the day after the last one")
    period = (first, last) if first else None
    with _common.warehouse(settings, read_only=True) as warehouse:
        try:
            size = write_report(warehouse, settings, now, out, language=language.value, period=period)
        except OSError as error:
            raise FileError(f"{out}: {error.strerror}", "give a place that can be written with --out") from None
    if not quiet:
        _common.say(f"{out}: {size / 1000:,.0f} kB; it needs no network")
    if show:
        webbrowser.open(out.absolute().as_uri())


@dashboard.command("link")
def dashboard_link(
    name: Annotated[str, typer.Option(help="What the report is called.")] = "Four keys",
    config_file: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Print the link that makes the report in Data Studio (formerly Looker Studio) over this warehouse."""
    from fourkeys.datastudio import link  # noqa: PLC0415 - as above

    found = link(config.load(config_file), name)
    typer.echo(found.url)
    for note in () if quiet else found.notes:
        _common.say(note)

"""The application and its commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

import typer

from fourkeys import __version__
from fourkeys.cli import _extract, _lineage, _operate, _read, _report, _schema, _write

app = typer.Typer(
    name="fourkeys",
    help="The four keys of software delivery, from what engineers leave behind: extract, load, build, read.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"fourkeys {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """The four keys of software delivery, from what engineers leave behind: extract, load, build, read."""


app.add_typer(_extract.app, name="extract")
app.add_typer(_report.dashboard, name="dashboard")
for _command in (
    _operate.init,
    _operate.doctor,
    _write.load,
    _write.build,
    _write.run,
    _read.metrics,
    _read.explain,
    _report.report,
    _read.check,
    _read.status,
    _operate.sources,
    _schema.schema,
    _lineage.lineage,
    _write.demo,
):
    app.command()(cast("Callable[..., None]", _command))

"""The application and its commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

import typer

from fourkeys import __version__
from fourkeys.cli import _extract, _lineage, _operate, _read, _report, _schema, _write
from fourkeys.cli._examples import epilog

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
    app.command(epilog=epilog(_command.__name__))(cast("Callable[..., None]", _command))
for _name, _group in (("extract", _extract.app), ("dashboard", _report.dashboard)):
    for _info in _group.registered_commands:
        _info.epilog = epilog(f"{_name} {_info.name or getattr(_info.callback, '__name__', '')}")
    app.add_typer(_group, name=_name)

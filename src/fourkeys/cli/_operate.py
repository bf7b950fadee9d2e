"""Commands for those who operate it: sources."""

from __future__ import annotations

import os

import typer

from fourkeys import config, extraction
from fourkeys.cli._common import ConfigFile


def sources(config_file: ConfigFile = None) -> None:
    """List the sources that are configured, one a line, in the order in which `run` reads them."""
    for name in extraction.configured(config.load(config_file), os.environ):
        typer.echo(name)

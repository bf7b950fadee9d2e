"""The program in this process, for tests that call it often: most of a new one's time goes into its start."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

from fourkeys import cli

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Done(NamedTuple):
    """What a command ended with."""

    returncode: int
    stdout: str
    stderr: str


def fourkeys(place: Path, *arguments: str, environment: Mapping[str, str]) -> Done:
    """Run `fourkeys` in a folder, with *environment* besides what is set."""
    out, err, code, mask = io.StringIO(newline=""), io.StringIO(newline=""), 0, os.umask(0o077)
    with (
        contextlib.chdir(place), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
        mock.patch.dict(os.environ, environment), mock.patch.object(sys, "argv", ["fourkeys", *arguments]),
    ):  # fmt: skip
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            os.umask(mask)
    return Done(code, out.getvalue(), err.getvalue())

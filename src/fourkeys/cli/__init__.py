"""The command line: parse, call, print. The composition root: it alone builds clocks, clients and warehouses."""

from __future__ import annotations

import os
import sys

from fourkeys.cli._app import app
from fourkeys.errors import FourkeysError


def main() -> None:
    """Run `fourkeys`; every error that is raised on purpose ends as one message and its exit code."""
    try:
        app(prog_name="fourkeys", standalone_mode=True)
    except FourkeysError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  try: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted: what was written stays; run the command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away; leave quietly, and keep the interpreter from flushing into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


__all__ = ["main"]

"""The command line: parse, call, print. The composition root: it alone builds clocks, clients and warehouses."""

from __future__ import annotations

import gc
import os
import sys

from fourkeys.cli._app import app
from fourkeys.cli._common import say
from fourkeys.errors import FourkeysError

_INTERRUPTED = 130
_OTHERS = 0o077
"""What other users of the machine may do with files that fourkeys makes: nothing."""
_COLLECT_AFTER = 50_000
"""New containers between two looks for cycles: rows make none, and looking costs a tenth of an extraction."""


def main() -> None:
    """Run `fourkeys`; every error that is raised on purpose ends as one message and its exit code."""
    os.umask(os.umask(0) | _OTHERS)
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        app(prog_name="fourkeys", standalone_mode=True)
    except FourkeysError as error:
        say(f"error: {error.message}")
        if error.hint:
            say(f"  try: {error.hint}")
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != _INTERRUPTED:  # which typer makes of the other
            raise
        say("interrupted: what was written stays; run the command again to go on")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away; leave quietly, and keep the interpreter from flushing into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


__all__ = ["main"]

"""Where Chromium is, and how it is started: without a network of its own."""

from __future__ import annotations

import os
import shutil

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def executable() -> str | None:
    """Return Chromium from $FOURKEYS_CHROMIUM or the path; None where there is none."""
    return os.environ.get("FOURKEYS_CHROMIUM") or shutil.which("chromium")

"""The Cloud SDK's `bq`, on a server that is not Google's, as nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from fourkeys.cli import _loaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fourkeys.streams import Stream

BQ = shutil.which("bq")


def missing() -> str | None:
    """Return why `bq` cannot run here; None where it can."""
    if BQ is None:
        return "needs the Cloud SDK's bq"
    return None if _described().exists() else "this bq brings no description of the API, and would ask Google for it"


def load(address: str, project: str, dataset: str, files: Iterable[tuple[Stream, Path]], folder: Path) -> list[str]:
    """Load files with `bq load` and the printed schemas, as docs/bigquery.md says, and return what went wrong.

    Args:
        address: of the server.
        project: where the dataset is.
        dataset: gets a table per stream.
        files: what is loaded.
        folder: for schemas and bq's own settings.
    """
    commands = []
    for stream, file in files:
        schema = folder / f"{stream.name}.json"
        schema.write_text(_loaders.bigquery([stream]))
        commands.append(f"load --source_format=CSV --skip_leading_rows=1 --allow_quoted_newlines --replace "
                        f"{dataset}.{stream.name} {file} {schema}")  # fmt: skip
    (folder / "token").write_text("none")
    names = {"CLOUDSDK_CONFIG": str(folder), "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(folder / "token")}
    flags = [
        "--bigqueryrc=/dev/null",
        f"--discovery_file={_described()}",
        f"--api={address}",
        f"--project_id={project}",
    ]
    done = subprocess.run(
        [str(BQ), *flags, "shell", "--prompt", ""], input="\n".join([*commands, "exit", ""]), env=os.environ | names,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if "rror" in line]
    return said if said or done.returncode == 0 else [f"bq ended with {done.returncode}: {done.stderr[-1000:]}"]


def _described() -> Path:
    """Return where bq keeps its own copy of the API's description."""
    return Path(BQ or "").resolve().parents[1] / "platform" / "bq" / "discovery_next" / "bigquery.json"

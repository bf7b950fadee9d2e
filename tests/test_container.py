"""The Dockerfile: what the house wants of it; what hadolint thinks of it, `make lint` says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STEPS = [tuple(line.split(maxsplit=1)) for line in TEXT.splitlines() if line and not line.startswith("#")]


def arguments(word: str) -> list[str]:
    """Return the arguments of every instruction *word*."""
    return [rest for name, rest in STEPS if name == word]


def test_it_runs_as_nobody_in_particular() -> None:
    """The last stage's user is a number, not root, and what comes from the first stage is the environment alone."""
    assert ["10001"] == arguments("USER")
    assert ["--from=build"] == [rest.split()[0] for rest in arguments("COPY") if rest.startswith("--")]
    assert ['["fourkeys"]'] == arguments("ENTRYPOINT")


def test_it_names_no_address() -> None:
    """Official images by name and tag, no registry and no download."""
    assert {"python:3.11-slim"} == {rest.split()[0] for rest in arguments("FROM")}
    assert [] == re.findall(r"\S+://\S+|curl|wget", TEXT)


def test_what_is_copied_is_there_and_let_through() -> None:
    """Every file that is copied exists, .dockerignore lets exactly these through, and the extras are ours."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = {name for rest in arguments("COPY") if not rest.startswith("--") for name in rest.split()[:-1]}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert "*" in ignore
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied
    assert set() == {name for name in copied if not (ROOT / name).exists()}
    assert set(arguments("ARG")[0].partition("=")[2].split(",")) == set(extras)

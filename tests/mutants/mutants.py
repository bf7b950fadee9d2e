"""Deliberate mistakes in SQL and code, each of which a test must notice: `make mutants`.

The mistakes are in `mutants.yaml`. Each is made in a copy of the repository, never in the working tree; chosen tests
run there until one fails. A mistake that none notices has survived: a scenario is missing. What was noticed by which
test is written to `results.md`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COPIED = ("src", "sql", "tests", "dashboards", "pyproject.toml")
LINKING = ("tests/test_link.py", "tests/test_linking.py")
LOADING = ("tests/test_load.py", "tests/test_googlesql.py")
VIEWS = ("tests/golden/test_golden.py", "tests/test_explain.py", "tests/test_overrides.py", "tests/test_metrics.py")
FIRST = {"src/fourkeys/mart/link": LINKING, "src/fourkeys/warehouses": LOADING}
"""The tests that are nearest to a file run first; the others follow while none fails."""


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Attributes:
        mistake: what is wrong, in one line.
        file: path in the repository.
        replace: text that occurs once in it.
        wrong: text that stands there instead.
    """

    mistake: str
    file: str
    replace: str
    wrong: str

    def found(self, root: Path) -> int:
        """Return how often the text occurs."""
        return (root / self.file).read_text(encoding="utf-8").count(self.replace)

    @contextmanager
    def made(self, root: Path) -> Iterator[None]:
        """Make the mistake in the copy at *root*, and mend it afterwards."""
        file = root / self.file
        right = file.read_text(encoding="utf-8")
        file.write_text(right.replace(self.replace, self.wrong), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(right, encoding="utf-8")


NO_MISTAKE = Mutant("none", "pyproject.toml", "", "")


def mutants() -> list[Mutant]:
    """Read the list."""
    rows = yaml.safe_load((HERE / "mutants.yaml").read_text(encoding="utf-8"))
    return [Mutant(row["mistake"], row["file"], row["replace"], row["with"]) for row in rows]


def noticed(mutant: Mutant, root: Path) -> str:
    """Return the test that notices the mistake, and what it says; empty where none does.

    Raises:
        RuntimeError: a test broke rather than failed: that is no mistake that looks right.
    """
    near = next((tests for start, tests in FIRST.items() if mutant.file.startswith(start)), ())
    tests = [*near, *(test for test in (*VIEWS, *LINKING, *LOADING) if test not in near)]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    with mutant.made(root):
        done = subprocess.run(
            [*command, *tests], cwd=root, env=environment, capture_output=True, text=True, timeout=1200, check=False
        )
    failed = re.search(r"^FAILED tests/(\S+?\.py::\w+)\S* - (.*)", done.stdout, re.MULTILINE)
    if not done.returncode:
        return ""
    if not failed or not failed[2].startswith(("AssertionError", "assert", "Failed: DID NOT RAISE")):
        raise RuntimeError(f"{mutant.mistake}: it broke: {failed[0] if failed else done.stdout[-2000:] + done.stderr}")
    scenario = re.match(r"AssertionError: ([\w-]+ \w+)$", failed[2])
    return f"`{failed[1]}`" + (f": {scenario[1]}" if scenario else "")


def run(chosen: list[Mutant], jobs: int) -> dict[str, str]:
    """Return who noticed each mistake; that nobody finds one where there is none is tried as well."""
    places: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        for n in range(jobs):
            places.put(_copy(Path(folder) / str(n)))

        def each(mutant: Mutant) -> str:
            place, begin = places.get(), time.monotonic()
            try:
                found = noticed(mutant, place)
            except RuntimeError as error:
                found = f"broken: {error}"
            finally:
                places.put(place)
            print(f"{time.monotonic() - begin:5.0f} s  {mutant.mistake}: {found or 'SURVIVED'}", flush=True)  # noqa: T201
            return found

        return dict(zip([m.mistake for m in chosen], pool.map(each, chosen), strict=True))


def _copy(place: Path) -> Path:
    place.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place / name)
    return place


def report(found: dict[str, str]) -> str:
    """Write the table."""
    files = {mutant.mistake: mutant.file for mutant in mutants()}
    rows = [f"| {n} | {m} | {files[m]} | {found[m] or '**nobody**'} |" for n, m in enumerate(found, 1)]
    caught = sum(bool(who) for who in found.values())
    head = (
        "# Mutants\n"
        f"{len(found)} deliberate mistakes, {caught} noticed, {len(found) - caught} survived. "
        "Written by `make mutants` from [mutants.yaml](mutants.yaml).\n"
        "The test that is named is the first one that failed, with the scenario and the figure where there is one.\n\n"
        "| | mistake | in | noticed by |\n| --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def main() -> int:
    """Make every mistake, or those whose words are given; the table is written when all were made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mistakes that hold one of these words")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    everything = mutants()
    if lost := [mutant for mutant in everything if mutant.found(ROOT) != 1]:
        for mutant in lost:
            print(f"{mutant.mistake}: its text occurs {mutant.found(ROOT)} times in {mutant.file}")  # noqa: T201
        return 2
    chosen = [m for m in everything if not options.words or any(word in m.mistake for word in options.words)]
    found = run([NO_MISTAKE, *chosen] if not options.words else chosen, options.jobs)
    wrong = found.pop("none", "")
    if wrong:
        print(f"the tests fail without a mistake: {wrong}")  # noqa: T201
    elif not options.words:
        (HERE / "results.md").write_text(report(found), encoding="utf-8")
    return int(bool(wrong) or not all(found.values()) or any(who.startswith("broken") for who in found.values()))


if __name__ == "__main__":
    sys.exit(main())

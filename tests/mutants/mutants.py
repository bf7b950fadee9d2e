"""Deliberate mistakes in SQL and code, each of which a test must notice: `make mutants`.

The mistakes are in `mutants.yaml`. Each is made in a copy of the repository, never in the working tree. A mistake in a
view is shown to the golden scenarios in this process, where all other views are translated already: first to the one
that is named, then to all of them, side by side. What none of them notices, and every mistake in code, goes to chosen
tests until one fails. What nothing notices has survived: a scenario is missing. Who noticed what is in `results.md`.
Without a mistake all tests must pass.
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
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import yaml

from fourkeys.mart import views

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.md"
COPIED = ("src", "sql", "tests", "dashboards", "pyproject.toml")
LINKING = ("tests/test_link.py", "tests/test_linking.py")
LOADING = ("tests/test_load.py", "tests/test_googlesql.py")
READING = ("tests/test_metrics.py", "tests/test_explain.py", "tests/test_overrides.py", "tests/golden/test_golden.py",
           "tests/golden/test_nights.py")  # fmt: skip
NEAREST = {"src/fourkeys/mart/link": LINKING, "src/fourkeys/warehouses": LOADING}
"""The tests that are nearest to a file run first; the others follow while none fails."""


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Attributes:
        mistake: what is wrong, in one line.
        file: path in the repository.
        replace: text that occurs once in it.
        wrong: text that stands there instead.
        by: the golden scenario that is asked first.
    """

    mistake: str
    file: str
    replace: str
    wrong: str
    by: str | None

    def found(self) -> int:
        """Return how often the text occurs."""
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.replace)

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


class BrokenError(Exception):
    """A mistake that breaks a statement or a program: everybody would notice."""


class Worker:
    """A copy of the repository, and the scenarios that look at its views."""

    def __init__(self) -> None:
        sys.path.insert(0, str(ROOT / "tests" / "golden"))
        import test_golden  # noqa: PLC0415 - only here is it on the path

        self.golden = test_golden
        self.root = Path(tempfile.mkdtemp(prefix="mutants-"))
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.root / name)
        views.sql_folder = lambda: self.root / "sql"

    def noticed(self, mutant: Mutant) -> str:
        """Return who notices the mistake; empty where nobody does."""
        with mutant.made(self.root):
            found = self._by_scenarios(mutant) if mutant.file.startswith("sql/") else ""
            return found or self._by_tests(mutant)

    def _by_scenarios(self, mutant: Mutant) -> str:
        views.views.cache_clear()
        alone = True
        try:
            if mutant.by:
                self.golden.test_scenario(mutant.by, self._folder())
            alone = False
            self._side_by_side()
        except AssertionError as error:
            said = re.sub(r"^\('(\w+)'.*", r"rows of \1", str(error).splitlines()[0])
            return f"scenario {mutant.by}: {said}" if alone else f"scenarios side by side: {said}"
        except Exception as error:
            raise BrokenError(f"{type(error).__name__}: {error}") from error
        return ""

    def _side_by_side(self) -> None:
        for metrics in self.golden.groups(self.golden.SCENARIOS):
            self.golden.test_side_by_side(metrics, self._folder())

    def _by_tests(self, mutant: Mutant) -> str:
        """Show the mistake to the nearest tests, and to the others where these pass."""
        near = next((tests for start, tests in NEAREST.items() if mutant.file.startswith(start)), READING)
        far = tuple(test for test in (*READING, *LINKING, *LOADING) if test not in near)
        return self._first_failure(near) or self._first_failure(far)

    def _first_failure(self, tests: tuple[str, ...]) -> str:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
        environment = os.environ | {"PYTHONPATH": str(self.root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*command, *tests],
            cwd=self.root,
            env=environment | {"COLUMNS": "300"},
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            return ""
        failed = re.search(r"^FAILED tests/(\S+?\.py::\w+)(?:\[.*?\])? - (.*)", done.stdout, re.MULTILINE)
        if not failed or not failed[2].startswith(("AssertionError", "assert", "Failed: DID NOT RAISE")):
            raise BrokenError(failed[0] if failed else done.stdout[-1000:] + done.stderr[-1000:])
        return f"`{failed[1]}`"

    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.root))


_worker: list[Worker] = []


def start() -> None:
    """Make the worker of this process."""
    _worker.append(Worker())


def ask(mutant: Mutant) -> tuple[str, float]:
    """Return who notices a mistake, and the seconds that it took."""
    begin = time.monotonic()
    try:
        return _worker[0].noticed(mutant), time.monotonic() - begin
    except BrokenError as error:
        return f"**broken**: {error}", time.monotonic() - begin


def stop() -> None:
    """Remove the copy of this process."""
    shutil.rmtree(_worker[0].root)


def mutants() -> list[Mutant]:
    """Read the list."""
    rows = yaml.safe_load((HERE / "mutants.yaml").read_text(encoding="utf-8"))
    return [Mutant(row["mistake"], row["file"], row["replace"], row["with"], row.get("by")) for row in rows]


def run(chosen: list[Mutant], jobs: int) -> dict[str, str]:
    """Return who noticed each mistake."""
    found = {}
    with ProcessPoolExecutor(jobs, get_context("spawn"), start) as pool:
        asked = {pool.submit(ask, mutant): mutant for mutant in chosen}
        for answer in as_completed(asked):
            who, seconds = answer.result()
            found[asked[answer].mistake] = who
            print(f"{seconds:4.0f} s  {asked[answer].mistake}: {who or 'SURVIVED'}", flush=True)  # noqa: T201
        for _ in range(jobs):
            pool.submit(stop)
    return {mutant.mistake: found[mutant.mistake] for mutant in chosen}


def before() -> dict[str, str]:
    """Return who noticed each mistake in the run before."""
    if not RESULTS.exists():
        return {}
    rows = [
        line.split(" | ")
        for line in RESULTS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and line[2].isdigit()
    ]
    return {row[1]: who for row in rows if (who := row[3].removesuffix(" |")) != "not tried yet"}


def report(found: dict[str, str], everything: list[Mutant]) -> str:
    """Write the table."""
    who = {mutant.mistake: found.get(mutant.mistake, "not tried yet") or "**nobody**" for mutant in everything}
    rows = [
        f"| {n} | {mutant.mistake} | {mutant.file} | {who[mutant.mistake]} |" for n, mutant in enumerate(everything, 1)
    ]
    open_, missed = list(who.values()).count("not tried yet"), sum("**" in each for each in who.values())
    head = (
        "# Mutants\n"
        f"{len(rows)} deliberate mistakes: {len(rows) - missed - open_} noticed, {missed} not, {open_} not tried yet. "
        "Written by `make mutants` from [mutants.yaml](mutants.yaml).\n"
        "Named is the first scenario (with the figure) or test that noticed.\n\n"
        "| | mistake | in | noticed by |\n| --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def main() -> int:
    """Make every mistake, or those whose words are given; the rows of the others stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mistakes that hold one of these words")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    everything = mutants()
    if lost := [mutant for mutant in everything if mutant.found() != 1]:
        for mutant in lost:
            print(f"{mutant.mistake}: its text occurs {mutant.found()} times in {mutant.file}")  # noqa: T201
        return 2
    chosen = [m for m in everything if not options.words or any(word in m.mistake for word in options.words)]
    found = run(chosen, options.jobs)
    RESULTS.write_text(report(before() | found, everything), encoding="utf-8")
    return int(any(not who or "**" in who for who in found.values()))


if __name__ == "__main__":
    sys.exit(main())

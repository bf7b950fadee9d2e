"""The list of deliberate mistakes fits the code; `make mutants` makes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ROWS = yaml.safe_load(Path(__file__).with_name("mutants.yaml").read_text(encoding="utf-8"))


def test_every_text_occurs_once() -> None:
    """What a mistake replaces is still there, and nowhere else in its file."""
    places = {row["mistake"]: (ROOT / row["file"]).read_text(encoding="utf-8").count(row["replace"]) for row in ROWS}

    assert {} == {mistake: count for mistake, count in places.items() if count != 1}


def test_every_mistake_is_one() -> None:
    """No mistake stands twice, and each changes something."""
    assert [] == [name for name, count in Counter(row["mistake"] for row in ROWS).items() if count > 1]
    assert [] == [row["mistake"] for row in ROWS if row["replace"] == row["with"]]


def test_the_table_has_every_mistake() -> None:
    """The table of the last run is of this list, and none of its mistakes got past all tests."""
    table = Path(__file__).with_name("results.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ") and line[2].isdigit()]

    assert [row["mistake"] for row in ROWS] == [line.split(" | ")[1] for line in rows]
    assert [] == [line for line in rows if "**" in line]

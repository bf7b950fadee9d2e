"""Supply: what `make audit` notices, and what stands in `constraints.txt`."""

from __future__ import annotations

from email.message import Message

import audit
import minimum
import pytest


def test_pins_that_are_missing_idle_or_not_kept_are_named() -> None:
    """Each of the three is one line with the name; what fits is silent."""
    pinned, found = {"kept": "1", "idle": "2", "other": "3"}, {"kept": "1", "other": "4", "new": "5"}
    licences = audit.EXCEPTIONS | dict.fromkeys(found, "MIT")
    said = list(audit.findings(pinned, found, licences))

    assert ["new 5", "idle==2", "other 4"] == [
        " ".join(line.split()[:2]) if "==" not in line else line.split()[0] for line in said
    ]
    assert [] == list(audit.findings(found, found, licences))


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (True, "MIT"),
        (True, "(MIT OR GPL-3.0-only)"),
        (True, "BSD-3-Clause AND (Zlib)"),
        (False, "MIT AND GPL-3.0-only"),
        (False, "LGPL-3.0-only"),
        (False, "not said"),
    ],
)
def test_a_licence_is_permissive_in_all_its_parts(expected: bool, words: str) -> None:
    """OR leaves the choice, AND does not; what is not known is not permissive."""
    assert expected == audit.is_permissive(words)


def test_a_licence_that_nobody_decided_on_is_a_finding() -> None:
    """So is an exception that is not needed any more."""
    found = {"strange": "1"}

    assert ["strange: licence 'AGPL-3.0' is not known"] == [
        line[:40] for line in audit.findings(found, found, audit.EXCEPTIONS | {"strange": "AGPL-3.0"})
    ]
    assert len(audit.EXCEPTIONS) == len(list(audit.findings({}, {}, {})))


def test_a_licence_is_read_where_packages_say_it() -> None:
    """SPDX's expression first, then the licence in a word, then the classifier; a whole text is none."""
    said = Message()
    said["Classifier"] = "License :: OSI Approved :: MIT License"
    assert "MIT" == audit.licence("x", said)
    said["License"] = "All of the text\nover many lines"
    assert "MIT" == audit.licence("x", said)
    said["License-Expression"] = "Apache-2.0"
    assert "Apache-2.0" == audit.licence("x", said)
    assert "not said" == audit.licence("x", Message())


def test_pins_are_exact() -> None:
    """Each line is one name and one version, each name once."""
    lines = audit.CONSTRAINTS.read_text(encoding="utf-8").split()
    names = [line.split("==")[0] for line in lines]

    assert [] == [line for line in lines if line.count("==") != 1]
    assert len(names) == len({audit.name_of(name) for name in names})
    assert len(names) == len(audit.pins("\n".join(lines)))


def test_the_lowest_versions_are_those_of_all_that_users_install() -> None:
    """Lower bounds come from dependencies and extras; brackets and upper bounds are left aside."""
    text = """
        [project]
        dependencies = ["a>=1.4", "B_c>=0.19,<0.29"]
        [project.optional-dependencies]
        more = ["d[binary]>=3.2.1"]
    """

    assert {"a": "1.4", "b-c": "0.19", "d": "3.2.1"} == minimum.declared(text)
    with pytest.raises(SystemExit, match="'d' has no lower bound"):
        minimum.lowest(["d"])


def test_every_dependency_has_a_lower_bound() -> None:
    """So `make test-minimum` can test it; the pins of development are not below it."""
    lower = minimum.declared((minimum.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = audit.pins(audit.CONSTRAINTS.read_text(encoding="utf-8"))

    assert {"duckdb", "typer", "psycopg", "google-cloud-bigquery"} < set(lower)
    assert [] == [name for name in lower if _parts(pinned[name]) < _parts(lower[name])]


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]

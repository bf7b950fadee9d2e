"""Pseudonyms from end to end: with `pseudonymise = true`, nobody of the company is named in what is written."""

from __future__ import annotations

import base64
import csv
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from faulty import settings_of
from inprocess import fourkeys as run

from fourkeys.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fourkeys.sandbox.model import User

KEY = "a-key-of-the-test-alone"
SINCE = "2026-08-01"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company, with its incident bot."""
    with Sandbox(tmp_path_factory.mktemp("company"), sources=("incidents",)) as running:
        running.write_files()
        yield running


def fourkeys(place: Path, sandbox: Sandbox, *arguments: str, key: str = KEY) -> tuple[int, str]:
    """Run the program on the simulated company; returns its exit code and all that it said."""
    done = run(place, *arguments, environment=sandbox.environment | {"FOURKEYS_HASH_KEY": key})
    return done.returncode, done.stdout + done.stderr


def configured(place: Path, sandbox: Sandbox, *, pseudonymise: bool) -> Path:
    """Write the configuration of one service into a folder."""
    place.mkdir(exist_ok=True)
    text = settings_of(sandbox, ("shop",))
    switch = f"[sources.ghes]\npseudonymise = {str(pseudonymise).lower()}\n"
    (place / "fourkeys.toml").write_text(text.replace("[sources.ghes]\n", switch), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def place(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the nightly, all streams with e-mail addresses and profiles, and the report; all with pseudonyms."""
    place = configured(tmp_path_factory.mktemp("pseudonyms"), sandbox, pseudonymise=True)
    everything = ["all", "--repo", "acme/shop", "--with-emails", "--detail", "--since", SINCE, "--out", "all"]
    for command in (
        ["extract", "ghes", *everything],
        ["load", "all/ghes_users.csv", "all/ghes_commits.csv"],
        ["run", "--since", SINCE],
        ["report", "--out", "report.html"],
    ):
        code, said = fourkeys(place, sandbox, *command)
        assert 0 == code, said
    return place


def words_of(people: tuple[User, ...]) -> re.Pattern[str]:
    """Return what finds a login, a name or an e-mail address of somebody as a word."""
    words = {word for person in people for word in (person.login, person.name, person.email)}
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(words)))})(?!\w)", re.IGNORECASE)


def written(place: Path) -> Iterator[tuple[str, str]]:
    """Yield everything that was written, by where it is: files, rows of the warehouse, the page's packed data."""
    for file in (path for path in place.rglob("*") if path.is_file() and path.suffix in {".csv", ".json", ".html"}):
        yield file.relative_to(place).as_posix(), file.read_text(encoding="utf-8")
    page = (place / "report.html").read_text(encoding="utf-8")
    packed = re.search(r'<script type="application/gzip" id="data">([^<]*)</script>', page)
    assert packed
    yield "the report's data", gzip.decompress(base64.b64decode(packed[1])).decode()
    with duckdb.connect(str(place / "fourkeys.duckdb"), read_only=True) as warehouse:
        tables = "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        for schema, table in warehouse.sql(tables).fetchall():
            yield f"{schema}.{table}", repr(warehouse.table(f"{schema}.{table}").fetchall())


def test_nobody_is_named_in_anything_that_is_written(sandbox: Sandbox, place: Path) -> None:
    """Files, manifests, the warehouse's tables and the report name nobody, and the key is nowhere."""
    named, found = words_of(sandbox.company.people), dict(written(place))

    assert {"fourkeys-data/ghes/manifest.json", "all/ghes_users.csv", "raw.incident_events", "raw.ghes_commits"} <= set(
        found
    )
    assert {} == {where: match[0] for where, text in found.items() if (match := named.search(text))}
    assert not [where for where, text in found.items() if KEY in text]


def test_one_person_is_one_pseudonym_in_all_sources(sandbox: Sandbox, place: Path) -> None:
    """Who noted something on an incident has the pseudonym that their login has, and is among the users."""
    with duckdb.connect(str(place / "fourkeys.duckdb"), read_only=True) as warehouse:
        actors = {actor for (actor,) in warehouse.sql("select distinct actor from raw.incident_events").fetchall()}
        users = {login for (login,) in warehouse.sql("select login from raw.ghes_users").fetchall()}
        emails = {email for (email,) in warehouse.sql("select email from raw.ghes_users").fetchall()} - {None}

    assert 1 == len(actors)
    assert actors < users
    assert len(emails) > 5
    assert all(re.fullmatch(r"u-[0-9a-f]{16}@pseudonym\.invalid", email) for email in emails)


def test_without_it_people_are_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """The same extraction without the switch names them: the test above looks in the right places."""
    place = configured(tmp_path, sandbox, pseudonymise=False)
    assert (0, "") == fourkeys(place, sandbox, "extract", "ghes", "users", "--repo", "acme/shop", "--quiet")
    assert (0, "") == fourkeys(place, sandbox, "extract", "incidents", "--quiet")
    files = place / "fourkeys-data"

    assert words_of(sandbox.company.people).search((files / "ghes" / "ghes_users.csv").read_text(encoding="utf-8"))
    with (files / "incidents" / "incident_events.csv").open(encoding="utf-8", newline="") as file:
        assert {"aoki"} == {row["actor"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("source", ["ghes", "incidents"])
def test_without_a_key_nothing_is_read(sandbox: Sandbox, tmp_path: Path, source: str) -> None:
    """A switch without its key is an error of the configuration, not people in plain words."""
    place = configured(tmp_path, sandbox, pseudonymise=True)
    code, said = fourkeys(place, sandbox, "extract", source, key="")

    assert 2 == code
    assert "FOURKEYS_HASH_KEY" in said
    assert [] == list(place.rglob("*.csv"))

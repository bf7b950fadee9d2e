"""Names that others chose, wherever a name becomes a path, SQL, a terminal's line, a spreadsheet's cell or a page."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
import sqlite3
import stat
from pathlib import Path

import pytest
from inprocess import Done
from inprocess import fourkeys as run

from fourkeys.files import Dialect
from fourkeys.streams import STREAMS

NAMES = (
    "'; drop table raw.ghes_releases; --",
    '"quoted", $(touch pwned) `touch pwned` ${now} \\',
    "</script><img src=x onerror=alert(1)>",
    '=HYPERLINK("http://evil.example")',
    "\x1b]0;owned\x07\x1b[2J\u202e[/red][bold]",
    "../../etc/passwd\nsecond line\r\n",
    "🎉 絵文字 \u0000 \\N NULL",
    "x" * 5000,
)  # fmt: skip
DAYS = [f"2026-03-{day:02}T0{{}}:00:00Z" for day in range(1, 1 + len(NAMES))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the pipeline on a catalog, releases, pull requests and incidents that are all called something evil."""
    place = tmp_path_factory.mktemp("names")
    toml = [
        "[metrics]", f"environment = {json.dumps(NAMES[0])}", f"hotfix_labels = [{json.dumps(NAMES[5])}]",
        "[[services]]", 'name = "shop"', f"owner = {json.dumps(NAMES[3])}", f"description = {json.dumps(NAMES[2])}",
        'repositories = ["o/r"]', f"incident_keys = [{json.dumps(NAMES[1])}]", 'deployments_from = "csv"',
        "[[overrides]]", 'service = "shop"', f"deployment = {json.dumps(NAMES[1])}", "failed = true",
        f"reason = {json.dumps(NAMES[4])}",
    ]  # fmt: skip
    (place / "fourkeys.toml").write_text("\n".join(toml), encoding="utf-8")
    write(place, "deployments", [
        {"service": "shop", "deployment_id": name, "environment": NAMES[0], "repository": "o/r",
         "sha": f"{number:040x}", "kind": "deploy", "status": "succeeded", "finished_at": DAYS[number].format(2)}
        for number, name in enumerate(NAMES)
    ])  # fmt: skip
    write(place, "ghes_commits", [
        {"host": "h", "repository": "o/r", "sha": f"{number:040x}", "author_login": name, "message": name,
         "parents": [f"{number - 1:040x}"] if number else [], "authored_at": DAYS[number].format(0),
         "committed_at": DAYS[number].format(0)}
        for number, name in enumerate(NAMES)
    ])  # fmt: skip
    write(place, "ghes_pull_requests", [
        {"host": "h", "repository": "o/r", "id": number, "number": number, "state": "closed", "title": name,
         "head_ref": name, "labels": [name], "merge_commit_sha": f"{number:040x}", "created_at": DAYS[number].format(0),
         "updated_at": DAYS[number].format(1), "merged_at": DAYS[number].format(1)}
        for number, name in enumerate(NAMES, 1) if number < len(NAMES)
    ])  # fmt: skip
    with sqlite3.connect(place / "bot.sqlite") as bot:
        columns = "id, title, service, severity, opened_at, detected_at, resolved_at, status, deploy_ref, updated_at"
        bot.execute(f"create table incidents ({columns})")
        bot.execute("create table incident_events (id, incident_id, event_type, actor, message, created_at)")
        for number, name in enumerate(NAMES):
            at = DAYS[number].format(3)
            row = (name, name, NAMES[1], name, at, None, DAYS[number].format(4), "resolved", name, at)
            bot.execute(f"insert into incidents values ({', '.join('?' * 10)})", row)
    bot.close()
    for command in (["load", "csv"], ["run"], ["report", "--out", "report.html"]):
        done = fourkeys(place, *command)
        assert 0 == done.returncode, done.stderr
    return place


def write(place: Path, name: str, rows: list[dict[str, object]]) -> None:
    """Write rows as the CSV of a stream."""
    (place / "csv").mkdir(exist_ok=True)
    dialect = Dialect(STREAMS[name])
    content, _ = dialect.encode([[row.get(column) for column in STREAMS[name].header] for row in rows])
    (place / "csv" / f"{name}.csv").write_bytes(dialect.header + content)


def fourkeys(place: Path, *arguments: str) -> Done:
    """Run the program on the database of *place*."""
    return run(place, *arguments, environment={"INCIDENT_DATABASE_URL": f"sqlite:///{place / 'bot.sqlite'}"})


def clean(name: str) -> str:
    """Return a name as a CSV can hold it."""
    return name.replace("\x00", "\ufffd")


def test_every_name_arrives_as_it_is(place: Path) -> None:
    """In the views, ids and titles are what they were, each once; the tables that they ask to drop are there."""
    done = fourkeys(place, "explain", "time_to_restore", "--service", "shop", "--period", "2026-03", "--format", "json")
    rows = json.loads(done.stdout)["rows"]

    assert {clean(name).strip() for name in NAMES} == {row["incident_id"] for row in rows}
    assert len(NAMES) == len(rows)
    figures = json.loads(
        fourkeys(place, "metrics", "--from", "2026-03-01", "--to", "2026-04-01", "--format", "json").stdout
    )
    assert [(NAMES[3], len(NAMES), len(NAMES) - 1)] == [
        (row["owner"], row["deployments"], row["changes"]) for row in figures
    ]


def test_a_terminal_shows_names_and_obeys_none(place: Path) -> None:
    """A table, a message and an error hold no control character, and brackets of markup stand as they are."""
    done = fourkeys(place, "explain", "time_to_restore", "--service", "shop", "--period", "2026-03")
    assert 0 == done.returncode, done.stderr
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.stdout + done.stderr)
    assert "[/red]" in done.stdout
    done = fourkeys(place, "metrics", "--service", "\x1b[31mred\u202e")
    assert 2 == done.returncode
    assert "\\x1b[31mred\\u202e" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_spreadsheet_runs_no_formula(place: Path) -> None:
    """In CSV that is printed for people, no cell of text begins as a formula does."""
    for command in (
        ("metrics", "--from", "2026-03-01", "--to", "2026-04-01"),
        ("explain", "time_to_restore", "--service", "shop", "--period", "2026-03"),
    ):
        rows = list(csv.reader(io.StringIO(fourkeys(place, *command, "--format", "csv").stdout, newline="")))
        texts = [cell for row in rows for cell in row if not re.fullmatch(r"-?[0-9.e+-]+", cell)]
        assert any(cell.startswith("'=HYPERLINK") for cell in texts)
        assert not [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_page_holds_no_name_as_markup(place: Path) -> None:
    """Names are in the page's packed data only: as text, all of them, and nowhere in its markup."""
    page = (place / "report.html").read_text(encoding="utf-8")
    packed = re.search(r'<script type="application/gzip" id="data">([^<]*)</script>', page)
    assert packed
    data = gzip.decompress(base64.b64decode(packed[1])).decode()

    assert "onerror" not in page
    assert "HYPERLINK" not in page
    assert 2 == page.count("</script>")
    assert json.dumps(clean(NAMES[4]), ensure_ascii=False).strip('"')[:4] in data or "\\u001b]0;owned" in data
    assert NAMES[2] in data


def test_no_name_became_a_file(place: Path) -> None:
    """What is there is what fourkeys names itself; nothing ran, and nobody else may read it."""
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    data = {"fourkeys-data/incidents/incidents.csv", "fourkeys-data/incidents/incident_events.csv"}

    given = {"fourkeys.toml", "bot.sqlite", *(f"csv/{path.name}" for path in (place / "csv").iterdir())}
    assert {"fourkeys.duckdb", "report.html", "fourkeys-data/incidents/manifest.json", *data} == found - given
    for name in found - given:
        assert 0o600 == stat.S_IMODE((place / name).stat().st_mode), name
    assert 0o700 == stat.S_IMODE((place / "fourkeys-data").stat().st_mode)


@pytest.mark.parametrize(
    "arguments",
    [
        ("extract", "ghes", "labels", "--repo", "../.."),
        ("extract", "ghes", "labels", "--repo", "o/r?x"),
        ("extract", "ghes", "labels", "--repo", "o/.."),
        ("extract", "ghes", "labels", "--org", "../user"),
        ("extract", "heroku", "--app", "../account"),
        ("metrics", "--from", "0001-01-01"),
        ("metrics", "--to", "9999-12-31"),
        ("explain", "change_lead_time", "--service", "shop", "--period", "9999-12"),
        ("extract", "ghes", "labels", "--repo", "o/r", "--since", "99999999999999w"),
        ("extract", "ghes", "labels", "--repo", "o/r", "--since", "0001-01-01T00:00:00+09:00"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """What would become another address, or a time of no calendar, is a usage error before anything is asked."""
    (tmp_path / "fourkeys.toml").write_text(
        '[sources.ghes]\nurl = "http://127.0.0.1:9/api/v3"\n[sources.heroku]\nurl = "http://127.0.0.1:9"\n', "utf-8"
    )
    done = fourkeys(tmp_path, *arguments)

    assert 2 == done.returncode, done.stderr
    assert 1 == done.stderr.count("error: ")
    assert "Traceback" not in done.stderr

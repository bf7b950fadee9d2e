"""Incidents from SQLite, PostgreSQL and MariaDB: the same bytes from each, and nothing written to any."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy
from sqlalchemy import Boolean, Column, DateTime, Integer, String, Text
from sqlalchemy.dialects.mysql import TIMESTAMP

from fourkeys import config
from fourkeys.errors import ConfigError, NotFoundError, SourceError, UnreachableError
from fourkeys.files import Output, read_manifest
from fourkeys.sources.incidents import Plan, extract
from fourkeys.sources.incidents._database import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fourkeys.files import Manifest

    Fill = Callable[[str, dict[str, tuple[list[Column], list[dict]]]], str]

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAMES = ["id", "title", "service", "severity", "opened_at", "detected_at", "resolved_at", "status", "updated_at"]


def bot_tables() -> dict[str, tuple[list[Column], list[dict]]]:
    """Return what the bot of the default mapping keeps: times are text."""
    records = [
        (1, "決済画面でエラー 🔥", "shop", "SEV1", "2026-05-07T14:50:00Z", None, "2026-05-07T17:48:44Z", "resolved",
         "2026-05-07T17:48:44Z", "6f56fc036f351342e1da04c12b2c493dfb464b5a"),
        (2, 'Login fails\nsince "this" morning', "shop", "SEV3", "2026-07-22T23:16:39+09:00",
         "2026-07-22T23:17:00+09:00", None, "mitigated", "2026-07-23T03:19:09Z", "release_12"),
        (3, "", "shop", "SEV2", "2026-07-30T14:12:15Z", None, "2026-07-30T11:12:15Z", "resolved",
         "2026-07-30T17:31:13Z", "6F56FC0"),
        (10, "100% of =ALERT", "mail", "SEV2", "2026-08-01T00:00:00Z", None, None, "open",
         "2026-08-01T00:00:00Z", None),
    ]  # fmt: skip
    incidents = [Column("id", Integer, primary_key=True), Column("title", Text)]
    incidents += [Column(name, String(64)) for name in [*NAMES[2:], "deploy_ref"]]
    names = ["id", "incident_id", "event_type", "actor", "message", "created_at"]
    events = [Column("id", Integer, primary_key=True), Column("incident_id", Integer)]
    events += [Column(name, String(200)) for name in names[2:]]
    notes = [
        (10, 1, "declared", "alice", "declared SEV1", "2026-05-07T14:50:00Z"),
        (11, 1, "resolved", "bob", "all clear\nthanks everyone", "2026-05-07T17:48:44Z"),
        (20, 2, "declared", None, None, "2026-07-22T14:16:39Z"),
    ]
    return {
        "incidents": (incidents, [dict(zip([*NAMES, "deploy_ref"], row, strict=True)) for row in records]),
        "incident_events": (events, [dict(zip(names, row, strict=True)) for row in notes]),
    }


EXPECTED = """\
source,incident_id,title,service_key,kind,severity,started_at,detected_at,resolved_at,status,change_related,\
deployment_id,cause_sha,url,updated_at,extracted_at
bot,1,決済画面でエラー 🔥,shop,,SEV1,2026-05-07T14:50:00Z,,2026-05-07T17:48:44Z,resolved,,,\
6f56fc036f351342e1da04c12b2c493dfb464b5a,,2026-05-07T17:48:44Z,2026-11-24T00:00:00Z
bot,2,"Login fails
since ""this"" morning",shop,,SEV3,2026-07-22T14:16:39Z,2026-07-22T14:17:00Z,,open,,release_12,,,\
2026-07-23T03:19:09Z,2026-11-24T00:00:00Z
bot,3,"",shop,,SEV2,2026-07-30T14:12:15Z,,2026-07-30T11:12:15Z,resolved,,,6f56fc0,,2026-07-30T17:31:13Z,\
2026-11-24T00:00:00Z
bot,10,100% of =ALERT,mail,,SEV2,2026-08-01T00:00:00Z,,,open,,,,,2026-08-01T00:00:00Z,2026-11-24T00:00:00Z
"""
EXPECTED_EVENTS = """\
source,event_id,incident_id,event_type,actor,message,created_at,extracted_at
bot,10,1,declared,alice,declared SEV1,2026-05-07T14:50:00Z,2026-11-24T00:00:00Z
bot,11,1,resolved,bob,"all clear
thanks everyone",2026-05-07T17:48:44Z,2026-11-24T00:00:00Z
bot,20,2,declared,,,2026-07-22T14:16:39Z,2026-11-24T00:00:00Z
"""


def read(url: str, out: Path, plan: Plan | None = None, **settings: Any) -> Manifest:
    """Extract with a clock that stands."""
    with Output(out) as output:
        extract(config.Incidents(**settings), url, plan or Plan(), output, lambda _: None, clock=lambda: NOW)
    manifest = read_manifest(out)
    assert manifest
    return manifest


def test_every_database_gives_the_same_bytes(database: str, filled: Fill, tmp_path: Path) -> None:
    """Unicode, newlines, NULLs, text times with and without offsets: the CSV is the same from each kind."""
    manifest = read(filled(database, bot_tables()), tmp_path, chunk_rows=2)

    assert EXPECTED == (tmp_path / "incidents.csv").read_text(encoding="utf-8")
    assert EXPECTED_EVENTS == (tmp_path / "incident_events.csv").read_text(encoding="utf-8")
    assert ("incident 3 was resolved before it started",) == manifest.streams["incidents"].warnings
    assert [("bot", NOW)] == [(mark.partition, mark.at) for mark in manifest.streams["incidents"].watermarks]


def native() -> dict[str, tuple[list[Column], list[dict]]]:
    """Return a bot's table with times without zone, flags, and words of its own."""
    columns = [
        Column("number", Integer, primary_key=True), Column("app", String(20)), Column("began", DateTime),
        Column("ended", DateTime), Column("phase", String(20)), Column("category", String(20)),
        Column("by_change", Boolean), Column("build", Integer),
    ]  # fmt: skip
    at = datetime.fromisoformat
    rows = [
        (1, "shop", at("2026-01-01 23:50"), at("2026-01-02 00:20"), "終了", "障害", True, 41),
        (2, "shop", at("2026-01-03 00:00"), at("2026-01-03 01:00"), "再発", "障害", None, None),
        (3, "shop", at("2026-01-04 12:30:15.250000"), None, "対応中", "障害", False, None),
        (4, "shop", at("2026-01-05 00:00"), None, "対応中", "情報漏洩", None, None),
    ]  # fmt: skip
    return {"cases": (columns, [dict(zip([c.name for c in columns], row, strict=True)) for row in rows])}


NATIVE: dict[str, Any] = {
    "name": "cases",
    "timezone": "Asia/Tokyo",
    "states": {"終了": "resolved", "再発": "reopened", "対応中": "open"},
    "kind_names": {"障害": "service"},
    "kinds": ("service",),
    "records": config.IncidentTable(
        table="cases",
        columns={
            "incident_id": "number", "service_key": "app", "started_at": "began", "resolved_at": "ended",
            "status": "phase", "kind": "category", "change_related": "by_change", "deployment_id": "build",
        },
    ),
    "events": config.EventTable(table=""),
}  # fmt: skip
EXPECTED_NATIVE = [
    "cases,1,,shop,service,,2026-01-01T14:50:00Z,,2026-01-01T15:20:00Z,resolved,true,41,,,,2026-11-24T00:00:00Z",
    "cases,2,,shop,service,,2026-01-02T15:00:00Z,,,reopened,,,,,,2026-11-24T00:00:00Z",
    "cases,3,,shop,service,,2026-01-04T03:30:15{fraction}Z,,,open,false,,,,,2026-11-24T00:00:00Z",
]


def test_native_types_and_words_are_mapped(database: str, filled: Fill, tmp_path: Path) -> None:
    """Times without zone are Tokyo's, whole numbers stay whole beside NULLs, other kinds are left out."""
    read(filled(database, native()), tmp_path, **NATIVE)
    fraction = "" if "mysql" in database else ".250000"

    assert [line.format(fraction=fraction) for line in EXPECTED_NATIVE] == (
        tmp_path / "incidents.csv"
    ).read_text().splitlines()[1:]


def test_a_query_may_take_the_place_of_a_table(database: str, filled: Fill, tmp_path: Path) -> None:
    """A SELECT with our names needs no mapping; colons and per cent signs in it mean themselves."""
    query = (
        "select number as incident_id, app as service_key, began as started_at, ended as resolved_at, "
        "'10:30 %' as title from cases where category like '%害' and number < 3;"
    )
    records = config.IncidentTable(query=query, columns={})
    read(filled(database, native()), tmp_path, **NATIVE | {"records": records, "kinds": ()})

    assert [["1", "10:30 %", "2026-01-01T14:50:00Z"], ["2", "10:30 %", "2026-01-02T15:00:00Z"]] == [
        [line.split(",")[n] for n in (1, 2, 6)] for line in (tmp_path / "incidents.csv").read_text().splitlines()[1:]
    ]


def test_a_time_without_zone_is_not_guessed(database: str, filled: Fill, tmp_path: Path) -> None:
    """Without a configured zone the run stops, names row and column, and writes nothing."""
    with pytest.raises(ConfigError) as caught:
        read(filled(database, native()), tmp_path / "out", **NATIVE | {"timezone": None})

    assert "started_at of incident 1, 2026-01-01 23:50:00, says no time zone" in caught.value.message
    assert "timezone" in caught.value.hint
    assert [] == list((tmp_path / "out").glob("*.csv"))


def test_nothing_can_be_written(database: str, filled: Fill) -> None:
    """Whatever is sent over the connection, the database refuses to write."""
    url = filled(database, bot_tables())
    with connect(url, None, 60, 100) as opened, pytest.raises(sqlalchemy.exc.DBAPIError, match=r"(?i)read.?only"):
        opened._connection.execution_options(stream_results=False).exec_driver_sql("delete from incidents")


SLOW = {
    "sqlite": "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) as incident_id from n",
    "postgresql": "select pg_sleep(30) as incident_id",
    "mysql": "select sleep(30) as incident_id",
}


def test_a_statement_that_takes_too_long_is_ended(database: str, filled: Fill, tmp_path: Path) -> None:
    """After the configured time the run stops with an error that names the database."""
    kind = database.partition(":")[0].partition("+")[0]
    records = config.IncidentTable(query=SLOW[kind], columns={})
    with pytest.raises(SourceError) as caught:
        read(filled(database, bot_tables()), tmp_path / "out", records=records, timeout_seconds=0.5)

    assert "the query cannot be read" in caught.value.message


def test_what_is_missing_is_named(database: str, filled: Fill, tmp_path: Path) -> None:
    """A missing table of events leaves the incidents; a missing column of incidents is the error."""
    tables = bot_tables()
    url = filled(database, {"incidents": tables["incidents"]})
    entry = read(url, tmp_path / "1").streams["incident_events"]
    with pytest.raises(SourceError) as caught:
        read(url, tmp_path / "2", records=config.IncidentTable(columns={"incident_id": "id", "started_at": "began"}))

    assert ["table incident_events cannot be read" in failure.message for failure in entry.failures] == [True]
    assert () == entry.watermarks
    assert "began" in caught.value.message
    assert EXPECTED == (tmp_path / "1" / "incidents.csv").read_text(encoding="utf-8")


def test_timestamps_of_mysql_are_read_in_the_zone_that_is_configured(
    mariadb: str, filled: Fill, tmp_path: Path
) -> None:
    """MySQL moves a TIMESTAMP to the session's zone: that is made the configured one."""
    url = sqlalchemy.make_url(mariadb)
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("create database stamps")
    stamps = url.set(database="stamps").render_as_string(hide_password=False)
    columns = [Column("id", Integer, primary_key=True), Column("opened_at", TIMESTAMP)]
    filled(stamps, {"incidents": (columns, [])})
    with engine.connect() as connection:
        connection.exec_driver_sql("set time_zone = '+00:00'")
        connection.exec_driver_sql("insert into stamps.incidents values (1, '2026-01-01 00:00:00')")
        connection.commit()
    records = config.IncidentTable(columns={"incident_id": "id", "started_at": "opened_at"})
    read(stamps, tmp_path, records=records, events=config.EventTable(table=""), timezone="Asia/Tokyo")

    assert "2026-01-01T00:00:00Z" in (tmp_path / "incidents.csv").read_text()


def test_passwords_are_in_no_message(tmp_path: Path) -> None:
    """An unreachable database, a wrong URL and a missing file are told without user and password."""
    for url, kind in [
        ("postgresql://bot:hunter2@127.0.0.1:1/incidents", UnreachableError),
        ("mysql://bot:hunter2@127.0.0.1:1/incidents", UnreachableError),
        ("hunter2", ConfigError),
        ("oracledb9://bot:hunter2@host/db", ConfigError),
        (f"sqlite:///{tmp_path}/none.sqlite", NotFoundError),
        (None, ConfigError),
    ]:
        with pytest.raises(kind) as caught:
            read(url, tmp_path / "out")
        assert "hunter2" not in caught.value.message + caught.value.hint + str(caught.value.__cause__)
        assert not (tmp_path / "none.sqlite").exists()


def test_an_unknown_column_of_a_mapping_is_refused(tmp_path: Path) -> None:
    """A mapping that names no column of ours is an error that names the nearest one."""
    records = config.IncidentTable(columns={"incident_id": "id", "started_on": "began"})
    with pytest.raises(ConfigError) as caught:
        read("sqlite:///x", tmp_path, records=records)

    assert "did you mean 'started_at'" in caught.value.hint

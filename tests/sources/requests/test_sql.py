"""The same counts from a behaviour log in the warehouse: `sql/extra/request_counts.sql`."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import sqlglot

from fourkeys import config
from fourkeys.files import Output
from fourkeys.sources.requests import Plan, extract
from fourkeys.warehouses.duckdb import DuckDB

SQL = Path(__file__).parents[3] / "sql" / "extra" / "request_counts.sql"
COLUMNS = "service_key, minute, status_class, requests, errors, round(coalesce(duration_ms_sum, 0), 3)"


def merge(since: str, until: str) -> str:
    """Return the statement for a window, in DuckDB's dialect."""
    text = SQL.read_text(encoding="utf-8")
    for name, value in (("@since", since), ("@until", until)):
        text = text.replace(name, f"timestamp '{value}'")
    return sqlglot.parse_one(text, read="bigquery").sql(dialect="duckdb")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of a few hours, with lines that name no service or no possible status."""
    dice = random.Random(7)
    lines = [
        {
            "ts": f"2026-03-0{dice.choice('12')}T{dice.randrange(24):02}:0{dice.randrange(3)}:{dice.randrange(60):02}Z",
            "service": dice.choice(["shop", "mail", "", None]),
            "status": dice.choice([101, 200, 302, 404, 500, 503, 999]),
            "duration_ms": dice.choice([None, 1.5, 20]),
        }
        for _ in range(4000)
    ]
    file = tmp_path / "log.ndjson"
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_the_warehouse_counts_as_the_files_do(log: Path, tmp_path: Path) -> None:
    """Both ways store the same rows; counting again changes nothing, and what is gone from the log goes too."""
    with Output(tmp_path / "out") as output:
        extract(config.Requests(), Plan((str(log),)), output, lambda _: None, clock=lambda: datetime.now(UTC))
    files = duckdb.connect()
    expected = files.execute(
        f"select {COLUMNS} from read_csv(?, types = {{'minute': 'timestamptz'}}) order by all",
        [str(tmp_path / "out" / "request_counts.csv")],
    ).fetchall()
    DuckDB(str(tmp_path / "warehouse")).close()
    database = duckdb.connect(str(tmp_path / "warehouse"))
    database.execute("create schema behaviour")
    database.execute(
        "create table behaviour.requests as from read_json(?, format = 'newline_delimited', columns = "
        "{ts: 'timestamptz', service: 'varchar', status: 'int', duration_ms: 'double'})",
        [str(log)],
    )

    def stored() -> list[tuple[object, ...]]:
        return database.execute(f"select {COLUMNS} from raw.request_counts order by all").fetchall()

    everything = merge("2026-03-01 00:00:00+00", "2026-03-03 00:00:00+00")
    database.execute(everything)
    assert expected == stored()
    database.execute(everything)
    assert expected == stored()
    database.execute("delete from behaviour.requests where service = 'mail'")
    database.execute(merge("2026-03-02 00:00:00+00", "2026-03-03 00:00:00+00"))
    first_day = datetime(2026, 3, 2, tzinfo=UTC)
    assert [row for row in expected if row[0] == "shop" or row[1] < first_day] == stored()

"""Loading CSV files into DuckDB: by key, newest wins, all or nothing."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from fourkeys.errors import FileError
from fourkeys.streams import STREAMS
from fourkeys.warehouses.base import Definition
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Watermark

LABELS, ISSUES = STREAMS["ghes_labels"], STREAMS["ghes_issues"]
KEY = "host,repository,id"


def rows(warehouse: DuckDB, stream: str, columns: str) -> list[tuple[object, ...]]:
    """Return *columns* of the raw table of *stream*, ordered."""
    return list(warehouse.stream(f"select {columns} from raw.{stream} order by {columns}"))


def csv(folder: Path, text: str, name: str = "file.csv") -> Path:
    """Write a CSV file."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


DEPLOYED = "service,deployment_id,sha,status,finished_at\n"


def test_of_hand_written_rows_the_file_written_last_wins(tmp_path: Path) -> None:
    """A correction is taken whatever it says, whichever file is loaded first, and loading again changes nothing."""
    wrong = csv(tmp_path, f"{DEPLOYED}shop,1,aaa,succeeded,2026-01-15T20:00:00Z\n", "deployments.csv")
    right = csv(tmp_path, f"{DEPLOYED}shop,1,aaa,failed,2026-01-15T11:00:00Z\n", "deployments-2.csv")
    os.utime(wrong, (1_768_000_000, 1_768_000_000))
    os.utime(right, (1_768_000_060, 1_768_000_060))
    for files in ((wrong, right, right), (right, wrong, right)):
        warehouse = DuckDB(":memory:")
        done = [warehouse.load(STREAMS["deployments"], file) for file in files]

        assert 0 == done[-1].changed
        assert [("failed", datetime(2026, 1, 15, 11, tzinfo=UTC))] == rows(
            warehouse, "deployments", "status, finished_at"
        )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("shop,1,aaa,succeeded", "line 2: Expected Number of Columns: 5 Found: 4"),
        ("shop,1,aaa,succeeded,2026-01-15T20:00:00Z,x", "line 2: Expected Number of Columns: 5 Found: 6"),
        ('"shop,1,aaa,succeeded,2026-01-15T20:00:00Z', "line 2: Value with unterminated quote found."),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path: Path, line: str, says: str) -> None:
    """The line, and what it has too many or too few of."""
    with pytest.raises(FileError) as caught:
        DuckDB(":memory:").load(STREAMS["deployments"], csv(tmp_path, f"{DEPLOYED}{line}\n"))

    assert says in caught.value.message


def test_ctrl_c_while_duckdb_works_is_an_interruption(tmp_path: Path) -> None:
    """DuckDB makes another error of it; nothing of the file is loaded, and the warehouse can be used."""
    warehouse = DuckDB(str(tmp_path / "x.duckdb"))
    long = "select count(*) from unnest(generate_array(1, 100000)) as a, unnest(generate_array(1, 100000)) as b"
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        warehouse.query(long)

    assert [{"n": 1}] == warehouse.query("select 1 as n")


def test_rows_are_merged_by_key_and_the_newest_wins(tmp_path: Path) -> None:
    """In whatever order files come, and however often, the table ends the same."""
    files = [
        csv(
            tmp_path,
            f"{KEY},title,updated_at\nh,o/r,1,old,2024-01-01T00:00:00Z\nh,o/r,2,two,2024-01-01T00:00:00Z\n",
            "a",
        ),
        csv(tmp_path, f"{KEY},title,updated_at\nh,o/r,1,new,2024-01-02T00:00:00Z\n", "b"),
        csv(
            tmp_path,
            f"{KEY},title,updated_at\nh,o/r,1,other,2024-01-02T00:00:00Z\nh,o/r,1,mid,2024-01-01T12:00:00Z\n",
            "c",
        ),
    ]
    results = set()
    for order in itertools.permutations([*files, files[0]]):
        warehouse = DuckDB(":memory:")
        for file in order:
            warehouse.load(ISSUES, file)
        results.add(tuple(rows(warehouse, "ghes_issues", "id, title")))

    assert {((1, "other"), (2, "two"))} == results


def test_loading_twice_changes_nothing(tmp_path: Path) -> None:
    """The second time, no row is new and none is changed."""
    file = csv(tmp_path, f"{KEY},name\nh,o/r,1,bug\n")
    warehouse = DuckDB(":memory:")

    assert (1, 0) == (warehouse.load(LABELS, file).new, warehouse.load(LABELS, file).new)
    assert 0 == warehouse.load(LABELS, file).changed


def test_null_and_empty_text_are_told_apart(tmp_path: Path) -> None:
    """An empty unquoted field is NULL, `""` is the empty text; newlines, quotes and other scripts stay."""
    text = 'h,o/r,1,,""\nh,o/r,2,"a ""b""\nc, d","絵文字🎉"\n'
    warehouse = DuckDB(":memory:")
    warehouse.load(LABELS, csv(tmp_path, f"{KEY},name,description\n{text}"))

    assert [(1, None, ""), (2, 'a "b"\nc, d', "絵文字🎉")] == rows(warehouse, "ghes_labels", "id, name, description")


def test_an_unknown_column_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """A column that the stream does not have is an error that names the nearest one."""
    with pytest.raises(FileError) as caught:
        DuckDB(":memory:").load(LABELS, csv(tmp_path, f"{KEY},colour\nh,o/r,1,red\n"))

    assert "unknown column 'colour'" in caught.value.message
    assert "color" in caught.value.hint


def test_a_missing_key_column_is_refused(tmp_path: Path) -> None:
    """Without its key a row cannot be merged."""
    with pytest.raises(FileError, match="no column 'id'"):
        DuckDB(":memory:").load(LABELS, csv(tmp_path, "host,repository\nh,o/r\n"))


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("h,o/r,x,1,{}", "id", "'x'"),
        ("h,o/r,7,1,2024-99-01", "updated_at", "'2024-99-01'"),
        ("h,o/r,,1,", "id", "empty"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_loaded(tmp_path: Path, line: str, column: str, value: str) -> None:
    """File, line, column and value are named, and no row of the file is loaded, the good ones neither."""
    warehouse = DuckDB(":memory:")
    good = 'h,o/r,5,"1",2024-01-01T00:00:00Z\nh,o/r,6,2,\n'
    with pytest.raises(FileError) as caught:
        warehouse.load(ISSUES, csv(tmp_path, f"{KEY},number,updated_at\n{good}{line.replace('{}', '')}\n"))

    assert f"line 4, column {column}" in caught.value.message
    assert value in caught.value.message
    assert [] == rows(warehouse, "ghes_issues", "id")


def test_lines_are_counted_over_quoted_newlines(tmp_path: Path) -> None:
    """The line of a bad value is the line in the file, also after texts with newlines."""
    text = f'{KEY},title,number\nh,o/r,1,"two\nlines",1\nh,o/r,2,x,many\n'
    with pytest.raises(FileError, match="line 4, column number"):
        DuckDB(":memory:").load(ISSUES, csv(tmp_path, text))


def test_a_file_that_is_no_csv_is_refused(tmp_path: Path) -> None:
    """A line with too many fields is an error, not a shifted row."""
    with pytest.raises(FileError):
        DuckDB(":memory:").load(LABELS, csv(tmp_path, f"{KEY},name\nh,o/r,1,a,b,c\n"))


def test_watermarks_move_with_the_rows_and_never_back(tmp_path: Path) -> None:
    """A watermark is stored with the rows, a smaller one does not replace it, a failed load does not move it."""
    warehouse = DuckDB(":memory:")
    file = csv(tmp_path, f"{KEY},name\nh,o/r,1,bug\n")
    late, early = (Watermark("ghes_labels", "o/r", datetime(2024, 1, day, tzinfo=UTC)) for day in (2, 1))
    warehouse.load(LABELS, file, [late])
    warehouse.load(LABELS, file, [early])
    bad = csv(tmp_path, f"{KEY},name\nh,o/r,x,bug\n", "bad")
    with pytest.raises(FileError):
        warehouse.load(LABELS, bad, [Watermark("ghes_labels", "o/r", datetime(2024, 1, 9, tzinfo=UTC))])

    assert {("ghes_labels", "o/r"): late} == warehouse.watermarks()


def test_a_release_that_succeeded_stays_so_when_heroku_forgets(tmp_path: Path) -> None:
    """In any order of files: a row that saw the release succeed wins over a newer one that says expired."""
    releases = STREAMS["heroku_releases"]
    head = "app_id,version,status,first_terminal_status,updated_at\n"
    seen = csv(tmp_path, head + "a,1,succeeded,succeeded,2024-01-01T00:00:00Z\n", "seen")
    late = csv(tmp_path, head + "a,1,expired,expired,2024-03-01T00:00:00Z\n", "late")
    pending = csv(tmp_path, head + "a,1,pending,,2024-01-01T00:00:00Z\n", "pending")
    results = set()
    for order in itertools.permutations([seen, late, pending]):
        warehouse = DuckDB(":memory:")
        for file in order:
            warehouse.load(releases, file)
        results.add(tuple(rows(warehouse, "heroku_releases", "first_terminal_status")))

    assert {(("succeeded",),)} == results


def test_a_file_of_an_older_version_gets_the_new_columns(tmp_path: Path) -> None:
    """A raw table that lacks a column gets it when the file is opened; its rows have NULL there, and loading works."""
    older = duckdb.connect(str(tmp_path / "w.duckdb"))
    older.execute("create schema raw; create table raw.ghes_labels (host varchar, repository varchar, id bigint)")
    older.execute("insert into raw.ghes_labels values ('h', 'o/r', 1)")
    older.close()
    (tmp_path / "ghes_labels.csv").write_text("host,repository,id,name\nh,o/r,2,bug\n", encoding="utf-8")
    warehouse = DuckDB(str(tmp_path / "w.duckdb"))
    warehouse.load(STREAMS["ghes_labels"], tmp_path / "ghes_labels.csv")
    rows = warehouse.query("select id, name from raw.ghes_labels order by id")
    warehouse.close()

    assert [{"id": 1, "name": None}, {"id": 2, "name": "bug"}] == rows


def test_what_others_keep_in_the_file_is_left_alone() -> None:
    """Only what fourkeys made in the mart is its own, also after it was made again; users' tables and views are not."""
    with closing(DuckDB(":memory:")) as warehouse:
        warehouse.make([definition("ours", "view", "select 1 as a"), definition("gone", "view", "select 1 as a")], {})
        warehouse.make([definition("ours", "view", "select 2 as a")], {"gone": "view"})
        warehouse.make([definition("stored", "table", "select 2 as a union all select 3")], {})
        warehouse.make([definition("stored", "table", "select 4 as a", stale="held.a = 2")], {})
        warehouse._connection.execute(
            "create table main.theirs as select 1 as a; create view main.seen as select 1 as a"
        )

        assert {"ours": ("view", "v1"), "stored": ("table", "v1")} == warehouse.relations()
        assert [{"a": 2}] == warehouse.query("select a from main.ours")
        assert [{"a": 3}, {"a": 4}] == warehouse.query("select a from main.stored order by a")


def definition(name: str, kind: str, query: str, stale: str | None = None) -> Definition:
    """Return a definition of a relation with one column."""
    return Definition(name, kind, "v1", query, stale, "a thing", {"a": ("INT64", "a number")}, ())

"""Loading CSV files into BigQuery: by key, newest wins, all or nothing."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from fourkeys.errors import ConfigError, FileError, WarehouseError
from fourkeys.streams import STREAMS
from fourkeys.warehouses.bigquery._bucket import Bucket
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Watermark

if TYPE_CHECKING:
    from fake_bigquery import FakeBigQuery

    from fourkeys.warehouses.bigquery import BigQuery

LABELS, ISSUES, SERVICES = STREAMS["ghes_labels"], STREAMS["ghes_issues"], STREAMS["services"]
KEY = "host,repository,id"
RAW = "`test-project`.`company_raw`"


def rows(warehouse: BigQuery | DuckDB, stream: str, columns: str) -> list[tuple[Any, ...]]:
    """Return *columns* of the raw table of *stream*, ordered."""
    return list(warehouse.stream(f"select {columns} from {warehouse.names['raw']}.{stream} order by {columns}"))


def mark(day: int, stream: str = "ghes_labels", state: str | None = None) -> Watermark:
    """Return a watermark of a day in January."""
    return Watermark(stream, "o/r", datetime(2026, 1, day, tzinfo=UTC), state)


def test_the_calls_of_a_load(fake: FakeBigQuery, open_warehouse: Any, labels: Path) -> None:
    """A load asks for its job, stages, uploads, merges in one script, and asks what that did."""
    loaded = open_warehouse().load(LABELS, labels, [mark(1)])

    assert (3, 3, 0) == (loaded.read, loaded.new, loaded.changed)
    assert [
        "datasets.get company_raw", "datasets.get company",               # where they are
        "jobs.insert query", "jobs.get", "jobs.getQueryResults",          # what is missing is made
        "tables.list company_raw",
        "jobs.get",                                                       # no earlier load of this file
        "tables.insert", "jobs.insert load", "jobs.get",                  # staged
        "jobs.insert query", "jobs.get", "jobs.getQueryResults",          # merged, watermark moved, staging dropped
        "jobs.list", "jobs.get",                                          # how many were new
    ] == fake.calls  # fmt: skip
    assert [] == [name for name in fake.engine.datasets["company_raw"].tables if name.startswith("staging")]


def test_texts_arrive_as_they_are(open_warehouse: Any, labels: Path) -> None:
    """An empty unquoted field is NULL, `""` is the empty text; newlines, quotes and other scripts stay."""
    warehouse = open_warehouse()
    warehouse.load(LABELS, labels)

    assert [(1, 'bug, "x"\n2nd 🎉'), (2, None), (3, "")] == rows(warehouse, "ghes_labels", "id, name")


def test_tables_are_described(fake: FakeBigQuery, open_warehouse: Any, labels: Path) -> None:
    """Datasets, tables and every column say what they are; tables are labelled, partitioned, clustered, strict."""
    open_warehouse(location="asia-northeast1").load(LABELS, labels)
    raw, mart = fake.engine.datasets["company_raw"], fake.engine.datasets["company"]
    issues = raw.tables["ghes_issues"]

    assert ("asia-northeast1", "asia-northeast1") == (raw.location, mart.location)
    assert raw.description
    assert mart.description
    assert [] == [f for table in raw.tables.values() for f in table.fields if not f["description"]]
    assert {"fourkeys"} == {table.labels["managed_by"] for table in raw.tables.values()}
    assert issues.description.startswith("An issue or a pull request")
    assert "timestamp_trunc(`updated_at`, month)" == issues.partitioning.lower()
    assert ["repository", "id"] == issues.clustering
    assert ["host", "repository", "id"] == [f["name"] for f in issues.fields if f["mode"] == "REQUIRED"]


def test_staging_ends_by_itself(fake: FakeBigQuery, open_warehouse: Any, labels: Path) -> None:
    """A staging table that a killed run leaves behind expires after a day."""
    fake.fault = lambda _, name: "accessDenied" if name == "jobs.insert load" else None
    with pytest.raises(WarehouseError):
        open_warehouse().load(LABELS, labels)

    tables = fake.engine.datasets["company_raw"].tables
    left = [table for name, table in tables.items() if name.startswith("staging_ghes_labels_")]
    assert [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1)] == [table.expires for table in left]


def test_merging_is_duckdbs(open_warehouse: Any, tmp_path: Path) -> None:
    """Files in any order, with equal ages, NULL times and twice in one file: the rows are those that DuckDB keeps."""
    texts = [
        f"{KEY},title,updated_at\nh,o/r,1,old,2024-01-01T00:00:00Z\nh,o/r,2,two,2024-01-01T00:00:00.5Z\n",
        f'{KEY},title,updated_at\nh,o/r,1,new,2024-01-02T00:00:00Z\nh,o/r,2,"",2024-01-01T00:00:00.5Z\n',
        f"{KEY},title,updated_at,locked,comments\nh,o/r,1,other,2024-01-02T00:00:00Z,true,9\n"  # noqa: ISC004
        "h,o/r,1,other,2024-01-02T00:00:00Z,false,10\nh,o/r,2,two,,true,1\nh,o/r,3,,,,\n",
        f"{KEY},title,extracted_at\nh,o/r,3,x,2024-01-01T00:00:00Z\nh,o/r,3,y,2024-01-01T00:00:00Z\n",
    ]
    files = []
    for number, text in enumerate(texts):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text(text)
    columns = "id, title, updated_at, locked, comments, extracted_at"
    ours = set()
    for order in itertools.islice(itertools.permutations(files), 0, 24, 5):
        warehouse, duckdb = open_warehouse(), DuckDB(":memory:")
        warehouse.replace(ISSUES, [])
        for file in order:
            assert duckdb.load(ISSUES, file) == warehouse.load(ISSUES, file)
        assert rows(duckdb, "ghes_issues", columns) == rows(warehouse, "ghes_issues", columns)
        ours.add(tuple(rows(warehouse, "ghes_issues", columns)))

    assert 1 == len(ours)


def test_a_float_and_a_time_in_a_key(open_warehouse: Any, tmp_path: Path) -> None:
    """Streams without `updated_at` and with a time in their key merge as in DuckDB."""
    stream = STREAMS["request_counts"]
    head = "service_key,minute,status_class,requests,duration_ms_sum\n"
    (tmp_path / "a.csv").write_text(f"{head}web,2024-01-01T00:00:00Z,2xx,10,12.5\n")
    (tmp_path / "b.csv").write_text(f"{head}web,2024-01-01T00:00:00Z,2xx,10,9.25\nweb,2024-01-01T00:01:00Z,2xx,1,\n")
    warehouse, duckdb = open_warehouse(), DuckDB(":memory:")
    for name in ("a.csv", "b.csv", "a.csv"):
        assert duckdb.load(stream, tmp_path / name) == warehouse.load(stream, tmp_path / name)

    assert [(1, None), (10, 12.5)] == rows(warehouse, "request_counts", "requests, duration_ms_sum")


def test_watermarks_move_with_the_rows_and_never_back(open_warehouse: Any, labels: Path) -> None:
    """A smaller one does not replace it; its state stays with it, whatever is in it."""
    warehouse = open_warehouse()
    late = mark(2, state='{"a": "it\'s \\\\ 🎉"}')
    warehouse.load(LABELS, labels, [late])
    warehouse.load(LABELS, labels, [mark(1)])

    assert {("ghes_labels", "o/r"): late} == warehouse.watermarks()


@pytest.mark.parametrize("broken", ["merge into `test-project`.`company_raw`.watermarks", "commit transaction"])
def test_rows_and_watermarks_together_or_not_at_all(
    fake: FakeBigQuery, open_warehouse: Any, labels: Path, broken: str
) -> None:
    """A script that BigQuery gives up in the middle leaves neither rows nor watermark; the next run has both."""
    warehouse = open_warehouse()
    fake.engine.break_at = broken
    with pytest.raises(WarehouseError):
        warehouse.load(LABELS, labels, [mark(1)])
    assert ([], {}) == (rows(warehouse, "ghes_labels", "id"), warehouse.watermarks())

    fake.engine.break_at = None
    warehouse.load(LABELS, labels, [mark(1)])
    assert [(1,), (2,), (3,)] == rows(warehouse, "ghes_labels", "id")
    assert [mark(1)] == list(warehouse.watermarks().values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('h,o/r,1,"two\nlines",1\nh,o/r,2,x,many\n', "line 4, column number: 'many' is no INT64"),
        ("h,o/r,1,x,1\nh,o/r,,x,1\n", "line 3, column id: Required column value"),
        ("h,o/r,1,x,1,2,3\n", "line 2: Too many values"),
        ("h,o/r,1,x,1\nh,o/r,2\n", "line 3, column title: CSV table references"),
    ],
)
def test_a_bad_file_is_told_with_its_line(open_warehouse: Any, tmp_path: Path, text: str, said: str) -> None:
    """What a load job refuses is told with file, line and column, and nothing of the file is loaded."""
    file = tmp_path / "ghes_issues.csv"
    file.write_text(f"{KEY},title,number\n{text}")
    warehouse = open_warehouse()
    with pytest.raises(FileError) as caught:
        warehouse.load(ISSUES, file)

    assert caught.value.message.startswith(f"{file}, {said}")
    assert [] == rows(warehouse, "ghes_issues", "id")


def test_an_unknown_column_costs_no_call(fake: FakeBigQuery, open_warehouse: Any, tmp_path: Path) -> None:
    """A header that does not fit is told before anything is sent."""
    file = tmp_path / "ghes_labels.csv"
    file.write_text(f"{KEY},colour\nh,o/r,1,red\n")
    with pytest.raises(FileError, match="unknown column 'colour'"):
        open_warehouse().load(LABELS, file)

    assert [] == fake.calls


def test_a_large_file_goes_in_chunks(
    fake: FakeBigQuery, open_warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above five megabytes the upload is resumable, and a chunk that is refused for a moment is sent again."""
    monkeypatch.setattr("google.cloud.bigquery.client._DEFAULT_CHUNKSIZE", 2 * 1024 * 1024)
    file = tmp_path / "ghes_labels.csv"
    long = "x" * 60_000
    file.write_text(f"{KEY},name\n" + "".join(f"h,o/r,{n},{long}\n" for n in range(100)))
    refused = iter(["backendError"])
    fake.fault = lambda _, name: next(refused, None) if name == "upload.chunk" else None
    loaded = open_warehouse().load(LABELS, file)

    assert 100 == loaded.new
    assert fake.calls.count("upload.chunk") >= 4


def test_by_way_of_a_bucket(fake: FakeBigQuery, open_warehouse: Any, labels: Path) -> None:
    """With `via`, a file passes through Cloud Storage, and is not left there."""
    client = storage.Client(fake.project, AnonymousCredentials(), client_options={"api_endpoint": fake.url})
    warehouse = open_warehouse(bucket=Bucket(client, "gs://company-files/night"))
    loaded = warehouse.load(LABELS, labels)
    job = next(job for job in fake.jobs.values() if "load" in job["configuration"])
    (uri,) = job["configuration"]["load"]["sourceUris"]

    assert 3 == loaded.new
    assert uri.startswith("gs://company-files/night/")
    assert uri.endswith("/ghes_labels.csv")
    assert ["storage.insert", "jobs.insert load", "jobs.get", "storage.delete"] == [
        name for name in fake.calls[8:] if name != "tables.insert"
    ][:4]
    assert {} == fake.bucket
    with pytest.raises(ConfigError, match="no place in Cloud Storage"):
        Bucket(client, "s3://elsewhere")


def test_columns_are_added(
    fake: FakeBigQuery, open_warehouse: Any, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of an older version gets the columns that it lacks, and keeps its rows."""
    warehouse = open_warehouse()
    warehouse.load(LABELS, labels)
    table = fake.engine.datasets["company_raw"].tables["ghes_labels"]
    fake.engine.connection.execute("alter table company_raw.ghes_labels drop column url")
    table.fields = [f for f in table.fields if f["name"] != "url"]
    table.labels["columns"] = "older"
    newer = open_warehouse()
    newer.load(LABELS, labels)

    assert [(1, None), (2, None), (3, None)] == rows(newer, "ghes_labels", "id, url")
    assert "url" in [f["name"] for f in table.fields]
    assert "older" != table.labels["columns"]


def test_replacing_rows(open_warehouse: Any) -> None:
    """Rows take the place of those that the condition names; NULL, "" and newlines stay what they are."""
    warehouse = open_warehouse()
    warehouse.replace(SERVICES, [{"service": "a", "owner": "", "include_prereleases": True}, {"service": "b"}])
    warehouse.replace(SERVICES, [{"service": 'c"\n', "owner": None}], "service in unnest(['a'])")
    warehouse.replace(SERVICES, [], "service = 'b'")

    assert [('c"\n', None, None)] == rows(warehouse, "services", "service, owner, include_prereleases")


def test_a_replacement_that_breaks_changes_nothing(fake: FakeBigQuery, open_warehouse: Any) -> None:
    """Deletion and insertion are one transaction."""
    warehouse = open_warehouse()
    warehouse.replace(SERVICES, [{"service": "a"}])
    fake.engine.break_at = "insert into"
    with pytest.raises(WarehouseError):
        warehouse.replace(SERVICES, [{"service": "b"}])

    assert [("a",)] == rows(warehouse, "services", "service")

"""The one door to BigQuery: datasets, tables, load jobs, scripts, rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as google
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

from fourkeys.errors import WarehouseError
from fourkeys.warehouses.bigquery._errors import bad_file, told
from fourkeys.warehouses.bigquery._statements import LABELS, is_required, script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from google.cloud.bigquery.job import LoadJob, QueryJob

    from fourkeys.streams import Stream
    from fourkeys.warehouses.bigquery._bucket import Bucket
    from fourkeys.window import Watermark

_PAGE = 10_000
_STAGING_LIVES = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Table:
    """What a dataset says of one of its tables.

    Attributes:
        kind: `table` or `view`.
        labels: its labels.
        created: when it was made, as BigQuery tells.
        clustering: the columns that it is clustered by.
    """

    kind: str
    labels: dict[str, str]
    created: datetime | None
    clustering: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Staging:
    """A table that holds the rows of one file until they are merged.

    Attributes:
        table: its id, `project.dataset.table`.
        stream: the stream that its rows belong to.
        header: its columns in the file's order.
    """

    table: str
    stream: Stream
    header: tuple[str, ...]

    @property
    def fields(self) -> list[bigquery.SchemaField]:
        """The columns as BigQuery's schema."""
        columns = (self.stream.column(name) for name in self.header)
        return [
            bigquery.SchemaField(
                column.name, column.type.bigquery, "REQUIRED" if is_required(self.stream, column) else "NULLABLE"
            )
            for column in columns
        ]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did: rows that were new, and rows that took the place of older ones."""

    new: int
    changed: int


class Door:
    """A client of one project, and what every call of it has in common."""

    def __init__(
        self,
        client: bigquery.Client,
        where: str,
        now: Callable[[], datetime],
        maximum_bytes_billed: int | None = None,
        bucket: Bucket | None = None,
    ) -> None:
        """Take a client.

        Args:
            client: of the project that pays; its location is where new datasets go.
            where: the warehouse's address, for errors.
            now: the clock, for the end of staging tables.
            maximum_bytes_billed: a query that would read more fails and costs nothing.
            bucket: where files go on their way; None uploads them to BigQuery.
        """
        self._client, self._where, self._now, self._bucket = client, where, now, bucket
        self._limit = maximum_bytes_billed
        self.location: str | None = client.location

    def dataset_location(self, dataset: str) -> str | None:
        """Return where a dataset (`project.dataset`) is, or None where there is none."""
        with told(self._where):
            try:
                return str(self._client.get_dataset(dataset).location)
            except google.NotFound:
                return None

    def tables(self, dataset: str) -> dict[str, Table] | None:
        """Return the tables and views of a dataset by name, or None where there is no dataset."""
        with told(self._where):
            try:
                items = list(self._client.list_tables(dataset))
            except google.NotFound:
                return None
        kinds = {"VIEW": "view"}
        return {
            item.table_id: Table(
                kinds.get(item.table_type, "table"),
                dict(item.labels or {}),
                item.created,
                tuple(item.clustering_fields or ()),
            )
            for item in items
        }

    def has(self, staging: Staging) -> bool:
        """Whether a staging table is there."""
        with told(self._where):
            try:
                self._client.get_table(staging.table)
            except google.NotFound:
                return False
        return True

    def last(self, prefix: str) -> int | None:
        """Return the greatest number N for which a job `prefix_N` is known, by doubling and halving; None is none."""
        if self.find(f"{prefix}_0") is None:
            return None
        low, step = 0, 1
        while self.find(f"{prefix}_{low + step}") is not None:
            low, step = low + step, step * 2
        while step := step // 2:
            if self.find(f"{prefix}_{low + step}") is not None:
                low += step
        return low

    def find(self, job_id: str) -> Any:
        """Return a job, or None where there is none."""
        with told(self._where):
            try:
                return self._client.get_job(job_id, location=self.location)
            except google.NotFound:
                return None

    def succeeded(self, job: Any) -> bool:
        """Wait for a job; whether it did what it should."""
        with told(self._where):
            try:
                job.result()
            except google.GoogleAPICallError:
                if job.error_result is None:
                    raise
                return False
        return True

    def stage(self, staging: Staging, file: Path, job_id: str | None = None) -> int:
        """Put a file's rows in the place of a staging table's; returns their number.

        Raises:
            FileError: a value does not fit; with line and column.
        """
        table = bigquery.Table(staging.table, schema=staging.fields)
        table.expires, table.labels = self._now() + _STAGING_LIVES, LABELS
        with told(self._where):
            self._client.create_table(table, exists_ok=True)
            uri = self._bucket.put(file) if self._bucket else None
            try:
                job: Any = self._send(staging, uri or file, job_id)
            except google.Conflict:
                job = self.find(job_id or "")
            done = self.succeeded(job)
            if self._bucket and uri:
                self._bucket.remove(uri)
        if not done:
            if job.error_result.get("reason") == "invalid":
                raise bad_file(file, staging.header, job.errors or [job.error_result])
            raise WarehouseError(f"{self._where}: loading {file}: {job.error_result.get('message')}", "run it again")
        return int(job.output_rows or 0)

    def run(self, statements: Sequence[str], job_id: str | None = None, watermarks: Sequence[Watermark] = ()) -> Any:
        """Run statements as one script, and return its job when it is done; *watermarks* are its parameter."""
        config = self._config(_parameters(watermarks=watermarks))
        with told(self._where):
            try:
                job = self._client.query(
                    script(statements),
                    job_config=config,
                    job_id=job_id,
                    location=self.location,
                    job_retry=None if job_id else DEFAULT_JOB_RETRY,
                )
            except google.Conflict:
                job = self.find(job_id or "")
            job.result()
        return job

    def merged(self, job: QueryJob) -> Merged:
        """Return what the first MERGE of a script did."""
        with told(self._where):
            children = [child for child in self._client.list_jobs(parent_job=job) if child.statement_type == "MERGE"]
            if not children:
                raise WarehouseError(f"{self._where}: job {job.job_id} tells of no MERGE", "run it again")
            first = min(children, key=lambda child: child.started or child.created)
            done: Any = self._client.get_job(first.job_id, location=first.location)
        stats = done.dml_stats
        return Merged(int(stats.inserted_row_count), int(stats.updated_row_count))

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Run a query; returns the names of its columns, and its rows page by page."""
        with told(self._where):
            found = self._client.query_and_wait(
                sql,
                job_config=self._config(_parameters(parameters)),
                location=self.location,
                page_size=_PAGE,
            )
        return [field.name for field in found.schema], self._paged(found)

    def bytes_of(self, sql: str, parameters: Sequence[Any] = (), watermarks: Sequence[Watermark] = ()) -> int:
        """Return how many bytes a statement would read; nothing runs and nothing is billed."""
        asked = _parameters(parameters, watermarks)
        config = bigquery.QueryJobConfig(query_parameters=asked, dry_run=True, use_query_cache=False)
        with told(self._where):
            return int(self._client.query(sql, job_config=config, location=self.location).total_bytes_processed or 0)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _send(self, staging: Staging, source: Path | str, job_id: str | None) -> LoadJob:
        config = bigquery.LoadJobConfig(
            schema=staging.fields,
            source_format=bigquery.SourceFormat.CSV,
            skip_leading_rows=1,
            allow_quoted_newlines=True,
            encoding="UTF-8",
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            labels=LABELS,
        )
        place: dict[str, Any] = {"job_config": config, "job_id": job_id, "location": self.location}
        if isinstance(source, str):
            return self._client.load_table_from_uri(source, staging.table, **place)
        with source.open("rb") as data:
            return self._client.load_table_from_file(data, staging.table, size=source.stat().st_size, **place)

    def _paged(self, found: Any) -> Iterator[tuple[Any, ...]]:
        with told(self._where):
            for row in found:
                yield row.values()

    def _config(self, parameters: list[Any]) -> bigquery.QueryJobConfig:
        config = bigquery.QueryJobConfig(query_parameters=parameters, labels=LABELS)
        if self._limit is not None:
            config.maximum_bytes_billed = self._limit
        return config


_TYPES = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING", datetime: "TIMESTAMP", date: "DATE"}


def _parameters(values: Sequence[Any] = (), watermarks: Sequence[Watermark] = ()) -> list[Any]:
    return [*map(_scalar, values), *([_watermarks(watermarks)] if watermarks else [])]


def _scalar(value: Any) -> bigquery.ScalarQueryParameter:
    return bigquery.ScalarQueryParameter(None, _TYPES[type(value)], value)


def _watermarks(watermarks: Sequence[Watermark]) -> bigquery.ArrayQueryParameter:
    rows = [
        bigquery.StructQueryParameter(
            None,
            bigquery.ScalarQueryParameter("stream", "STRING", mark.stream),
            bigquery.ScalarQueryParameter("partition", "STRING", mark.partition),
            bigquery.ScalarQueryParameter("watermark", "TIMESTAMP", mark.at),
            bigquery.ScalarQueryParameter("state", "STRING", mark.state),
        )
        for mark in watermarks
    ]
    return bigquery.ArrayQueryParameter("watermarks", "STRUCT", rows)

"""A fake of BigQuery's REST API on loopback, hand-written, for the real client library to talk to.

It knows what this project uses: datasets, tables, load jobs (multipart, resumable, from a bucket), query and script
jobs, pages of rows, dry runs. Every call is noted, and each may be made to fail.
"""

from __future__ import annotations

import email
import json
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from fake_engine import Dataset, Done, Engine, Refused, Table
from sqlglot import tokenize
from sqlglot.tokens import TokenType

CODES = {
    "accessDenied": 403, "backendError": 503, "bytesBilledLimitExceeded": 400, "duplicate": 409, "invalid": 400,
    "invalidQuery": 400, "notFound": 404, "quotaExceeded": 403, "rateLimitExceeded": 403,
    "resourcesExceeded": 400,
}  # fmt: skip
BYTES_A_ROW = 100
"""What the fake bills: nobody can know BigQuery's own figure here."""

Fault = Callable[[int, str], str | None]


class FakeBigQuery:
    """The server, from `with` to the end of its block.

    Attributes:
        engine: what stands behind it.
        calls: the name of every call, in order.
        fault: asked before each call with its number and name; may name a reason to refuse it.
        page: rows of a page at most.
        bucket: objects of Cloud Storage by `bucket/name`.
        running: for a job's id, how many questions more it is told to be running.
    """

    def __init__(self, project: str = "test-project") -> None:
        self.project, self.engine = project, Engine(project)
        self.calls: list[str] = []
        self.fault: Fault = lambda _number, _name: None
        self.page = 100_000
        self.bucket: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.running: dict[str, int] = {}
        self.done: dict[str, Done] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False  # so that its end waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()
        self.engine.connection.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, url: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Answer one request: status, JSON, headers."""
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            name, act = self._route(method, unquote(parts.path), query, headers, body)
            self.calls.append(name)
            try:
                self._break(name)
                found = act()
            except Refused as refused:
                return CODES[refused.reason], {"error": _error(refused)}, {}
            return (found[0], found[1], found[2]) if isinstance(found, tuple) else (200, found, {})

    def _break(self, name: str) -> None:
        if reason := self.fault(len(self.calls), name):
            raise Refused(reason, f"{reason}: the fake was told to refuse {name}")

    def _route(  # noqa: C901, PLR0911, PLR0912 - a table of routes
        self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes
    ) -> tuple[str, Callable[[], Any]]:
        storage = re.fullmatch(r"(?:/upload)?/storage/v1/b/([^/]+)/o(?:/(.+))?", path)
        if storage:
            if method == "DELETE":
                return "storage.delete", lambda: self.bucket.pop(f"{storage[1]}/{storage[2]}") and {}
            return "storage.insert", lambda: self._put(storage[1], headers, body)
        if path.startswith("/upload/"):
            if query["uploadType"] == "multipart":
                return "jobs.insert load", lambda: self._upload(*_multipart(headers, body))
            if method == "PUT":
                return "upload.chunk", lambda: self._chunk(query["upload_id"], headers, body)
            return "upload.start", lambda: self._start(json.loads(body))
        path = path.removeprefix(f"/bigquery/v2/projects/{self.project}/")
        document = json.loads(body) if body else {}
        match method, path.split("/"):
            case "GET", ["datasets", dataset]:
                return f"datasets.get {dataset}", lambda: self._dataset(dataset)
            case "GET", ["datasets", dataset, "tables"]:
                return f"tables.list {dataset}", lambda: self._tables(dataset)
            case "POST", ["datasets", dataset, "tables"]:
                return "tables.insert", lambda: self._make(dataset, document)
            case "GET", ["datasets", dataset, "tables", name]:
                return "tables.get", lambda: self._table(dataset, name)
            case "POST", ["jobs"]:
                kind = "load" if "load" in document["configuration"] else "query"
                return f"jobs.insert {kind}", lambda: self._insert(document)
            case "GET", ["jobs"]:
                return "jobs.list", lambda: self._children(query["parentJobId"])
            case "GET", ["jobs", job_id]:
                return "jobs.get", lambda: self._job(job_id)
            case "POST", ["queries"]:
                return "jobs.query", lambda: self._query(document)
            case "GET", ["queries", job_id]:
                return "jobs.getQueryResults", lambda: self._results(job_id, query)
        raise AssertionError((method, path))

    def _dataset(self, name: str) -> dict[str, Any]:
        dataset: Dataset = self.engine.dataset(name)
        reference = {"projectId": self.project, "datasetId": name}
        return {"datasetReference": reference, "location": dataset.location, "labels": dataset.labels}

    def _tables(self, name: str) -> dict[str, Any]:
        tables = self.engine.dataset(name).tables
        return {"tables": [_resource(self.project, name, *item) for item in tables.items()], "totalItems": len(tables)}

    def _table(self, dataset: str, name: str) -> dict[str, Any]:
        tables = self.engine.dataset(dataset).tables
        if name not in tables:
            raise Refused("notFound", f"Not found: Table {self.project}:{dataset}.{name}")
        return _resource(self.project, dataset, name, tables[name])

    def _make(self, dataset: str, document: dict[str, Any]) -> dict[str, Any]:
        name = document["tableReference"]["tableId"]
        expires = datetime.fromtimestamp(int(document["expirationTime"]) / 1000, UTC)
        table = Table("TABLE", document["schema"]["fields"], self.engine.tick(), "", document["labels"])
        table.expires = expires
        self.engine.create(dataset, name, table)
        return self._table(dataset, name)

    def _put(self, bucket: str, headers: Any, body: bytes) -> dict[str, Any]:
        document, data = _multipart(headers, body)
        self.bucket[f"{bucket}/{document['name']}"] = data
        return {"bucket": bucket, "name": document["name"], "size": str(len(data))}

    def _start(self, document: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        upload = str(len(self.uploads))
        self.uploads[upload] = {"document": document, "data": b""}
        place = f"{self.url}/upload/bigquery/v2/projects/{self.project}/jobs?uploadType=resumable&upload_id={upload}"
        return 200, {}, {"Location": place}

    def _chunk(self, upload: str, headers: Any, body: bytes) -> Any:
        held = self.uploads[upload]
        held["data"] += body
        if headers["Content-Range"].endswith("/*"):
            return 308, {}, {"Range": f"bytes=0-{len(held['data']) - 1}"}
        return self._upload(held["document"], held["data"])

    def _upload(self, document: dict[str, Any], data: bytes) -> dict[str, Any]:
        return self._begin(document, lambda: self._load(document, data))

    def _insert(self, document: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(document)
        if "load" in document["configuration"]:
            uri = document["configuration"]["load"]["sourceUris"][0].removeprefix("gs://")
            return self._begin(document, lambda: self._load(document, self.bucket[uri]))
        query = document["configuration"]["query"]
        if document["configuration"].get("dryRun"):
            _check_parameters(query["query"], query.get("queryParameters", ()))
            statistics = {"totalBytesProcessed": str(self._estimate(query["query"])), "query": {}}
            return {**document, "status": {"state": "DONE"}, "statistics": statistics}
        return self._begin(document, lambda: self._script(document))

    def _begin(self, document: dict[str, Any], work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do a job at once; tell that it runs, and at the next question that it is done."""
        job_id = document["jobReference"]["jobId"]
        if job_id in self.jobs:
            raise Refused("duplicate", f"Already Exists: Job {self.project}:US.{job_id}")
        place = document["jobReference"].get("location") or self._location()
        document["jobReference"] |= {"projectId": self.project, "location": place}
        times = {"creationTime": "1767225600000", "startTime": "1767225600000", "endTime": "1767225601000"}
        document["statistics"], document["status"] = times, {"state": "DONE"}
        self.jobs[job_id] = document
        try:
            document["statistics"] = times | work()
        except Refused as refused:
            errors = [{"reason": refused.reason, "message": m} for m in (refused.message, *refused.details)]
            document["status"] = {"state": "DONE", "errorResult": errors[0], "errors": errors}
        return {**document, "status": {"state": "RUNNING"}}

    def _load(self, document: dict[str, Any], data: bytes) -> dict[str, Any]:
        load = document["configuration"]["load"]
        asked = (load["sourceFormat"], load["allowQuotedNewlines"], str(load["skipLeadingRows"]))
        assert asked == ("CSV", True, "1"), load
        place = load["destinationTable"]
        rows = self.engine.load(place["datasetId"], place["tableId"], load["schema"]["fields"], data)
        return {"load": {"outputRows": str(rows), "inputFileBytes": str(len(data))}}

    def _script(self, document: dict[str, Any]) -> dict[str, Any]:
        query = document["configuration"]["query"]
        self._bill(query, query["query"])
        job_id = document["jobReference"]["jobId"]
        done = self.engine.run(query["query"], query.get("queryParameters", ()))
        self.done[job_id] = done[-1]
        for number, child in enumerate(done):
            counts = {"inserted": child.inserted, "updated": child.updated, "deleted": child.deleted}
            started = str(1767225600000 + number)
            self.jobs[f"{job_id}_child_{number}"] = {
                "jobReference": document["jobReference"] | {"jobId": f"{job_id}_child_{number}"},
                "configuration": {"jobType": "QUERY", "query": {"query": child.text}},
                "status": {"state": "DONE"},
                "statistics": {
                    "creationTime": started,
                    "startTime": started,
                    "parentJobId": job_id,
                    "query": {
                        "statementType": child.kind,
                        "dmlStats": {f"{name}RowCount": str(count) for name, count in counts.items()},
                    },
                },
            }
        return {"query": {"statementType": "SCRIPT"}, "numChildJobs": str(len(done))}

    def _job(self, job_id: str) -> dict[str, Any]:
        if job_id not in self.jobs:
            raise Refused("notFound", f"Not found: Job {self.project}:{job_id}")
        if self.running.get(job_id, 0) > 0:
            self.running[job_id] -= 1
            return {**self.jobs[job_id], "status": {"state": "RUNNING"}}
        return self.jobs[job_id]

    def _children(self, parent: str) -> dict[str, Any]:
        found = [job for job in self.jobs.values() if job["statistics"].get("parentJobId") == parent]
        return {"jobs": list(reversed(found))}

    def _query(self, document: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(document)
        self._bill(document, document["query"])
        job_id = f"query_{len(self.jobs)}"
        (self.done[job_id],) = self.engine.run(document["query"], document.get("queryParameters", ()))
        reference = {"projectId": self.project, "jobId": job_id, "location": self._location()}
        self.jobs[job_id] = {
            "jobReference": reference,
            "configuration": {"query": {"query": document["query"]}},
            "status": {"state": "DONE"},
            "statistics": {},
        }
        return self._results(job_id, {"maxResults": str(document.get("maxResults", self.page))})

    def _results(self, job_id: str, query: dict[str, str]) -> dict[str, Any]:
        job = self._job(job_id)
        if error := job["status"].get("errorResult"):
            raise Refused(error["reason"], error["message"])
        done = self.done[job_id]
        start, most = int(query.get("pageToken", "0")), min(int(query.get("maxResults", self.page)), self.page)
        rows = done.rows[start : start + most]
        more = {"pageToken": str(start + most)} if start + most < len(done.rows) and most else {}
        return {
            "jobReference": job["jobReference"],
            "jobComplete": True,
            "schema": {"fields": done.fields},
            "totalRows": str(len(done.rows)),
            "rows": [{"f": [{"v": _encoded(value)} for value in row]} for row in rows],
            **more,
        }

    def _bill(self, config: dict[str, Any], sql: str) -> None:
        limit, used = config.get("maximumBytesBilled"), self._estimate(sql)
        if limit is not None and used > int(limit):
            message = f"Query exceeded limit for bytes billed: {limit}. {used} or higher required."
            raise Refused("bytesBilledLimitExceeded", message)

    def _estimate(self, sql: str) -> int:
        one = sql if ";\n" not in sql else ""
        made = re.match(rf"create (?:or replace )?(?:table|view)[\w ]* `{self.project}`\.`(\w+)`\.(\w+)", one)
        if made:
            self.engine.dataset(made[1])
        tables = set(re.findall(rf"`{self.project}`\.`(\w+)`\.(\w+)", sql)) - ({made.groups()} if made else set())
        known = [(d, t) for d, t in tables if d in self.engine.datasets and t in self.engine.datasets[d].tables]
        if one and len(known) < len(tables):
            raise Refused("notFound", f"Not found: Table {self.project}:{'.'.join(min(tables - set(known)))}")
        count = self.engine.connection.execute
        rows = [count(f'select count(*) from "{d}"."{t}"').fetchone() for d, t in known]
        return BYTES_A_ROW * sum(row[0] for row in rows if row)

    def _location(self) -> str:
        return next((dataset.location for dataset in self.engine.datasets.values()), "US")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # an answer is one packet

            def setup(self) -> None:
                super().setup()
                fake._connections.append(self.connection)

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, document, headers = fake.answer(self.command, self.path, self.headers, body)
                text = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _resource(project: str, dataset: str, name: str, table: Table) -> dict[str, Any]:
    return {
        "tableReference": {"projectId": project, "datasetId": dataset, "tableId": name},
        "type": table.kind,
        "labels": table.labels,
        "creationTime": str(int(table.created.timestamp() * 1000)),
        "schema": {"fields": table.fields},
        **({"clustering": {"fields": table.clustering}} if table.clustering else {}),
    }


def _check_parameters(sql: str, given: Any) -> None:
    """Refuse a query that asks for parameters which are not given."""
    missing = set(re.findall(r"@(\w+)", sql)) - {each.get("name") for each in given}
    if missing or (TokenType.PLACEHOLDER in {token.token_type for token in tokenize(sql, read="bigquery")}) > bool(
        given
    ):
        raise Refused("invalidQuery", f"Query parameter {min(missing, default='1')!r} not found")


def _multipart(headers: Any, body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON and the data of a multipart body; the data as they are, byte by byte."""
    boundary = email.message_from_string(f"Content-Type: {headers['Content-Type']}\n\n").get_boundary()
    _, first, second, _ = re.split(rb"(?:^|\r\n)--" + re.escape(str(boundary).encode()) + rb"(?:--)?(?:\r\n|$)", body)
    return json.loads(first.split(b"\r\n\r\n", 1)[1]), second.split(b"\r\n\r\n", 1)[1]


def _encoded(value: Any) -> Any:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case datetime():
            return str(round((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000))
        case date():
            return value.isoformat()
        case list():
            return [{"v": _encoded(each)} for each in value]
        case _:
            return str(value)


def _error(refused: Refused) -> dict[str, Any]:
    errors = [{"reason": refused.reason, "message": refused.message, "domain": "global"}]
    return {"code": CODES[refused.reason], "message": refused.message, "errors": errors}

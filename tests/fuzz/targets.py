"""What is fuzzed: four doors that take bytes from outside, each with what must hold whatever the bytes are.

A target takes bytes and returns; it may raise nothing. `FourkeysError` is the answer to bad input and is caught here;
any other exception, and any assertion that fails, is a bug.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
import rfc4180

from fourkeys import catalog, config, extraction
from fourkeys.errors import FourkeysError
from fourkeys.files import CHECKPOINT, MANIFEST, Output, read_manifest
from fourkeys.http import Patience
from fourkeys.http import _client as http_client
from fourkeys.mart import views
from fourkeys.sources import ghes, heroku, requests
from fourkeys.sources.requests import _lines
from fourkeys.streams import STREAMS, Stream, Type
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Watermark

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CSV_STREAMS = ("ghes_labels", "ghes_pull_request_commits", "request_counts", "heroku_releases", "deployments")
API_STREAMS = tuple(name for name, each in STREAMS.items() if each.source == "ghes")
LOG_FORMATS = ("ndjson", "csv", "combined", None)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", re.ASCII).fullmatch
_GHES = "http://ghes.test/api/v3"
_END = b"\n\x00\n"
"""Stands between two answers of a server."""


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder in memory where there is such a place, and remove it."""
    place = Path(tempfile.mkdtemp(prefix="fourkeys-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        yield place
    finally:
        shutil.rmtree(place)


@cache
def warehouse() -> DuckDB:
    """Return one warehouse for all inputs: making one takes longer than using it."""
    made = DuckDB(":memory:")
    made._connection.execute("set threads = 1")
    return made


def csv_loader(data: bytes) -> None:
    """Load bytes as the CSV of a stream: refused, or exactly the rows that an independent reader finds in them.

    The first byte chooses the stream.
    """
    stream, body = STREAMS[CSV_STREAMS[data[0] % len(CSV_STREAMS)] if data else CSV_STREAMS[0]], data[1:]
    house, expected = warehouse(), rfc4180.records(body)
    with folder() as place:
        file = place / f"{stream.name}.csv"
        file.write_bytes(body)
        try:
            house.load(stream, file)
        except FourkeysError as error:
            assert error.exit_code in {1, 2}
            assert str(file) in error.message
            assert not is_plain(stream, expected) or _ends_in_two_ways(body), f"refused a good file: {error.message}"
            return
    columns = ", ".join(stream.header)
    stored = list(house.stream(f"select {columns} from raw.{stream.name}"))
    house._connection.execute(f"delete from raw.{stream.name}")
    if expected is None and re.search(rb'" +"', body):
        return  # DuckDB's reader takes "a" "b" for one text: known, and told in docs/reliability.md
    assert expected is not None, "loaded what is no CSV"
    names, *texts = expected
    compare(stream, [dict(zip(names, row, strict=True)) for row in texts], stored)


def compare(stream: Stream, given: list[dict[Any, Any]], stored: list[tuple[Any, ...]]) -> None:
    """Fail unless each stored row is one of the given, and each given key is stored once.

    Hand-written rows that do not say when they were extracted say when their file was written.
    """
    if stream.source == "manual":
        given = [{"extracted_at": ...} | row for row in given]
    expected: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in given:
        values = tuple(value_of(row.get(column.name), column.type) for column in stream.columns)
        key = tuple(values[stream.header.index(name)] for name in stream.key)
        expected.setdefault(key, []).append(values)
    found = {tuple(row[stream.header.index(name)] for name in stream.key): row for row in stored}
    assert len(found) == len(stored), "a key stands twice"
    assert set(expected) == set(found), (expected, found)
    for key, row in found.items():
        assert any(all(map(same, row, values)) for values in expected[key]), (row, expected[key])


def same(stored: Any, given: Any) -> bool:
    """Whether a stored value is the given one; `...` stands for any time, written as only DuckDB reads it."""
    return (given is ... and isinstance(stored, datetime)) or bool(stored == given)


def value_of(text: Any, kind: Type) -> Any:
    """Return what a text means, by Python's own readers."""
    if text is None or text is ...:
        return text
    match kind:
        case Type.INTEGER:
            return int(text)
        case Type.FLOAT:
            assert math.isfinite(float(text))
            return float(text)
        case Type.BOOLEAN:
            return {"t": True, "y": True, "1": True, "f": False, "n": False, "0": False}[text.lower()[:1]]
        case Type.TIMESTAMP:
            return _moment_of(text)
    return text


def _moment_of(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ...
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ends_in_two_ways(body: bytes) -> bool:
    """Whether some lines end with LF, and others with CR LF or CR: of that DuckDB's reader at times makes nothing."""
    return len(set(re.findall(rb"\r\n|\r|\n", body))) > 1


def is_plain(stream: Stream, records: list[list[str | None]] | None) -> bool:
    """Whether a file is one that must load: as our own writer writes it."""
    if not records:
        return False
    names, *rows = records
    if len(set(names)) != len(names) or not set(stream.key) <= set(names) <= set(stream.header):
        return False
    for row in rows:
        for name, text in zip(names, row, strict=True):
            if (text is None and name in stream.key) or not is_canonical(text, stream.column(str(name)).type):
                return False
    return True


def is_canonical(text: str | None, kind: Type) -> bool:
    """Whether a text is a value as our own writer writes it."""
    if text is None:
        return True
    try:
        return _is_value(text, kind)
    except ValueError:
        return False


def _is_value(text: str, kind: Type) -> bool:
    match kind:
        case Type.STRING:
            return "\x00" not in text
        case Type.INTEGER:
            return str(int(text)) == text and abs(int(text)) < 1 << 63
        case Type.FLOAT:
            return math.isfinite(float(text))
        case Type.BOOLEAN:
            return text in {"true", "false"}
        case Type.TIMESTAMP:
            return bool(_MOMENT(text)) and datetime.fromisoformat(text).year > 0
        case Type.JSON:
            return json.loads(text) is not ...


def config_parser(data: bytes) -> None:
    """Read bytes as `fourkeys.toml`: refused with exit code 2, or a configuration that everything can work with."""
    with folder() as place:
        file = place / "fourkeys.toml"
        file.write_bytes(data)
        try:
            settings = config.load(file, {})
        except FourkeysError as error:
            assert 2 == error.exit_code
            assert str(file) in error.message
            return
    use(settings)


def use(settings: config.Config) -> None:
    """Do with a configuration what commands do before they reach an outside system."""
    NOW.astimezone(settings.metrics.zone)
    values = views.settings(settings.metrics, NOW)
    names = ("incident_link_hours", "hotfix_labels", "hotfix_branches", "request_z", "request_minimum")
    literals = ", ".join(f"{values[name]} as {name}" for name in names)
    sql = f"select '{values['environment']}' as environment, '{values['timezone']}' as timezone, {literals}"
    found = warehouse().query(sql)[0]
    assert settings.metrics.environment == found["environment"]
    assert list(settings.metrics.hotfix_branches) == found["hotfix_branches"]
    for rows, stream in (
        (catalog.service_rows(settings.services), STREAMS["services"]),
        (catalog.resource_rows(settings.services), STREAMS["service_resources"]),
    ):
        expected = list(rows)
        warehouse().replace(stream, expected)
        stored = warehouse().query(f"select count(*) as n from raw.{stream.name}")[0]["n"]
        assert len(expected) == stored
    for source in (settings.sources.ghes, settings.sources.heroku):
        assert NOW - timedelta(minutes=getattr(source, "lag_minutes", 0)) <= NOW
        assert source.concurrency > 0
        assert not source.url or httpx.URL(source.url).host
    assert NOW - timedelta(minutes=settings.sources.requests.lag_minutes) <= NOW
    if not any(source.token_command for source in (settings.sources.ghes, settings.sources.heroku)):
        try:
            extraction.configured(settings, {})
            ghes.credentials(settings.sources.ghes, {})
            settings.sources.heroku.token({})
        except FourkeysError as error:
            assert 2 == error.exit_code


def log_parsers(data: bytes) -> None:
    """Count bytes as a request log: refused, or counts that agree with those of each line read on its own.

    The first byte chooses the format.
    """
    kind, body = (LOG_FORMATS[data[0] % len(LOG_FORMATS)], data[1:]) if data else (None, b"")
    settings = config.Requests(format=kind, service="svc", timezone="Asia/Tokyo")
    with folder() as place:
        (place / "log").write_bytes(body)
        try:
            with Output(place / "out") as output:
                plan = requests.Plan((str(place / "log"),))
                requests.extract(settings, plan, output, lambda _: None, clock=lambda: NOW)
        except FourkeysError as error:
            assert error.exit_code in {1, 2}
            return
        written = (place / "out" / "request_counts.csv").read_bytes()
        read_back = rfc4180.records(written)
    assert is_plain(STREAMS["request_counts"], read_back), written
    assert read_back
    total = sum(int(str(row[3])) for row in read_back[1:])
    if kind in {"ndjson", "combined"}:
        clock = _lines.Clock(config.Config(metrics=config.Metrics(timezone="Asia/Tokyo")).metrics.zone)
        parser: Any = _lines.Combined("svc") if kind == "combined" else _lines.Ndjson(config.LogFields(), "svc", clock)
        body = body.removeprefix(b"\xef\xbb\xbf")
        slowly = _lines._slow(body, parser._line, lambda *_: None)
        assert total == sum(entry[0] for entry in slowly.values())
        minutes = {(str(row[0]), str(row[1])) for row in read_back[1:]}
        assert len({key[:2] for key in slowly}) == len(minutes)


class Waited(BaseException):
    """A server asked to wait: the end of what is tested."""


async def _wait(seconds: float) -> None:
    assert 0 <= seconds < 100_000, f"waits for {seconds} seconds"
    raise Waited


@contextmanager
def _impatient() -> Iterator[None]:
    """Let clients made meanwhile end where they would wait."""
    defaults = cast("dict[str, Any]", http_client.Client.__init__.__kwdefaults__)
    before = defaults["sleep"]
    defaults["sleep"] = _wait
    try:
        yield
    finally:
        defaults["sleep"] = before


def api_decoders(data: bytes) -> None:
    """Answer with bytes: GHES, Heroku, or a file of our own; refused, or rows that load.

    The first byte chooses what asks. The rest is answers as HTTP has them: headers, an empty line, and a body.
    """
    choice, body = (data[0] % (len(API_STREAMS) + 3), data[1:]) if data else (0, b"")
    if choice == len(API_STREAMS) + 1:
        _own_files(body)
        return
    if choice == len(API_STREAMS) + 2:
        _stored_state(body)
        return
    answers = iter(body.split(_END))

    def answer(request: httpx.Request) -> httpx.Response:
        head, _, content = next(answers, b"200\n\n[]").partition(b"\n\n")
        status, *lines = head.split(b"\n")
        code = (
            int(status)
            if status.isdigit() and status in {b"200", b"302", b"304", b"401", b"403", b"429", b"500"}
            else 200
        )
        headers = [(n, v.strip()) for n, colon, v in (line.partition(b":") for line in lines) if colon and n.isalpha()]
        kept = [(n, v) for n, v in headers if n.lower() not in {b"content-encoding", b"content-length"}]
        return httpx.Response(code, headers=[*kept, *_dashed(lines)], content=content, request=request)

    stream = STREAMS["heroku_releases" if choice == len(API_STREAMS) else API_STREAMS[choice]]
    _extract(stream, httpx.MockTransport(answer), {})


def _dashed(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    known = {b"retry-after", b"x-ratelimit-remaining", b"x-ratelimit-reset", b"next-range"}
    pairs = (line.partition(b":") for line in lines)
    return [(name.lower(), value.strip()) for name, colon, value in pairs if colon and name.lower() in known]


def _extract(stream: Stream, transport: httpx.MockTransport, marks: dict[tuple[str, str], Watermark]) -> None:
    """Read a stream from a server that is played; what is written must load, and its watermark must be usable."""
    patience = Patience(attempts=1, refusals=1)
    with folder() as place, _impatient():
        try:
            with Output(place / "out") as output:
                if stream.source == "heroku":
                    settings, plan = config.Heroku(url="http://api.test"), heroku.Plan(("app",), watermarks=marks)
                    heroku.extract(
                        settings, "t", plan, output, lambda _: None,
                        transport=transport, patience=patience, clock=lambda: NOW,
                    )  # fmt: skip
                else:
                    asked, where = ghes.Plan((stream,), ("o/r",), watermarks=marks), config.Ghes(url=_GHES)
                    ghes.extract(
                        where, "t", asked, output, lambda _: None,
                        transport=transport, patience=patience, clock=lambda: NOW,
                    )  # fmt: skip
        except FourkeysError as error:
            assert error.exit_code in {1, 2, 3}
            return
        except Waited:
            return
        manifest = read_manifest(place / "out")
        assert manifest
        written = (place / "out" / f"{stream.name}.csv").read_bytes()
        assert is_plain(stream, rfc4180.records(written)), written
        found = {(mark.stream, mark.partition): mark for mark in manifest.streams[stream.name].watermarks}
    if found and not marks:
        empty = httpx.MockTransport(lambda request: httpx.Response(200, content=b"[]", request=request))
        _extract(stream, empty, found)


def _own_files(body: bytes) -> None:
    with folder() as place:
        (place / MANIFEST).write_bytes(body)
        (place / CHECKPOINT).write_bytes(body)
        try:
            read_manifest(place)
        except FourkeysError as error:
            assert MANIFEST in error.message
        Output(place).resume("plan")


def _stored_state(body: bytes) -> None:
    """A watermark's state comes from the warehouse, where anybody may have written it."""
    empty = httpx.MockTransport(lambda request: httpx.Response(200, content=b"[]", request=request))
    for name in ("ghes_labels", "ghes_issues", "ghes_issue_events", "heroku_releases"):
        place = "app" if name == "heroku_releases" else "o/r"
        mark = Watermark(name, place, NOW, body.decode(errors="replace"))
        _extract(STREAMS[name], empty, {(name, place): mark})


TARGETS: dict[str, Callable[[bytes], None]] = {
    "csv_loader": csv_loader,
    "config_parser": config_parser,
    "log_parsers": log_parsers,
    "api_decoders": api_decoders,
}

"""Request logs: what is counted, in every format and packing, and what is told of lines that do not fit."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourkeys import config
from fourkeys.errors import ConfigError, NotFoundError, SourceError
from fourkeys.files import Output, read_manifest
from fourkeys.sources.requests import Plan, extract
from fourkeys.sources.requests import _logs as logs
from fourkeys.sources.requests._tally import Tally
from fourkeys.window import Watermark, Window

if TYPE_CHECKING:
    from pathlib import Path

    from fourkeys.files import StreamEntry

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MONTHS = ["", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
Row = dict[str, str]
Requests = list[tuple[datetime, str, int, float]]


def counts(out: Path, *files: object, plan: Plan | None = None, **more: Any) -> tuple[list[Row], StreamEntry]:
    """Extract; returns the rows and the manifest's entry."""
    plan = plan or Plan(tuple(map(str, files)))
    with Output(out) as output:
        extract(config.Requests(**more), plan, output, lambda _: None, clock=lambda: NOW)
    manifest = read_manifest(out)
    assert manifest
    with (out / "request_counts.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), manifest.streams["request_counts"]


def some_requests(number: int = 3000) -> Requests:
    """Return requests of three services in two hours, in no order."""
    dice = random.Random(1)
    start = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    return [
        (
            start + timedelta(milliseconds=dice.randrange(7_200_000)),
            dice.choice(["shop", "mail", "検索"]),
            dice.choice([200, 200, 204, 302, 404, 429, 499, 500, 503, 101]),
            dice.randrange(5000) / 4,
        )
        for _ in range(number)
    ]


def expected(requests: Requests, failed: frozenset[int] = frozenset(range(500, 600))) -> list[tuple[Any, ...]]:
    """Count independently: one request after the other."""
    number: Counter[tuple[str, str, str]] = Counter()
    errors: Counter[tuple[str, str, str]] = Counter()
    durations: Counter[tuple[str, str, str]] = Counter()
    for moment, service, status, duration in requests:
        letter = f"{status // 100}xx" if status >= 200 else "other"
        key = (service, moment.strftime("%Y-%m-%dT%H:%M:00Z"), letter)
        number[key] += 1
        errors[key] += status in failed
        durations[key] += duration  # type: ignore[assignment]
    return [(*key, number[key], errors[key], durations[key]) for key in sorted(number)]


def actual(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return rows as `expected` does."""
    return [
        (
            row["service_key"],
            row["minute"],
            row["status_class"],
            int(row["requests"]),
            int(row["errors"]),
            float(row["duration_ms_sum"] or 0),
        )
        for row in rows
    ]


def ndjson(requests: Requests) -> bytes:
    """Write NDJSON as the default fields have it."""
    return b"".join(
        json.dumps(_record(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), *rest)).encode() + b"\n"
        for moment, *rest in requests
    )


def _record(time: object, service: str, status: int, duration: float) -> dict[str, object]:
    path = '/日本語?a="b"'
    return {"ts": time, "path": path, "service": service, "status": status, "duration_ms": duration}


def test_ndjson_is_counted(tmp_path: Path) -> None:
    """Requests, failed requests and durations by service, minute and class, in order, equal an independent count."""
    (tmp_path / "log.ndjson").write_bytes(ndjson(some_requests()))
    rows, entry = counts(tmp_path / "out", tmp_path / "log.ndjson")

    assert expected(some_requests()) == actual(rows)
    assert ((), ()) == (entry.warnings, entry.watermarks)


def test_times_are_read_as_logs_write_them(tmp_path: Path) -> None:
    """Offsets, a zone for what has none, and seconds or milliseconds since 1970 are the same minutes."""
    requests = some_requests()
    writings = [
        lambda t: t.astimezone(timezone_of(9)).isoformat(),
        lambda t: t.astimezone(timezone_of(-3.5)).isoformat(sep=" ", timespec="seconds"),
        lambda t: t.astimezone(timezone_of(9)).replace(tzinfo=None).isoformat(timespec="seconds"),
        lambda t: t.timestamp(),
        lambda t: int(t.timestamp() * 1000),
        lambda t: t.strftime("%Y%m%dT%H%M%SZ"),
    ]
    for number, write in enumerate(writings):
        lines = [json.dumps(_record(write(moment), *rest)) for moment, *rest in requests]
        file = tmp_path / f"{number}.jsonl"
        file.write_text("\n".join(lines))
        rows, _ = counts(tmp_path / f"out{number}", file, timezone="Asia/Tokyo")
        assert expected(requests) == actual(rows), lines[0]


def timezone_of(hours: float) -> Any:
    """Return a fixed offset."""
    return timezone(timedelta(hours=hours))


def test_values_in_quotes_and_dashes_for_no_duration(tmp_path: Path) -> None:
    """What nginx writes as text is read as a number; without any duration the sum is NULL."""
    (tmp_path / "log").write_text(
        '{"ts":"2026-01-01T00:00:00Z","service":"a","status":"503","duration_ms":"0.250"}\n'
        '{"ts":"2026-01-01T00:01:00Z","service":"a","status":"200","duration_ms":"-"}\n'
        '{"ts":"2026-01-01T00:01:00Z","service":"a","status":200,"duration_ms":null}\n'
        '{"ts":"2026-01-01T00:01:00Z","service":"a","status":200,"duration_ms":"nan"}\n'
        '{"ts":"2026-01-01T00:01:00Z","service":"a","status":200}\n'
    )
    rows, entry = counts(tmp_path / "out", tmp_path / "log", duration_unit="s")

    assert [("1", "1", "250.0"), ("4", "0", "")] == [(r["requests"], r["errors"], r["duration_ms_sum"]) for r in rows]
    assert () == entry.warnings


def test_csv_is_counted(tmp_path: Path) -> None:
    """A header names the fields; quoted newlines, a byte order mark and other columns do no harm."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "code", "took", "at", "app"])
    for moment, service, status, duration in some_requests():
        writer.writerow(['/a "b"\n,c', status, duration, moment.isoformat().replace("+00:00", "Z"), service])
    (tmp_path / "log.csv").write_text(text.getvalue(), encoding="utf-8-sig")
    fields = config.LogFields(time="at", service="app", status="code", duration="took")
    rows, _ = counts(tmp_path / "out", tmp_path / "log.csv", fields=fields)

    assert expected(some_requests()) == actual(rows)


def combined(requests: Requests, *, zone: Any = UTC) -> str:
    """Write the combined log format, with the duration in seconds after the user agent."""
    lines = []
    for moment, _, status, duration in requests:
        at = moment.astimezone(zone)
        day = f"{at.day:02}/{MONTHS[at.month]}/{at.year}:{at:%H:%M:%S %z}"
        agent = r"Mozilla/5.0 \"quoted\" [bracket]"
        lines.append(f'203.0.113.9 - bob [{day}] "GET /?q=\\"x\\" HTTP/1.1" {status} - "-" "{agent}" {duration / 1000}')
    return "\n".join(lines) + "\n"


def test_the_combined_log_format_is_counted(tmp_path: Path) -> None:
    """Apache's and nginx's own format needs the service from the configuration; common logs have no duration."""
    requests = [(t, "shop", status, duration) for t, _, status, duration in some_requests()]
    (tmp_path / "access.log").write_text(combined(requests, zone=timezone_of(9)) + combined(requests))
    rows, entry = counts(tmp_path / "out", tmp_path / "access.log", service="shop", duration_unit="s")
    (tmp_path / "common.log").write_text('::1 - - [01/Mar/2026:00:00:59 +0900] "GET / HTTP/1.0" 200 12\n')
    common, _ = counts(tmp_path / "out2", tmp_path / "common.log", service="shop")

    assert expected(requests + requests) == [(*row[:-1], pytest.approx(row[-1])) for row in actual(rows)]
    assert () == entry.warnings
    assert [("2026-02-28T15:00:00Z", "1", "")] == [(r["minute"], r["requests"], r["duration_ms_sum"]) for r in common]


def test_packed_files_globs_and_stdin_are_one_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain and gzip files by globs, and standard input, packed or not, add up."""
    requests = some_requests()
    parts = [ndjson(requests[n::4]) for n in range(4)]
    (tmp_path / "a.log").write_bytes(parts[0].rstrip(b"\n"))
    (tmp_path / "b.log.gz").write_bytes(
        gzip.compress(parts[1][:1000], mtime=0) + gzip.compress(parts[1][1000:], mtime=0)
    )
    (tmp_path / "c.log").write_bytes(b"\xef\xbb\xbf" + parts[2])
    (tmp_path / "folder.log").mkdir()
    for stdin in (parts[3], gzip.compress(parts[3], mtime=0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        rows, _ = counts(tmp_path / "out", tmp_path / "*.log", tmp_path / "*.log.gz", tmp_path / "a.log", "-")
        assert expected(requests) == actual(rows)
        assert not sys.stdin.closed


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 400), most=st.integers(1, 50), seed=st.integers(0, 5))
def test_pieces_and_spilled_counts_change_nothing(
    size: int, most: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However small the pieces and the memory are, the counts are the same."""
    requests = some_requests(100)
    file = tmp_path_factory.mktemp("log") / "log.ndjson"
    file.write_bytes(ndjson(requests))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_PIECE", size)
        patch.setattr(Tally.__init__, "__defaults__", (most,))
        rows, _ = counts(file.parent / "out", file)

    assert expected(requests) == actual(rows)


BAD = [
    b"not json", b"[1, 2]", b'{"service":"a","status":200}', b'{"ts":"soon","service":"a","status":200}',
    b'{"ts":"2026-01-01T00:00:00","service":"a","status":200}', b'{"ts":"2026-01-01T00:00:00Z","service":"a"}',
    b'{"ts":"2026-01-01T00:00:00Z","service":"a","status":"ok"}', b'{"ts":"2026-01-01T00:00:00Z","status":200}',
    b'{"ts":"2026-01-01T00:00:00Z","service":"a","status":99}', b'{"ts":"","service":"a","status":200}',
    b'{"ts":"2026-01-01T00:00:00Z","service":"\xff","status":200}', b"\x00\x01\x02", b'{"ts":"2026-01-01T00:0',
    b'{"ts":1e400,"service":"a","status":200}', b'{"ts":1e30,"service":"a","status":200}',
    b'{"ts":-1e15,"service":"a","status":200}',
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_line_that_does_not_fit_is_a_warning(bad: bytes, tmp_path: Path) -> None:
    """It is counted, its number and cause are told, and the lines around it count."""
    good = b'{"ts":"2026-01-01T00:00:00Z","service":"a","status":200}\n'
    (tmp_path / "log.ndjson").write_bytes(good + b"\n" + good + bad + b"\n" + good + bad + b"\n")
    rows, entry = counts(tmp_path / "out", tmp_path / "log.ndjson")

    assert [("2026-01-01T00:00:00Z", "3")] == [(row["minute"], row["requests"]) for row in rows]
    assert "2 of 6 lines do not fit; the first is line 4: " in entry.warnings[0]
    assert str(tmp_path / "log.ndjson") in entry.warnings[0]


@pytest.mark.parametrize(
    "bad", ["oops", '::1 - - [99/Mar/2026:00:00:59 +0900] "GET / HTTP/1.0" 200 12',
            '::1 - - [01/Foo/2026:00:00:59 +0900] "GET / HTTP/1.0" 200 12',
            '::1 - - [01/Mar/2026:00:00:59 +0900] "GET / HTTP/1.0" 999 12']
)  # fmt: skip
def test_a_bad_line_of_a_combined_log_is_a_warning(bad: str, tmp_path: Path) -> None:
    """As for NDJSON."""
    good = '::1 - - [01/Mar/2026:00:00:59 +0900] "GET / HTTP/1.0" 200 12\n'
    (tmp_path / "access.log").write_text(good * 5 + bad + "\n" + good)
    rows, entry = counts(tmp_path / "out", tmp_path / "access.log", service="a", format="combined")

    assert ["6"] == [row["requests"] for row in rows]
    assert "1 of 7 lines do not fit; the first is line 6: " in entry.warnings[0]


def test_a_bad_row_of_a_csv_is_a_warning(tmp_path: Path) -> None:
    """Too few fields, a status that is none, a time that is none: told with the line of the file."""
    good = "2026-01-01T00:00:00Z,a,200,1\n"
    (tmp_path / "log.csv").write_text(
        "ts,service,status,duration_ms\n" + good + "2026-01-01T00:00:00Z,a\n" + good + "x,a,200,1\n2026,a,b,c\n" + good
    )
    rows, entry = counts(tmp_path / "out", tmp_path / "log.csv")

    assert ["3"] == [row["requests"] for row in rows]
    assert "3 of 6 lines do not fit; the first is line 3: too few fields" in entry.warnings[0]


@pytest.mark.parametrize(
    ("name", "content", "more", "kind", "message"),
    [
        ("log.ndjson", b"a\nb\n", {}, SourceError, "2 of 2 lines do not fit; the first is line 1"),
        ("log.ndjson", b'{"ts":"2026-01-01T00:00:00","service":"a","status":1}', {}, SourceError, "says no time zone"),
        ("log.csv", b"time,service,status\n", {}, ConfigError, "no column 'ts'"),
        ("a.log", b"x", {"format": "combined"}, ConfigError, "does not name its service"),
        ("a.log.gz", gzip.compress(b"x" * 9999, mtime=0)[:-9], {}, SourceError, "cannot be read to its end"),
        (
            "a.log.gz",
            gzip.compress(bytes(range(256)), mtime=0)[:20] + b"x" * 300,
            {},
            SourceError,
            "cannot be read to its end",
        ),
    ],
)
def test_a_log_that_does_not_fit_is_an_error(
    name: str, content: bytes, more: dict[str, Any], kind: type[Exception], message: str, tmp_path: Path
) -> None:
    """Where no line fits, or half a file is missing, nothing is written and the file is named."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kind, match=message) as caught:
        counts(tmp_path / "out", tmp_path / name, **more)

    assert name in str(caught.value)
    assert [] == list((tmp_path / "out").glob("*.csv"))


def test_files_must_be_named(tmp_path: Path) -> None:
    """No files at all and a glob that names none are errors; an empty log is none."""
    with pytest.raises(ConfigError, match="no request logs"):
        counts(tmp_path / "out", plan=Plan())
    with pytest.raises(NotFoundError, match="none"):
        counts(tmp_path / "out", tmp_path / "none*.log")
    (tmp_path / "empty.ndjson").touch()
    rows, _ = counts(tmp_path / "out", tmp_path / "empty.ndjson")
    assert [] == rows


def test_what_is_failed_is_configuration(tmp_path: Path) -> None:
    """429 and 499 may count as failed beside, or instead of, 5xx."""
    (tmp_path / "log.ndjson").write_bytes(ndjson(some_requests()))
    rows, _ = counts(tmp_path / "out", tmp_path / "log.ndjson", failed=("500-502", "429"))

    assert expected(some_requests(), frozenset({429, 500, 501, 502})) == actual(rows)


def test_a_window_takes_whole_minutes(tmp_path: Path) -> None:
    """Minutes that begin in [since, until) are counted; a backfill moves no watermark."""
    file = tmp_path / "log.ndjson"
    file.write_bytes(ndjson(some_requests()))
    window = Window(datetime(2026, 3, 1, 23, 30, 30, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    rows, entry = counts(tmp_path / "out", plan=Plan((str(file),), window))
    inside = [request for request in some_requests() if "23:31" <= request[0].strftime("%H:%M") <= "23:59"]

    assert expected(inside) == actual(rows)
    assert () == entry.watermarks


def test_configured_files_are_counted_again_from_the_watermark_on(tmp_path: Path) -> None:
    """Less the lag, cut to the minute; files that nobody wrote to since are not opened; named files are read whole."""
    file, old = tmp_path / "log.ndjson", tmp_path / "old.ndjson"
    file.write_bytes(ndjson(some_requests()))
    old.write_bytes(b"not to be opened")
    os.utime(old, (0, 0))
    mark = Watermark("request_counts", "", datetime(2026, 3, 2, 0, 30, 40, tzinfo=UTC))
    marks = {("request_counts", ""): mark}
    files = (str(tmp_path / "*.ndjson"),)
    rows, entry = counts(tmp_path / "out", plan=Plan(watermarks=marks), files=files, lag_minutes=10)
    whole, named = counts(tmp_path / "out2", plan=Plan((str(file),), watermarks=marks))

    assert expected([r for r in some_requests() if r[0] >= datetime(2026, 3, 2, 0, 20, tzinfo=UTC)]) == actual(rows)
    assert [NOW] == [mark.at for mark in entry.watermarks]
    assert expected(some_requests()) == actual(whole)
    assert () == named.watermarks

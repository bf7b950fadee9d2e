"""What a Heroku release was: kinds, commits, first terminal statuses, on a small Heroku of our own."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fourkeys import config
from fourkeys.errors import ConfigError, NotFoundError
from fourkeys.files import Output, read_manifest
from fourkeys.http import Patience
from fourkeys.sources.heroku import Plan, extract
from fourkeys.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from fourkeys.files import StreamEntry
    from fourkeys.window import Watermark

DATE = "Tue, 24 Nov 2026 00:00:00 GMT"
A, B, C = "a" * 40, "b" * 40, "c" * 40
Row = dict[str, str]


@dataclass
class FakeHeroku:
    """A Heroku with one app: releases to list, slugs to ask for, and what was asked."""

    releases: list[dict[str, Any]] = field(default_factory=list)
    slugs: dict[str, str | None] = field(default_factory=dict)
    page: int = 1000
    asked: list[str] = field(default_factory=list)
    refusals: int = 0

    def add(self, description: str, slug: str | None, status: str = "succeeded", **more: Any) -> None:
        """Add a release, a day after the one before."""
        version = len(self.releases) + 1
        for release in self.releases if status == "succeeded" else ():
            release["current"] = False
        record = {
            "id": f"r{version}", "version": version, "status": status, "current": status == "succeeded",
            "description": description, "slug": slug and {"id": slug}, "app": {"id": "app-1", "name": "shop"},
            "user": {"id": "u", "email": "Someone@example.com"}, "created_at": f"2026-11-{version:02}T00:00:00Z",
            "updated_at": f"2026-11-{version:02}T00:00:00Z",
        }  # fmt: skip
        self.releases.append(record | more)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as Heroku does: ranges of versions, 206 with Next-Range, 404 for what is not there."""
        self.asked.append(f"{request.url.path} {request.headers.get('range', '')}".strip())
        headers = {"date": DATE}
        if self.refusals:
            self.refusals -= 1
            return httpx.Response(429, headers=headers, json={"id": "rate_limit", "message": "Your account reached"})
        assert "application/vnd.heroku+json; version=3" == request.headers["accept"]
        assert "Bearer key" == request.headers["authorization"]
        if match := re.fullmatch(r"/apps/shop/(?:slugs|oci-images)/(.+)", request.url.path):
            if match[1] in self.slugs:
                return httpx.Response(200, headers=headers, json={"id": match[1], "commit": self.slugs[match[1]]})
            return httpx.Response(410, headers=headers, json={"id": "gone", "message": "gone"})
        if request.url.path != "/apps/shop/releases":
            return httpx.Response(404, headers=headers, json={"id": "not_found", "message": "Couldn't find that app."})
        start = re.match(r"version \](\d+)\.\.;", request.headers["range"])
        assert start
        rest = [release for release in self.releases if release["version"] > int(start[1])]
        if len(rest) > self.page:
            headers["next-range"] = f"version ]{rest[self.page - 1]['version']}..; order=asc,max=1000"
        return httpx.Response(206 if "next-range" in headers else 200, headers=headers, json=rest[: self.page])

    def read(self, out: Path, plan: Plan | None = None) -> tuple[list[Row], StreamEntry]:
        """Extract; returns the rows and the manifest's entry."""
        with Output(out) as output:
            extract(
                config.Heroku(url="https://heroku.test", overlap=2),
                "key",
                plan or Plan(("shop",)),
                output,
                lambda _: None,
                transport=httpx.MockTransport(self.answer),
                patience=Patience(unknown=0.01, pause=0.001),
            )
        manifest = read_manifest(out)
        assert manifest
        with (out / "heroku_releases.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file)), manifest.streams["heroku_releases"]


def marks(entry: StreamEntry) -> dict[tuple[str, str], Watermark]:
    """Return the watermarks as the next run gets them."""
    return {(mark.stream, mark.partition): mark for mark in entry.watermarks}


def column(rows: list[Row], name: str) -> list[str]:
    """Return one column, in the order of versions."""
    return [row[name] for row in sorted(rows, key=lambda row: int(row["version"]))]


def test_kinds_come_from_what_is_carried(tmp_path: Path) -> None:
    """New artifacts deploy, earlier ones roll back, the same ones change no code, whatever the words are."""
    heroku = FakeHeroku(slugs={"s1": A, "s2": B, "s3": C, "s4": C, "s9": A})
    for description, slug, status, expected in [
        ("Initial release", None, "succeeded", "other"),
        ("Set SECRET config vars", None, "succeeded", "config"),
        ("Deploy aaaaaaa", "s1", "succeeded", "deploy"),
        ("Attach DATABASE (@ref:postgresql-1)", "s1", "succeeded", "addon"),
        ("second commit", "s2", "succeeded", "deploy"),
        ("Rollback to v3", "s1", "succeeded", "rollback"),
        ("back again", "s2", "succeeded", "rollback"),
        ("Promote shop-staging v7 ccccccc", "s3", "failed", "promote"),
        ("Retry of v8: Promote", "s3", "succeeded", "deploy"),
        ("Change web scale", "s3", "succeeded", "other"),
        ("Remove OLD config vars", "s3", "succeeded", "config"),
        ("Rollback to v10", "s3", "succeeded", "rollback"),
        ("Rollback to v1", "s9", "succeeded", "rollback"),
        ("Deploy ccccccc", "s4", "expired", "deploy"),
        ("Set A, B config vars", "s4", "succeeded", "config"),
    ]:
        heroku.add(description, slug, status, expected=expected)
    rows, _ = heroku.read(tmp_path)

    assert [release["expected"] for release in heroku.releases] == column(rows, "kind")


def test_the_first_terminal_status_stays(tmp_path: Path) -> None:
    """A release that expired after it had failed or succeeded is still told as what it was."""
    heroku = FakeHeroku(slugs={"s1": A, "s2": B, "s3": C})
    heroku.add("Deploy aaaaaaa", "s1")
    heroku.add("Deploy bbbbbbb", "s2", "failed")
    heroku.add("Deploy ccccccc", "s3", "pending")
    first, entry = heroku.read(tmp_path / "1")
    for release in heroku.releases:
        release["status"] = "expired"
    second, _ = heroku.read(tmp_path / "2", Plan(("shop",), watermarks=marks(entry)))

    assert ["succeeded", "failed", ""] == column(first, "first_terminal_status")
    assert {"1": "succeeded", "2": "failed", "3": "expired"} == {
        r["version"]: r["first_terminal_status"] for r in second
    }
    assert {"expired"} == {row["status"] for row in second}


def test_a_pending_release_is_read_again_until_it_is_over(tmp_path: Path) -> None:
    """However many releases come after it, the next run starts before a release that was pending."""
    heroku = FakeHeroku(slugs={f"s{n}": A for n in range(20)})
    heroku.add("Deploy 1", "s1")
    heroku.add("Deploy 2", "s2", "pending")
    for number in range(3, 12):
        heroku.add(f"Deploy {number}", f"s{number}")
    _, entry = heroku.read(tmp_path / "1")
    heroku.releases[1]["status"] = "failed"
    rows, _ = heroku.read(tmp_path / "2", Plan(("shop",), watermarks=marks(entry)))
    _, later = heroku.read(tmp_path / "3", Plan(("shop",), watermarks=marks(entry)))
    heroku.asked.clear()
    last, _ = heroku.read(tmp_path / "4", Plan(("shop",), watermarks=marks(later)))

    assert ["2", "failed"] == [rows[0]["version"], rows[0]["first_terminal_status"]]
    assert ["10", "11"] == [row["version"] for row in last]
    assert ["/apps/shop/releases version ]9..; order=asc,max=1000"] == heroku.asked


def test_what_was_pending_for_a_month_is_given_up(tmp_path: Path) -> None:
    """A release that hangs does not make every run read all that came after it."""
    heroku = FakeHeroku(slugs={f"s{n}": A for n in range(9)})
    heroku.add("Deploy 1", "s1", "pending", created_at="2026-10-01T00:00:00Z")
    for number in range(2, 9):
        heroku.add(f"Deploy {number}", f"s{number}")
    _, entry = heroku.read(tmp_path / "1")
    rows, _ = heroku.read(tmp_path / "2", Plan(("shop",), watermarks=marks(entry)))

    assert ["7", "8"] == [row["version"] for row in rows]


def test_the_row_that_was_current_is_told_when_it_is_no_more(tmp_path: Path) -> None:
    """After a run of failed releases the one that serves is still read again."""
    heroku = FakeHeroku(slugs={f"s{n}": A for n in range(9)})
    heroku.add("Deploy 1", "s1")
    for number in range(2, 7):
        heroku.add(f"Deploy {number}", f"s{number}", "failed", current=False)
    heroku.releases[0]["current"] = True
    _, entry = heroku.read(tmp_path / "1")
    heroku.add("Deploy 7", "s7")
    rows, _ = heroku.read(tmp_path / "2", Plan(("shop",), watermarks=marks(entry)))

    assert ["false"] * 6 + ["true"] == column(rows, "current")


def test_commits_are_known_asked_for_or_gone(tmp_path: Path) -> None:
    """A known prefix costs nothing, a slug is asked for once, one that is gone leaves what the words say."""
    heroku = FakeHeroku(slugs={"s2": B, "s5": None})
    for description, slug in [
        ("Deploy aaaaaaa", "s1"), ("Deploy by hand", "s2"), ("Set X config vars", "s2"), ("Deploy ccccccc", "gone"),
        ("Deploy by hand", "gone2"), ("Deploy by hand", "s5"),
    ]:  # fmt: skip
        heroku.add(description, slug)
    rows, entry = heroku.read(tmp_path, Plan(("shop",), known_commits={"aaaaaaa": A}.get))

    assert [A, B, B, "ccccccc", "", ""] == column(rows, "commit_sha")
    assert ["gone", "gone2", "s2", "s5"] == sorted(path.rsplit("/", 1)[1] for path in heroku.asked if "slugs" in path)
    assert (5, 3) == (entry.requests, len(entry.warnings))
    assert "shop v4: slug gone is gone" in " ".join(entry.warnings)


def test_images_have_commits_too(tmp_path: Path) -> None:
    """A release without a slug carries an OCI image, which is asked for its commit."""
    heroku = FakeHeroku(slugs={"img": A})
    heroku.add("Deploy by build", None, artifacts=[{"type": "oci-image", "id": "img"}])
    rows, _ = heroku.read(tmp_path)

    assert [("", "oci-image", "img", A, "deploy")] == [
        (r["slug_id"], r["artifact_type"], r["artifact_id"], r["commit_sha"], r["kind"]) for r in rows
    ]
    assert "/apps/shop/oci-images/img" in heroku.asked


def test_pages_are_followed_and_nights_equal_one_read(tmp_path: Path) -> None:
    """However the releases are cut into pages and runs, the rows are the same."""
    heroku = FakeHeroku(slugs={f"s{n}": A for n in range(9)}, page=3)
    stored: dict[str, Row] = {}
    known: dict[tuple[str, str], Watermark] = {}
    steps = ["s1", "s2", None, "s1", "s1", "s3", "s2", "s4", "s4", "s1", "s5", "s5"]
    for number, slug in enumerate(steps, 1):
        heroku.add(f"step {number}", slug, "failed" if number % 5 == 0 else "succeeded")
        heroku.releases[-1]["current"] = number % 5 != 0
        rows, entry = heroku.read(tmp_path / str(number), Plan(("shop",), watermarks=known))
        stored |= {row["version"]: row for row in rows}
        known = marks(entry)
    whole, _ = heroku.read(tmp_path / "whole")

    assert whole == sorted(stored.values(), key=lambda row: int(row["version"]))
    assert [str(n) for n in range(1, 13)] == [row["version"] for row in whole]


def test_a_rate_limit_is_waited_for(tmp_path: Path) -> None:
    """429 without a word on how long: the run waits and goes on."""
    heroku = FakeHeroku(slugs={"s1": A}, refusals=5)
    heroku.add("Deploy 1", "s1")
    rows, entry = heroku.read(tmp_path)

    assert [A] == column(rows, "commit_sha")
    assert (7, ()) == (entry.requests, entry.failures)


def test_a_window_is_a_backfill(tmp_path: Path) -> None:
    """Only releases created in [since, until) are written, kinds look further back, no watermark moves."""
    heroku = FakeHeroku(slugs={"s1": A, "s2": B})
    for slug in ("s1", "s2", "s1", "s2"):
        heroku.add("by hand", slug)
    window = Window(datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC))
    rows, entry = heroku.read(tmp_path, Plan(("shop",), window))

    assert [("3", "rollback")] == [(row["version"], row["kind"]) for row in rows]
    assert () == entry.watermarks


def test_until_alone_stands_there(tmp_path: Path) -> None:
    """With an end but no start, the watermark is the end, and the next run reads what came after it."""
    heroku = FakeHeroku(slugs={"s1": A})
    for _ in range(6):
        heroku.add("by hand", "s1")
    end = datetime(2026, 11, 4, tzinfo=UTC)
    rows, entry = heroku.read(tmp_path / "1", Plan(("shop",), Window(None, end)))
    rest, _ = heroku.read(tmp_path / "2", Plan(("shop",), watermarks=marks(entry)))

    assert ["1", "2", "3"] == column(rows, "version")
    assert [end] == [mark.at for mark in entry.watermarks]
    assert ["2", "3", "4", "5", "6"] == column(rest, "version")


def test_one_app_that_fails_stops_no_other(tmp_path: Path) -> None:
    """An unknown app is named in the failures; alone, it is the error."""
    heroku = FakeHeroku(slugs={"s1": A})
    heroku.add("Deploy 1", "s1")
    rows, entry = heroku.read(tmp_path, Plan(("shop", "nowhere")))

    assert 1 == len(rows)
    assert ["nowhere"] == [failure.partition for failure in entry.failures]
    assert ["shop"] == [mark.partition for mark in entry.watermarks]
    with pytest.raises(NotFoundError, match="nowhere"):
        heroku.read(tmp_path, Plan(("nowhere",)))


def test_a_record_that_does_not_fit_is_a_warning(tmp_path: Path) -> None:
    """A status of the wrong type and a null user become NULL; a release without a version is left out."""
    heroku = FakeHeroku(slugs={"s1": A})
    heroku.add("Deploy 1", "s1", user=None)
    heroku.add("Deploy 2", "s1", status=7)
    rows, entry = heroku.read(tmp_path)

    assert ["succeeded", ""] == column(rows, "status")
    assert ["", ""] == column(rows, "user_email_hash")
    assert ["status" in warning for warning in entry.warnings] == [True]


def test_addresses_are_hashed_with_a_key(tmp_path: Path) -> None:
    """The hash is stable within a key, ignores case, and differs between keys; the address is nowhere."""
    heroku = FakeHeroku(slugs={"s1": A})
    heroku.add("Deploy 1", "s1")
    heroku.add("Deploy 2", "s1", user={"id": "u", "email": "someone@EXAMPLE.com"})
    one, _ = heroku.read(tmp_path / "1", Plan(("shop",), hash_key="hunter2"))
    two, _ = heroku.read(tmp_path / "2", Plan(("shop",), hash_key="two"))

    assert 1 == len(set(column(one, "user_email_hash")))
    assert 64 == len(one[0]["user_email_hash"])
    assert one[0]["user_email_hash"] != two[0]["user_email_hash"]
    assert "example" not in (tmp_path / "1" / "heroku_releases.csv").read_text().lower()
    assert "hunter2" not in repr(Plan(("shop",), hash_key="hunter2"))


def test_no_key_is_said_at_once(tmp_path: Path) -> None:
    """Without an API key nothing is asked; the hint names the variable."""
    with pytest.raises(ConfigError) as caught, Output(tmp_path) as output:
        extract(config.Heroku(), None, Plan(("shop",)), output, lambda _: None)

    assert "HEROKU_API_KEY" in caught.value.hint

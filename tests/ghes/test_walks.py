"""Walks through listings that change under them: nothing is lost, whatever happens between two pages."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fourkeys import config
from fourkeys.errors import UnreachableError
from fourkeys.files import Output, read_manifest
from fourkeys.http import Client, Patience
from fourkeys.sources.ghes import Plan, extract
from fourkeys.sources.ghes import _graph as graph
from fourkeys.sources.ghes._api import Api, Page
from fourkeys.sources.ghes._keyset import keyset
from fourkeys.sources.ghes._records import Comment, Event
from fourkeys.sources.ghes._walks import newest_first
from fourkeys.streams import STREAMS
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)
BASE = "http://ghes.test/api/v3"


class Listing:
    """A repository's comments or events on a server, which change after every answer."""

    def __init__(self, count: int, change: Callable[[Listing], None] | None = None, per_second: int = 1) -> None:
        self.now = START + timedelta(days=30)
        self.records = {n: START + timedelta(seconds=n // per_second) for n in range(1, count + 1)}
        self.change = change
        self.requests = 0
        self.random = random.Random(count)

    def touch(self) -> None:
        """Change a record, now."""
        self.now += timedelta(seconds=1)
        self.records[self.random.choice(list(self.records))] = self.now

    def delete(self) -> None:
        """Remove a record."""
        self.records.pop(self.random.choice(list(self.records)))

    def add(self) -> None:
        """Make a new record, now."""
        self.now += timedelta(seconds=1)
        self.records[max(self.records) + 1] = self.now

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as GHES does: by update ascending for comments, newest first for events, with page numbers."""
        self.requests += 1
        asked = request.url.params
        newest_first = request.url.path.endswith("/events")
        since = asked.get("since", "")
        ordered = sorted((at, n) for n, at in self.records.items() if rfc3339(at) >= since)
        if newest_first:
            ordered.sort(key=lambda each: -each[1])
        page, size = int(asked.get("page", 1)), int(asked["per_page"])
        part = [
            {"id": n, "created_at": rfc3339(START + timedelta(seconds=n)), "updated_at": rfc3339(at)}
            for at, n in ordered[(page - 1) * size : page * size]
        ]
        last = -(-len(ordered) // size)
        links = [("next", page + 1), ("last", last)] if page < last else []
        url = request.url.copy_remove_param("page")
        link = ", ".join(f'<{url.copy_set_param("page", n)}>; rel="{name}"' for name, n in links)
        if self.change:
            self.change(self)
        return httpx.Response(200, content=json.dumps(part), headers={"link": link} if link else {})


def walk(listing: Listing, ask: Callable[[Api, Callable[[Page[Any]], None]], Awaitable[Any]]) -> list[Any]:
    """Return all records that a walk hands over."""
    found: list[Any] = []

    async def run() -> None:
        async with Client(BASE, transport=httpx.MockTransport(listing)) as client:
            await ask(Api(client, lambda: START, lambda _: None), lambda page: found.extend(page.records))

    asyncio.run(run())
    return found


def comments(listing: Listing, since: datetime | None = None) -> list[Any]:
    """Walk through comments in order of change."""
    return walk(listing, lambda api, handle: keyset(api, "/r/comments", Comment, handle, {}, {}, since))


def events(listing: Listing, since: datetime | None = None) -> list[Any]:
    """Walk through events, newest first."""
    created_at = attrgetter("created_at")
    return walk(listing, lambda api, take: newest_first(api, "/r/events", Event, take, {}, created_at, since))


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 350, 5000])
def test_a_quiet_listing_is_read_once_and_in_full(count: int) -> None:
    """Every record comes once, in about as many requests as there are pages."""
    for read in (comments, events):
        listing = Listing(count)
        ids = [record.id for record in read(listing)]

        assert sorted(ids) == list(range(1, count + 1))
        assert listing.requests <= max(1, -(-count // 99)) + (4 if count > 2500 else 1)


@pytest.mark.parametrize("per_second", [7, 60, 150, 1000])
@pytest.mark.parametrize("count", [350, 5000])
def test_many_changes_in_one_second_are_no_trap(count: int, per_second: int) -> None:
    """Even where more than a page changed in one second, each record comes once."""
    listing = Listing(count, per_second=per_second)

    assert list(range(1, count + 1)) == sorted(record.id for record in comments(listing))


@pytest.mark.parametrize(
    "changes",
    [("touch",), ("delete",), ("add",), ("touch", "touch", "touch", "delete", "add")],
    ids="-".join,
)
@pytest.mark.parametrize("count", [350, 5000])
def test_a_changing_listing_loses_nothing(count: int, changes: tuple[str, ...]) -> None:
    """Records that stay are all there, each at least as new as when the walk began; the next walk brings the rest."""

    def change(listing: Listing) -> None:
        for name in changes:
            getattr(listing, name)()

    listing = Listing(count, change)
    before = dict(listing.records)
    found = {record.id: record.updated_at for record in comments(listing)}
    kept = before.keys() & listing.records.keys()

    assert kept <= found.keys()
    assert all(found[n] >= rfc3339(before[n]) for n in kept)
    listing.change = None
    found |= {r.id: r.updated_at for r in comments(listing, START + timedelta(days=30) - timedelta(minutes=15))}
    assert {n: rfc3339(at) for n, at in listing.records.items()} == {n: found[n] for n in listing.records}


@pytest.mark.parametrize("count", [350, 5000])
def test_new_events_push_none_off_the_pages(count: int) -> None:
    """When events are added while pages are read, all that were there before are found."""
    listing = Listing(count, Listing.add)

    assert set(range(1, count + 1)) <= {record.id for record in events(listing)}


def test_the_first_old_event_ends_the_walk() -> None:
    """An increment reads the pages that hold something new, and hands over nothing older."""
    listing = Listing(1000)
    found = events(listing, START + timedelta(seconds=851))

    assert list(range(851, 1001)) == sorted(record.id for record in found)
    assert listing.requests == 2


def server(answers: Callable[[dict[str, Any]], dict[str, Any] | httpx.Response]) -> httpx.MockTransport:
    """Return a server that has one repository, and GraphQL of pull requests."""

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("graphql"):
            return httpx.Response(200, json={"id": 1, "full_name": "o/r", "default_branch": "main"})
        body = json.loads(request.content)
        made = answers(body) if "o0" not in body["variables"] else {"data": {}}
        return made if isinstance(made, httpx.Response) else httpx.Response(200, json=made)

    return httpx.MockTransport(answer)


def pull(number: int, **more: Any) -> dict[str, Any]:
    """Return a pull request as GraphQL sends it."""
    at = rfc3339(START + timedelta(minutes=number))
    return {"number": number, "databaseId": number, "state": "OPEN", "createdAt": at, "updatedAt": at, **more}


def pulls(transport: httpx.MockTransport, out: Path, streams: tuple[str, ...] = ("ghes_pull_requests",)) -> Any:
    """Extract pull requests and return the manifest."""
    quick = Patience(attempts=2, pause=0.001, longest=0.001)
    with Output(out) as output:
        settings, plan = config.Ghes(url=BASE), Plan(tuple(STREAMS[name] for name in streams), ("o/r",))
        extract(settings, None, plan, output, lambda _: None, transport=transport, patience=quick, clock=lambda: START)
    return read_manifest(out)


def test_a_server_that_finds_fifty_too_many_is_asked_for_less(tmp_path: Path) -> None:
    """Where a page of pull requests times out, half as many are asked for, and no more than that from then on."""
    asked: list[int] = []

    def answers(body: dict[str, Any]) -> dict[str, Any] | httpx.Response:
        first, after = body["variables"]["first"], int(body["variables"]["after"] or 0)
        asked.append(first)
        if first > 15:
            return httpx.Response(502, text="<html>") if len(asked) % 2 else {
                "errors": [{"message": "Something went wrong while executing your query. This may be a timeout."}]
            }  # fmt: skip
        numbers = range(1, 101) if body["variables"]["order"]["direction"] == "ASC" else range(100, 0, -1)
        part = list(numbers)[after : after + first]
        info = {"hasNextPage": after + first < 100, "endCursor": str(after + first)}
        return {"data": {"repository": {"pullRequests": {"pageInfo": info, "nodes": [pull(n) for n in part]}}}}

    manifest = pulls(server(answers), tmp_path)

    assert 100 == manifest.streams["ghes_pull_requests"].rows
    assert asked.index(12) <= 8
    assert {12} == set(asked[asked.index(12) :])


def test_a_server_that_fails_whatever_is_asked_is_an_error(tmp_path: Path) -> None:
    """If not even one pull request can be had, that is said, not zero rows."""
    with pytest.raises(UnreachableError, match="graphql"):
        pulls(server(lambda _: httpx.Response(502)), tmp_path)


def test_long_lists_within_pull_requests_are_read_to_their_ends(tmp_path: Path) -> None:
    """A pull request with 230 commits, one of them an octopus of 25 parents, is complete; as are 130 reviews."""
    oids = [f"{n:040x}" for n in range(230)]
    parents = [f"{n:040x}" for n in range(1000, 1025)]

    def part(items: list[Any], after: str | None, size: int) -> dict[str, Any]:
        start = int(after or 0)
        info = {"hasNextPage": start + size < len(items), "endCursor": str(start + size)}
        return {"totalCount": len(items), "pageInfo": info, "nodes": items[start : start + size]}

    def commit(oid: str) -> dict[str, Any]:
        mine = parents if oid == oids[7] else parents[:1]
        at = rfc3339(START)
        return {"commit": {"oid": oid, "authoredDate": at, "committedDate": at, "parents": part(mine, None, 10)}}

    commits = [commit(oid) for oid in oids]
    reviews = [
        {"databaseId": n, "state": "APPROVED", "submittedAt": rfc3339(START + timedelta(hours=n))} for n in range(130)
    ]

    def answers(body: dict[str, Any]) -> dict[str, Any]:
        given = body["variables"]
        if "first" in given:
            whole = {
                "size": {"totalCount": 230},
                "commits": part(commits, None, 100),
                "reviews": part(reviews, None, 100),
            }
            return {"data": {"repository": {"pullRequests": {"nodes": [pull(1, **whole)]}}}}
        data = {}
        for place in range(len([name for name in given if name.startswith("k")])):
            key, after = given[f"k{place}"], given[f"a{place}"]
            if key == oids[7]:
                data[f"p{place}"] = {"object": {"parents": part([{"oid": p} for p in parents], after, 100)}}
            elif (
                f"p{place}: repository(owner: $owner, name: $name) {{ pullRequest(number: $k{place}) {{ commits"
                in body["query"]
            ):
                data[f"p{place}"] = {"pullRequest": {"commits": part(commits, after, 100)}}
            else:
                data[f"p{place}"] = {"pullRequest": {"reviews": part(reviews, after, 100)}}
        return {"data": data}

    for each in commits:
        each["commit"]["parents"]["nodes"] = [{"oid": p} for p in each["commit"]["parents"]["nodes"]]
    names = tuple(f"ghes_pull_request{end}" for end in ("s", "_commits", "_reviews"))
    manifest = pulls(server(answers), tmp_path, names)

    assert [1, 230, 130] == [manifest.streams[name].rows for name in names]
    lines = (tmp_path / "ghes_pull_request_commits.csv").read_text().splitlines()
    assert [f"{oid},{n}" for n, oid in enumerate(oids)] == [",".join(line.split(",")[3:5]) for line in lines[1:]]
    octopus = next(line for line in lines if oids[7] in line.split(",")[3])
    assert all(parent in octopus for parent in parents)
    assert rfc3339(START) in (tmp_path / "ghes_pull_requests.csv").read_text().splitlines()[1]


def test_queries_ask_only_for_what_goes_on() -> None:
    """The query for more holds the fragments of its kinds and no others."""
    assert "reviewParts" not in graph.more(["commits"])
    assert "commitParts" not in graph.more(["reviews", "parents"])


def test_issues_that_are_switched_off_are_no_failure(tmp_path: Path) -> None:
    """A repository without issues answers 410: there are none, a warning says so, and the watermark moves."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/issues"):
            return httpx.Response(410, json={"message": "Issues are disabled for this repo"})
        return httpx.Response(404 if "graphql" in request.url.path else 200, json={"id": 1, "full_name": "o/r"})

    streams = (STREAMS["ghes_issues"], STREAMS["ghes_repositories"])
    with Output(tmp_path) as output:
        plan, transport = Plan(streams, ("o/r",)), httpx.MockTransport(answer)
        extract(config.Ghes(url=BASE), None, plan, output, lambda _: None, transport=transport, clock=lambda: START)
    manifest = read_manifest(tmp_path)
    assert manifest

    entry = manifest.streams["ghes_issues"]
    assert ((), 1, True) == (entry.failures, len(entry.watermarks), "disabled" in entry.warnings[0])

"""Many repositories: a night in which nothing happens costs little, and loses nothing."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from fourkeys import catalog, config
from fourkeys.files import Output, read_manifest
from fourkeys.sandbox.company import Company
from fourkeys.sandbox.ghes import Ghes
from fourkeys.sandbox.graphql import GraphQL
from fourkeys.sandbox.routes import Query
from fourkeys.sources.ghes import Plan, _quiet, extract

if TYPE_CHECKING:
    from pathlib import Path

    from fourkeys.window import Watermark

BASE = "http://ghes.test"
MANY = 5
DAY = timedelta(days=1)
Marks = dict[tuple[str, str], "Watermark"]


class Server(httpx.AsyncBaseTransport):
    """The sandbox without a network; keeps the paths that were asked for."""

    def __init__(self, company: Company) -> None:
        self._rest = Ghes(company, BASE)
        self._graphql = GraphQL(company, self._rest, BASE)
        self._date = company.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        path = request.url.path
        self.asked.append(path)
        shown: Any
        links: dict[str, str] = {}
        if path == "/api/graphql":
            asked = msgspec.json.decode(request.content)
            shown = self._graphql.answer(asked["query"], asked["variables"], None)
        else:
            answer = self._rest.answer(path.removeprefix("/api/v3/"), Query(request.url.params))
            shown, links = answer.body, dict(answer.links)
        headers = {"date": self._date}
        if links:
            headers["link"] = ", ".join(f'<{BASE}/api/v3/{link}>; rel="{name}"' for name, link in links.items())
        return httpx.Response(200, headers=headers, content=msgspec.json.encode(shown))


def night(company: Company, marks: Marks, folder: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read all repositories; return the paths that were asked for and the comments, and move the *marks*."""
    server = Server(company)
    plan = Plan(catalog.needed(()), organizations=("acme",), watermarks=dict(marks))
    with Output(folder) as output:
        extract(config.Ghes(url=f"{BASE}/api/v3"), None, plan, output, lambda _: None, transport=server)
    manifest = read_manifest(folder)
    assert manifest
    assert not any(entry.failures for entry in manifest.streams.values())
    marks |= {(m.stream, m.partition): m for entry in manifest.streams.values() for m in entry.watermarks}
    with (folder / "ghes_issue_comments.csv").open(newline="", encoding="utf-8") as file:
        return server.asked, list(csv.DictReader(file))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, Marks]:
    """A company whose repositories were all read the night before."""
    company, marks = Company.crowd(MANY), Marks()
    night(company, marks, tmp_path_factory.mktemp("first"))
    return company, marks


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many repositories are many."""
    monkeypatch.setattr(_quiet, "EVERY_NIGHT", MANY - 1)


def test_repositories_at_rest_take_turns(first: tuple[Company, Marks], tmp_path: Path) -> None:
    """A quiet night costs the list, one question for twenty repositories, and a seventh of comments and events.

    What leaves no trace elsewhere, such as an edit of a comment, is found within the week.
    """
    company, marks = first[0], Marks(first[1])
    edit: dict[str, Any] = {"body": "edited", "updated_at": company.now}
    edited = {
        name: replace(each, comments=(replace(each.comments[0], **edit), *each.comments[1:]))
        for name, each in company.repositories.items()
    }
    company = replace(company, repositories=edited)
    costs, found = [], set()
    for _ in range(7):
        company = replace(company, now=company.now + DAY)
        asked, comments = night(company, marks, tmp_path)
        costs.append(len(asked))
        found |= {row["repository"] for row in comments if row["body"] == "edited"}

    assert (7 * 2 + 2 * MANY, set(edited)) == (sum(costs), found)


def test_a_repository_with_news_is_read_the_same_night(
    first: tuple[Company, Marks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new comment moves its issue, which GraphQL shows: of that repository alone comments and events are read."""
    monkeypatch.setattr(_quiet, "_NIGHTS", 1_000)
    company, marks = first[0], Marks(first[1])
    at, (name, one) = company.now + DAY / 2, next(iter(company.repositories.items()))
    issue = replace(one.issues[0], updated_at=at)
    comment = replace(one.comments[0], id=99, body="news", created_at=at, updated_at=at)
    busy = replace(one, issues=(issue, *one.issues[1:]), comments=(*one.comments, comment))
    company = replace(company, repositories=company.repositories | {name: busy}, now=company.now + DAY)
    asked, comments = night(company, marks, tmp_path)

    assert [(name, "news")] == [(row["repository"], row["body"]) for row in comments if row["body"] == "news"]
    assert [f"/api/v3/repos/{name}/issues/comments"] == [path for path in asked if path.endswith("/comments")]


def test_few_repositories_are_asked_every_night(
    first: tuple[Company, Marks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are not many, comments and events are asked for each time: GraphQL does not show all of them."""
    monkeypatch.setattr(_quiet, "EVERY_NIGHT", MANY)
    company, marks = first[0], Marks(first[1])
    asked, _ = night(replace(company, now=company.now + DAY), marks, tmp_path)

    assert 2 + 2 * MANY == len(asked)

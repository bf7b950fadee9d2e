"""Every request that is sent is valid by GitHub's own description of its API, every query by its schema."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import graphql
import httpx
import msgspec
import pytest

from fourkeys import config
from fourkeys.files import Output, read_manifest
from fourkeys.sources.ghes import Plan, extract
from fourkeys.streams import STREAMS
from fourkeys.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Replay

pytestmark = pytest.mark.shared
GHES = tuple(stream for stream in STREAMS.values() if stream.source == "ghes")
REPOSITORY = "Shopify/toxiproxy"


@pytest.fixture(scope="module")
def sent(
    recorder: Callable[..., Any], replays: Callable[..., Replay], tmp_path_factory: pytest.TempPathFactory
) -> list[httpx.Request]:
    """Return every request of every way to read: in full, again, a backfill, an organization, without GraphQL."""
    replay, out = (
        replays("Shopify__toxiproxy", "--no-warm", "--now", "2021-08-20T01:02:03Z"),
        tmp_path_factory.mktemp("o"),
    )
    kept: list[httpx.Request] = []

    def run(plan: Plan, answer: Callable[[httpx.Request], httpx.Response | None] | None = None) -> None:
        transport = recorder(answer)
        with Output(out) as output:
            extract(config.Ghes(url=replay.api), "t", plan, output, lambda _: None, transport=transport)
        kept.extend(transport.requests)

    run(Plan(GHES, (REPOSITORY,), detail=True, branches=("main",)))
    manifest = read_manifest(out)
    assert manifest
    marks = {(m.stream, m.partition): m for entry in manifest.streams.values() for m in entry.watermarks}
    root = replay.truth("commits", REPOSITORY)[0]["sha"]
    replay.admin("now", {"advance_seconds": 86_400 * 40})
    run(Plan(GHES, (REPOSITORY,), watermarks=marks, roots={REPOSITORY: [root]}))
    window = Window(datetime(2021, 3, 1, tzinfo=UTC), datetime(2021, 6, 1, tzinfo=UTC))
    run(Plan(GHES, organizations=("Shopify",), window=window))
    without = [stream for stream in GHES if stream.name.startswith("ghes_pull")]

    def missing(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(404, json={"message": "Not Found"}) if "graphql" in request.url.path else None

    run(Plan(tuple(without), (REPOSITORY,), window=window), missing)
    return kept


def test_every_rest_request_is_described(shared: Path, sent: list[httpx.Request]) -> None:
    """Path, method, and the name and value of every parameter are in the OpenAPI description."""
    document = json.loads((shared / "contract" / "ghes-openapi-subset.json").read_text())
    operations = [
        (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), method, operation)
        for path, item in sorted(document["paths"].items(), key=lambda each: each[0].count("{"))
        for method, operation in item.items()
        if method in {"get", "post"}
    ]
    problems: dict[str, int] = defaultdict(int)
    for request in sent:
        path = unquote(request.url.raw_path.decode()).partition("?")[0].removeprefix("/api/v3")
        path = re.sub(r"^/repositories/\d+", f"/repos/{REPOSITORY}", path)
        if path == "/api/graphql":
            continue
        found = [o for pattern, method, o in operations if pattern.fullmatch(path) and method == request.method.lower()]
        if not found:
            problems[f"{request.method} {path}"] += 1
            continue
        known = {p["name"]: p for p in (_resolve(document, each) for each in found[0].get("parameters", []))}
        for name, value in request.url.params.multi_items():
            if name not in known or known[name]["in"] != "query" or not _fits(known[name]["schema"], value):
                problems[f"{path}?{name}={value}"] += 1

    assert {} == dict(problems)
    assert len(sent) > 500


def _resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for part in node.get("$ref", "#/").removeprefix("#/").split("/"):
        document = document[part] if part else document
    return document if "$ref" in node else node


def _fits(schema: dict[str, Any], value: str) -> bool:
    """Whether a query value has the type, and is one of the words, that the schema asks for."""
    if schema.get("type") == "integer":
        return value.isdigit()
    if schema.get("format") == "date-time":
        return datetime.fromisoformat(value).tzinfo is not None
    return "enum" not in schema or value in schema["enum"]


def test_every_graphql_query_fits_the_schema(shared: Path, sent: list[httpx.Request]) -> None:
    """Every query, with its variables, is valid by the schema."""
    schema = graphql.build_schema((shared / "contract" / "graphql-subset.graphql").read_text())
    bodies = [msgspec.json.decode(r.content) for r in sent if r.url.path == "/api/graphql"]
    checked = set()
    for body in bodies:
        document = graphql.parse(body["query"])
        assert [] == graphql.validate(schema, document)
        operation = document.definitions[0]
        assert isinstance(operation, graphql.OperationDefinitionNode)
        values = graphql.execution.values.get_variable_values(
            schema, operation.variable_definitions or [], body["variables"]
        )
        assert not isinstance(values, list), values
        checked.add(operation.name.value if operation.name else "")

    assert {"pulls", "facts"} <= checked


def test_the_queries_for_more_pages_fit_the_schema(shared: Path) -> None:
    """The queries that go on with connections are valid too, alone and together."""
    from fourkeys.sources.ghes import _graph as graph  # noqa: PLC0415

    schema = graphql.build_schema((shared / "contract" / "graphql-subset.graphql").read_text())
    for kinds in (["commits"], ["reviews"], ["parents"], ["commits", "reviews", "parents", "parents"]):
        assert [] == graphql.validate(schema, graphql.parse(graph.more(kinds)))


def test_every_request_says_who_asks(sent: list[httpx.Request]) -> None:
    """Each request carries the token, our name and the media type, and asks for compression."""
    for request in sent:
        assert request.headers["authorization"] == "Bearer t"
        assert request.headers["user-agent"].startswith("fourkeys/")
        assert request.headers["accept"] == "application/vnd.github+json"
        assert "gzip" in request.headers["accept-encoding"]

"""Lineage: read from the SQL, complete down to the API, and true."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type
from worlds import NOW, build_world

from fourkeys.mart import diagrams, lineage, linking, origins, views
from fourkeys.mart.selects import ROWS, Statement
from fourkeys.sandbox import Sandbox
from fourkeys.streams import DERIVED, STREAMS

RATE = "four_keys_weekly.change_failure_rate"

WORLD: dict[str, Any] = {
    "services": [{"name": "shop", "owner": "a", "repositories": ["o/r"], "deployments_from": "csv",
                  "incident_keys": ["shop"]}],
    "given": {
        "ghes_commits": [
            {"sha": "a", "parents": [], "authored_at": "2024-05-01T00:00:00Z", "committed_at": "2024-05-01T00:00:00Z"},
            {"sha": "b", "parents": ["a"], "authored_at": "2024-05-02T00:00:00Z",
             "committed_at": "2024-05-02T00:00:00Z"},
            {"sha": "c", "parents": ["b"], "authored_at": "2024-05-03T00:00:00Z",
             "committed_at": "2024-05-03T00:00:00Z"},
        ],
        "deployments": [
            {"service": "shop", "deployment_id": "1", "sha": "a", "finished_at": "2024-05-01T10:00:00Z"},
            {"service": "shop", "deployment_id": "2", "sha": "b", "finished_at": "2024-05-02T10:00:00Z"},
            {"service": "shop", "deployment_id": "3", "sha": "c", "finished_at": "2024-05-03T10:00:00Z"},
        ],
        "incidents": [
            {"incident_id": "1", "service_key": "shop", "started_at": "2024-05-02T11:00:00Z",
             "resolved_at": "2024-05-06T11:00:00Z"},
        ],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> lineage.Lineage:
    """Return the lineage of all views."""
    return lineage.read()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run the simulated company."""
    with Sandbox(tmp_path_factory.mktemp("company")) as running:
        yield running


def test_the_change_failure_rate_ends_at_raw_columns(graph: lineage.Lineage) -> None:
    """It is computed from what deployments are and when they were, over rows that incidents and reverts decide."""
    ends = {str(place): is_value for place, is_value in graph.ends(graph.places(RATE)).items()}
    computed = {
        "raw.ghes_releases.id", "raw.ghes_releases.published_at", "raw.ghes_releases.target_sha",
        "raw.heroku_releases.version", "raw.heroku_releases.created_at", "raw.heroku_releases.commit_sha",
        "raw.ghes_pull_requests.number", "raw.ghes_pull_requests.merged_at", "raw.ghes_pull_requests.merge_commit_sha",
        "raw.ghes_deployments.id", "raw.ghes_deployments.sha", "raw.ghes_deployment_statuses.created_at",
        "raw.deployments.deployment_id", "raw.deployments.sha", "raw.deployments.finished_at",
        "raw.ghes_commits.sha", "raw.ghes_commits.parents",
    }  # fmt: skip
    decided = {
        "raw.incidents.started_at", "raw.incidents.service_key", "raw.incidents.change_related",
        "raw.incidents.deployment_id", "raw.incidents.cause_sha", "raw.ghes_pull_requests.body",
        "raw.ghes_releases.draft", "raw.ghes_releases.prerelease", "raw.heroku_releases.first_terminal_status",
        "raw.ghes_deployment_statuses.state", "raw.deployments.status", "raw.services.deployments_from",
        "raw.service_resources.resource",
    }  # fmt: skip

    assert set() == computed - {name for name, is_value in ends.items() if is_value}
    assert set() == decided - set(ends)
    assert not [name for name in ends if not name.startswith("raw.")]
    assert not [
        name for name in ends if re.match(r"raw\.(ghes_issues|ghes_labels|ghes_workflow|incident_events)", name)
    ]


@pytest.mark.parametrize(
    ("view", "text", "instead", "lost"),
    [
        ("stg_deployments", "lower(releases.target_sha)", "cast(null as string)", "ghes_releases.target_sha"),
        ("stg_deployments", "and not coalesce(releases.draft, false)", "", "ghes_releases.draft"),
        ("stg_incidents", "incidents.change_related", "true", "incidents.change_related"),
        ("int_reverts", "pull_requests.body", "''", "ghes_pull_requests.body"),
    ],
)
def test_what_a_view_forgets_is_missed(graph: lineage.Lineage, view: str, text: str, instead: str, lost: str) -> None:
    """A view that does not read a column any more has no lineage to it: nothing but the SQL is believed."""
    changed = [
        dataclasses.replace(each, text=each.text.replace(text, instead)) if each.name == view else each
        for each in views.views()
    ]
    before, after = graph, lineage.read(changed)

    assert f"raw.{lost}" in map(str, before.ends(before.places(RATE)))
    assert f"raw.{lost}" not in map(str, after.ends(after.places(RATE)))


def test_every_column_of_the_marts_has_an_end(graph: lineage.Lineage) -> None:
    """No column of a mart comes from nowhere, and each has a description and an origin at its end."""
    marts = [view.name for view in views.views() if view.folder == "marts"]
    for mart in marts:
        for place in graph.places(mart):
            ends = graph.ends([place])
            assert ends, place
            assert all(diagrams.origin(end) for end in ends), place
            assert lineage.description(place), place


def test_what_linking_reads_is_what_lineage_says(tmp_path: Path) -> None:
    """The statements that `link` runs read the columns that are declared for the tables that it writes, no others."""
    warehouse, _ = build_world(WORLD, tmp_path)
    statements: list[str] = []

    class Recorder:
        names = warehouse.names
        replace = warehouse.replace

        def stream(self, sql: str, parameters: tuple[()] = ()) -> Iterator[tuple[Any, ...]]:
            statements.append(sql)
            return warehouse.stream(sql, parameters)

        def query(self, sql: str, parameters: tuple[()] = ()) -> list[dict[str, Any]]:
            statements.append(sql)
            return warehouse.query(sql, parameters)

    for table in ("deployment_links", "deployment_commits"):
        warehouse.replace(DERIVED[table], [])
    linking.link(Recorder())  # type: ignore[arg-type]
    schema = {
        "raw": {n: {c.name: c.type.bigquery for c in s.columns} for n, s in (STREAMS | DERIVED).items()},
        "mart": {name: dict.fromkeys(model.columns, "STRING") for name, model in views.models().items()},
    }
    read = set()
    for sql in statements:
        for inputs in Statement(sql.replace(" main.", " mart."), schema).outputs().values():
            read |= inputs.all
    ours = {f"raw.{name}" for name in DERIVED}
    read = {place for place in read if place.relation not in ours and place.column != ROWS}
    declared = {place for columns in lineage._LINKED.values() for places in columns.values() for place in places}

    assert statements
    assert declared == read


def test_a_neutral_step_changes_no_figure(tmp_path: Path) -> None:
    """Days on which incidents were resolved, left out of `event_days`, change the times to restore and nothing else."""
    warehouse, settings = build_world(WORLD, tmp_path)
    view = next(view for view in views.views() if view.name == "int_four_keys")
    branch = r"union distinct\s+select\s+service,\s+resolved_date as day\s+from incidents\s+where[^)]*?null\n"
    text = re.sub(branch, "", view.text)
    values = views.settings(settings.metrics, NOW)
    order = "order by grain, service, period_start"
    rows = [
        warehouse.query(f"select * from ({views.render(each, warehouse.names, values)}) {order}")
        for each in (view.text, text)
    ]
    restored = [{name: row[name] for name in row if "restore" not in name} for row in rows[0]]

    assert {"int_four_keys": {"event_days"}} == lineage.NEUTRAL
    assert text != view.text
    assert any(row["restored_incidents"] for row in rows[0])
    assert restored == [{name: row[name] for name in row if "restore" not in name} for row in rows[1]]


@pytest.mark.parametrize(
    ("stream", "figures"),
    [
        ("incidents", {"change failure rate", "failed deployment recovery time", "time to restore"}),
        ("ghes_issues", set()),
        ("ghes_workflow_runs", set()),
    ],
)
def test_a_source_that_failed_names_its_figures(stream: str, figures: set[str]) -> None:
    """What depends on a stream is named, and what does not is not."""
    assert figures == set(lineage.affected([stream]))


def test_releases_are_behind_every_figure() -> None:
    """Without the releases, nothing can be believed."""
    assert tuple(lineage.HEADLINES.values()) == lineage.affected(["ghes_releases"])
    assert "deployment frequency" not in lineage.affected(["ghes_pull_request_commits"])


def test_every_format_says_the_same(graph: lineage.Lineage) -> None:
    """Mermaid, JSON and OpenLineage name the same relations."""
    edges = graph.edges(graph.places("deployments"))
    document = diagrams.document(edges)
    relations = {column["relation"] for column in document["columns"]}
    chart = diagrams.mermaid(edges)
    drawn = {name.replace("raw_", "raw.", 1) for name in re.findall(r"^  (\w+)\[", chart, re.MULTILINE)}
    arrows = set(re.findall(r"^  (\w+) -\.?->", chart, re.MULTILINE))
    (event,) = diagrams.openlineage(graph, ["deployments"], "test", NOW)
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]

    assert relations == drawn
    assert arrows <= {name.replace(".", "_") for name in drawn}
    assert set(graph.columns("deployments")) == set(fields)
    assert {
        "namespace": "test",
        "name": "int_deployments",
        "field": "sha",
        "transformations": [{"type": "DIRECT"}],
    } in (fields["sha"]["inputFields"])
    assert {each["name"] for each in event["inputs"]} <= relations | {"raw.services"}


def test_the_command_answers_in_time(tmp_path: Path) -> None:
    """A column's lineage is printed in seconds, with its steps, its ends and their place in the API."""
    began = time.monotonic()
    done = run("lineage", RATE, cwd=tmp_path)
    seconds = time.monotonic() - began
    down = run("lineage", "--downstream", "incidents", cwd=tmp_path)
    wrong = run("lineage", "four_keys_wekly", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "int_failures.deployment_id" in done.stdout
    assert "raw.ghes_releases.published_at  <- GET /repos/{owner}/{repo}/releases: published_at" in done.stdout
    assert "figures: change failure rate, failed deployment recovery time, time to restore\n" in down.stdout
    assert 2 == wrong.returncode
    assert "four_keys_weekly" in wrong.stderr
    assert 20 > seconds


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    return subprocess.run(
        [sys.executable, "-m", "fourkeys", *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", ["ghes_releases", "ghes_commits", "ghes_issue_comments", "ghes_repositories"])
def test_fields_of_the_rest_api_are_there(sandbox: Sandbox, name: str) -> None:
    """Each column's field stands in the answer of the request that is named for it."""
    method, _, path = origins.ENDPOINTS[name].partition(" ")
    url = sandbox.environment["GITHUB_API_URL"] + path.format(owner="acme", repo="shop")
    answer = httpx.request(
        method, url, headers={"authorization": f"Bearer {sandbox.environment['GITHUB_API_TOKEN']}"}
    ).json()
    records = answer if isinstance(answer, list) else [answer]

    for column in STREAMS[name].columns:
        path = origins.field(STREAMS[name], column.name)
        if " " not in path and not column.description.endswith("(with --detail)") and column.name != "assets":
            assert any(_has(record, path) for record in records), (column.name, path)


def _has(value: Any, path: str) -> bool:
    """Whether a path such as `labels[].name` leads somewhere."""
    head, _, rest = path.partition(".")
    key = head.removesuffix("[]")
    if not isinstance(value, dict) or key not in value:
        return False
    inner = value[key]
    if isinstance(inner, list):
        return not inner or not rest or any(_has(each, rest) for each in inner)
    return not rest or _has(inner, rest)


@pytest.mark.parametrize("name", ["ghes_pull_requests", "ghes_pull_request_commits", "ghes_pull_request_reviews"])
def test_fields_of_graphql_are_in_its_schema(name: str) -> None:
    """Each column's field is one of the types that the query's path leads to."""
    schema = build_schema((Path(views.__file__).parents[1] / "sandbox" / "schema.graphql").read_text(encoding="utf-8"))
    start = origins.ENDPOINTS[name].removeprefix("GraphQL ")

    for column in STREAMS[name].columns:
        path = origins.field(STREAMS[name], column.name)
        if column.name != "number" and " " not in path:
            at: Any = schema.query_type
            for step in f"{start}.{path}".split("."):
                if not isinstance(at, GraphQLObjectType):  # an interface, such as Actor: any of its types will do
                    kinds = schema.get_possible_types(at)
                    at = next((kind for kind in kinds if step in kind.fields), kinds[0])
                assert step in at.fields, (column.name, path)
                at = get_named_type(at.fields[step].type)


def test_openlineage_is_one_event_a_line(tmp_path: Path) -> None:
    """Each line is an event of OpenLineage's, with its schema's address and the time."""
    done = run("lineage", "four_keys_weekly", "--format", "openlineage", cwd=tmp_path)
    (event,) = map(json.loads, done.stdout.splitlines())

    assert {"eventTime", "producer", "schemaURL", "job", "inputs", "outputs"} == set(event)
    assert event["schemaURL"].endswith("#/$defs/JobEvent")
    assert "int_four_keys" in {each["name"] for each in event["inputs"]}

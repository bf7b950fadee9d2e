"""Linking night by night: only what is new is read, and the tables are those of one sweep over everything."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fourkeys import catalog, config
from fourkeys.mart import views
from fourkeys.mart.linking import Linked, link
from fourkeys.streams import DERIVED, STREAMS
from fourkeys.warehouses.duckdb import DuckDB

NOW = datetime(2024, 6, 1, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
SETTINGS = config.parse(
    {
        "services": [
            {"name": "api", "repositories": ["acme/r"], "deployments_from": "csv"},
            {"name": "web", "repositories": ["acme/r", "acme/s"], "deployments_from": "csv"},
        ]
    },
    {},
)


class World:
    """A warehouse that grows, and one whose links are made anew for comparison."""

    def __init__(self) -> None:
        self.warehouse, self.other = self._empty(), self._empty()
        self.rows: dict[str, list[dict[str, Any]]] = {"ghes_commits": [], "deployments": []}

    def add(self, commits: list[dict[str, Any]], deployments: list[dict[str, Any]]) -> Linked:
        """Bring new rows and link."""
        self.rows["ghes_commits"] += commits
        self.rows["deployments"] += deployments
        for name, rows in self.rows.items():
            self.warehouse.replace(STREAMS[name], rows)
        return link(self.warehouse)

    def tables(self) -> list[list[Any]]:
        """Return the link tables of the warehouse that grew."""
        return self._tables(self.warehouse)

    def tables_at_once(self) -> list[list[Any]]:
        """Return the link tables of a warehouse that saw everything at once."""
        for stream in DERIVED.values():
            self.other.replace(stream, [])
        for name, rows in self.rows.items():
            self.other.replace(STREAMS[name], rows)
        link(self.other)
        return self._tables(self.other)

    @staticmethod
    def _empty() -> DuckDB:
        warehouse = DuckDB(":memory:")
        warehouse.replace(STREAMS["services"], catalog.service_rows(SETTINGS.services))
        warehouse.replace(STREAMS["service_resources"], catalog.resource_rows(SETTINGS.services))
        views.apply(warehouse, SETTINGS.metrics, NOW, ("staging",))
        return warehouse

    @staticmethod
    def _tables(warehouse: DuckDB) -> list[list[Any]]:
        columns = {
            "deployment_links": "service, environment, deployment_id, repository, sha, position, kind, base, "
            "previous_deployment_id, undoes_deployment_id",
            "deployment_commits": "service, environment, repository, sha, deployment_id",
            "link_boundaries": "repository, sha",
        }
        return [sorted(warehouse.stream(f"select {c} from raw.{t}"), key=repr) for t, c in columns.items()]


def commit(name: str, *parents: str, repository: str = "acme/r") -> dict[str, Any]:
    """Return a commit whose sha spells its name."""
    shas = [sha(parent) for parent in parents]
    return {"host": "h", "repository": repository, "sha": sha(name), "parents": json.dumps(shas)}


def sha(name: str) -> str:
    """Return the sha of a name."""
    return name.encode().hex().ljust(40, "0")


def deployment(service: str, number: int, name: str, repository: str = "acme/r") -> dict[str, Any]:
    """Return a deployment, *number* hours after the start."""
    return {
        "service": service,
        "deployment_id": f"{service}-{number}",
        "repository": repository,
        "sha": sha(name),
        "finished_at": START + timedelta(hours=number),
    }


def test_a_plain_night_reads_no_old_history() -> None:
    """New commits and a deployment of them are linked without sweeping the repository; then there is nothing to do."""
    world = World()
    world.add([commit("a"), commit("b", "a")], [deployment("api", 1, "a")])
    night = world.add([commit("c", "b")], [deployment("api", 2, "c")])
    again = world.add([], [])

    assert Linked(2, 1, ()) == night
    assert Linked(2, 0, ()) == again
    assert world.tables_at_once() == world.tables()


@pytest.mark.parametrize(
    ("commits", "deployments"),
    [
        ([], [deployment("api", 3, "a")]),
        ([], [deployment("api", 3, "b")]),
        ([commit("x", "a")], [deployment("api", 3, "x")]),
        ([commit("c", "b"), commit("d", "c")], [deployment("api", 3, "d"), deployment("api", 4, "c")]),
        ([commit("c", "b")], [deployment("api", 1, "b")]),
        ([], [deployment("api", 3, "unknown"), deployment("api", 4, "b")]),
        ([commit("s", repository="acme/s")], [deployment("web", 1, "s", "acme/s")]),
    ],
    ids=[
        "rollback",
        "redeployment",
        "parallel line",
        "rollback of the same night",
        "late deployment",
        "unknown commit",
        "another repository",
    ],
)
def test_what_is_not_plain_ends_the_same(commits: list[dict[str, Any]], deployments: list[dict[str, Any]]) -> None:
    """Whatever comes in the second night, the tables are those of one sweep."""
    world = World()
    world.add([commit("a"), commit("b", "a")], [deployment("api", 0, "a"), deployment("api", 2, "b")])
    world.add(commits, deployments)

    assert world.tables_at_once() == world.tables()


def test_history_that_arrives_late_is_swept_again() -> None:
    """When a commit becomes known that links had to do without, its repository is swept, and only that one."""
    world = World()
    world.add([commit("c", "b")], [deployment("api", 1, "c")])
    late = world.add([commit("a"), commit("b", "a")], [])

    assert ("acme/r",) == late.swept
    assert world.tables_at_once() == world.tables()


def test_a_deployment_that_turns_out_to_be_of_another_commit_is_linked_anew() -> None:
    """A row that was corrected has the id of the one that is linked."""
    world = World()
    world.add([commit("a"), commit("b", "a"), commit("c", "b")], [deployment("api", 1, "a"), deployment("api", 2, "b")])
    world.rows["deployments"][1]["sha"] = sha("c")
    corrected = world.add([], [])

    assert ("acme/r",) == corrected.swept
    assert world.tables_at_once() == world.tables()


def test_a_service_that_leaves_takes_its_links_along() -> None:
    """Deployments that are gone (a service left the catalog, a file was corrected) leave no links."""
    world = World()
    world.add([commit("a"), commit("b", "a")], [deployment("api", 1, "a"), deployment("web", 2, "b")])
    world.rows["deployments"] = [row for row in world.rows["deployments"] if row["service"] == "api"]
    world.add([], [])

    assert world.tables_at_once() == world.tables()


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_nights_ends_the_same(seed: int) -> None:
    """Histories with merges and several roots, deployed at random, arriving in any order: the tables are the same."""
    chance = random.Random(seed)
    commits, deployments = [], []
    for repository in ("acme/r", "acme/s"):
        names = [f"{repository[-1]}{n}" for n in range(25)]
        for place, name in enumerate(names):
            parents = chance.sample(names[:place], min(place, chance.choice([0, 1, 1, 1, 1, 2, 3])))
            commits.append(commit(name, *parents, repository=repository))
        for service in ("api", "web")[repository == "acme/s" :]:
            deployments += [
                deployment(service, number * 2 + (repository == "acme/s"), chance.choice(names), repository)
                for number in range(10)
            ]
    if chance.random() < 0.5:
        chance.shuffle(commits)
        chance.shuffle(deployments)
    world = World()
    while commits or deployments:
        batch = chance.randrange(12), chance.randrange(5)
        world.add(commits[: batch[0]], deployments[: batch[1]])
        commits, deployments = commits[batch[0] :], deployments[batch[1] :]

        assert world.tables_at_once() == world.tables()


def test_a_service_that_left_the_catalog_takes_its_links_along() -> None:
    """When nothing in a repository is deployed any more, the build goes on, and its links are gone."""
    world = World()
    world.add([commit("a"), commit("b", repository="acme/s")], [deployment("api", 1, "a")])
    world.add([], [deployment("web", 2, "b", "acme/s")])
    linked = [world.warehouse.query("select service from raw.deployment_links order by service")]
    world.warehouse.replace(STREAMS["services"], catalog.service_rows(SETTINGS.services[:1]))
    world.warehouse.replace(STREAMS["service_resources"], catalog.resource_rows(SETTINGS.services[:1]))
    link(world.warehouse)
    linked.append(world.warehouse.query("select service from raw.deployment_links order by service"))

    assert [["api", "web"], ["api"]] == [[row["service"] for row in rows] for rows in linked]

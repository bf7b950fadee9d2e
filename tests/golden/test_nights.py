"""Night after night: what is kept of the last build is what a build from nothing would compute."""

from __future__ import annotations

import os
import random
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from random_worlds import START, world
from worlds import NOW, build_world, write

from fourkeys import config, pipeline
from fourkeys.mart import views
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB

if TYPE_CHECKING:
    from pathlib import Path

Rows = dict[str, list[dict[str, Any]]]
NIGHTS = 4
LINKS = ("deployment_links", "deployment_commits", "link_boundaries")
_SETTLED = {"authored_at", "finished_at", "resolved_at", "merged_at", "parents", "kind"}


def shares(given: Rows, chance: random.Random) -> list[Rows]:
    """Deal the rows out to nights, in any order; some come twice, first as they were before they were settled."""
    nights: list[Rows] = [{} for _ in range(NIGHTS)]
    for stream, rows in given.items():
        for row in rows:
            night = chance.randrange(NIGHTS)
            nights[night].setdefault(stream, []).append(row | read(stream, START))
            if night and chance.random() < 0.5:
                early = unsettled(row, chance) | read(stream, START - timedelta(days=1))
                nights[chance.randrange(night)].setdefault(stream, []).append(early)
    return nights


def read(stream: str, at: datetime) -> dict[str, str]:
    """Return the columns that tell which of two rows is newer, as if it was read and updated at a time."""
    return {name: at.isoformat() for name in STREAMS[stream].newest_by}


def unsettled(row: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a row as it was before: one of its times a little later, or something of it not known yet."""
    name = chance.choice([name for name in row if name in _SETTLED] or [""])
    if not row.get(name):
        return row
    if name in {"parents", "kind"}:
        return row | {name: None}
    later = (datetime.fromisoformat(row[name]) + timedelta(minutes=chance.choice([1, 60]))).isoformat()
    return row | {name: chance.choice([later, later, None] if name in {"resolved_at", "merged_at"} else [later])}


def moved(services: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """Give few services to another owner, and leave few out."""
    return [
        service | {"owner": "blue" if chance.random() < 0.1 else "red" if n % 2 else ""}
        for n, service in enumerate(services)
        if chance.random() < 0.95
    ]


def figures(warehouse: DuckDB) -> list[tuple[Any, ...]]:
    """Return the rows of `int_four_keys`, in order."""
    return list(warehouse.stream("select * from main.int_four_keys order by grain, service, period_start"))


def linked(warehouse: DuckDB) -> list[list[tuple[Any, ...]]]:
    """Return the rows of the tables that linking writes, in some order that depends on nothing else."""
    return [sorted(warehouse.stream(f"select * from raw.{name}"), key=repr) for name in LINKS]


def link_anew(warehouse: DuckDB, settings: config.Config, now: datetime) -> None:
    """Build as if nothing had been linked before."""
    for name in LINKS:
        warehouse._connection.execute(f"delete from raw.{name}")
    pipeline.build(warehouse, settings, now)


@pytest.mark.parametrize("seed", range(int(os.environ.get("FOURKEYS_EXAMPLES", "2"))))
def test_a_night_more_equals_a_build_from_nothing(seed: int, tmp_path: Path) -> None:
    """Rows come late, change and move between owners, time goes on: every kept row is what it would be anew."""
    chance = random.Random(f"nights {seed}")
    given = world(seed, services=8)
    warehouse, now, fresh = DuckDB(":memory:"), START + timedelta(days=2), 0
    for night, rows in enumerate(shares(given["given"], chance)):
        write(rows, tmp_path / str(night))
        pipeline.load(warehouse, [tmp_path / str(night)], lambda _: None)
        now += timedelta(hours=chance.choice([0, 5, 24, 24 * 9, 24 * 40]))
        settings = config.parse({"metrics": given["metrics"], "services": moved(given["services"], chance)}, {})
        before = set(figures(warehouse)) if night else set()
        pipeline.build(warehouse, settings, now)
        built, links = figures(warehouse), linked(warehouse)
        fresh += len(set(built) - before) if night else 0

        link_anew(warehouse, settings, now)
        assert linked(warehouse) == links
        assert figures(warehouse) == built
        warehouse._connection.execute("drop table main.int_four_keys")
        views.apply(warehouse, settings.metrics, now)
        assert figures(warehouse) == built

    assert fresh > 100


def test_what_becomes_known_later_changes_the_figures_of_its_day(tmp_path: Path) -> None:
    """An incident that is still open, and comes a night later, makes its deployment a failed one."""
    incident = {"incident_id": "1", "service_key": "api", "started_at": "2024-03-04T10:30:00Z"}
    deployed = {"service": "api", "deployment_id": "D1", "sha": "a", "finished_at": "2024-03-04T10:00:00Z"}
    service = {"name": "api", "repositories": ["acme/r"], "deployments_from": "csv", "incident_keys": ["api"]}
    known = {"ghes_commits": [{"sha": "a", "parents": [], "authored_at": "2024-03-04T09:00:00Z"}]}
    warehouse, settings = build_world({"services": [service], "given": known | {"deployments": [deployed]}}, tmp_path)
    failed = "select failed_deployments from main.four_keys_daily where period_start = date '2024-03-04'"
    before = warehouse.query(failed)
    write({"incidents": [incident]}, tmp_path / "night")
    pipeline.load(warehouse, [tmp_path / "night"], lambda _: None)
    pipeline.build(warehouse, settings, NOW)

    assert ([{"failed_deployments": 0}], [{"failed_deployments": 1}]) == (before, warehouse.query(failed))


def test_what_still_holds_is_kept_until_settings_change(tmp_path: Path) -> None:
    """A stored row is not computed again while its events are as they were; with other settings all rows are."""
    warehouse, settings = build_world(world(0, services=5), tmp_path)
    right = figures(warehouse)
    warehouse._connection.execute("update main.int_four_keys set changes = -1")
    count = "select count(*) as n from main.int_four_keys where changes = -1"

    pipeline.build(warehouse, settings, NOW)
    assert [{"n": len(right)}] == warehouse.query(count)

    other = config.parse({"metrics": {"timezone": "America/Lima"}, "services": []}, {}).metrics
    views.apply(warehouse, other, NOW)
    assert [{"n": 0}] == warehouse.query(count)
    pipeline.build(warehouse, settings, NOW)
    assert right == figures(warehouse)


def test_what_is_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    """A stored table is not added to, and a view not left as it is, if it was made by another version."""
    warehouse, settings = build_world(world(0, services=5), tmp_path)
    right, changes = figures(warehouse), warehouse.query("select count(*) as n from main.changes")
    for kind, name in (("table", "int_four_keys"), ("view", "changes")):
        warehouse._connection.execute(f"create or replace {kind} main.{name} as select 1 as grain")
        warehouse._connection.execute(f"comment on {kind} main.{name} is 'managed by fourkeys 0123456789ab'")

    pipeline.build(warehouse, settings, NOW)

    assert right == figures(warehouse)
    assert changes == warehouse.query("select count(*) as n from main.changes")


def test_views_are_made_again_where_settings_change(tmp_path: Path) -> None:
    """Night after night a view stays as it is; when another environment is measured, it shows that one."""
    service = {"name": "api", "repositories": ["acme/r"], "deployments_from": "csv"}
    commits = [{"sha": sha, "parents": [], "authored_at": "2024-03-04T08:00:00Z"} for sha in "ab"]
    deployed = [
        {"service": "api", "deployment_id": id_, "sha": sha, "environment": "staging", "finished_at": f"2024-03-0{day}"}
        for id_, sha, day in (("D1", "a", 4), ("D2", "b", 5))
    ]
    deployed = [row | {"finished_at": f"{row['finished_at']}T10:00:00Z"} for row in deployed]
    world_ = {"services": [service], "given": {"ghes_commits": commits, "deployments": deployed}}
    warehouse, settings = build_world(world_, tmp_path)
    made = "select view_oid from duckdb_views() where view_name = 'changes'"
    before = warehouse._connection.execute(made).fetchall()
    pipeline.build(warehouse, settings, NOW)
    assert before == warehouse._connection.execute(made).fetchall()
    assert [{"n": 0}] == warehouse.query("select count(*) as n from main.changes")

    other = config.parse({"metrics": {"environment": "staging"}, "services": [service]}, {})
    pipeline.build(warehouse, other, NOW)

    assert before != warehouse._connection.execute(made).fetchall()
    assert [{"n": 1}] == warehouse.query("select count(*) as n from main.changes")


def test_inputs_hold_all_that_figures_are_made_from() -> None:
    """What `int_four_keys` reads of events, `int_period_inputs` reads, too."""
    texts = {view.name: view.text for view in views.views()}
    for name, alias in (("deployments", "deployments"), ("changes", "changes"), ("incidents_linked", "incidents")):
        used = set(re.findall(rf"\b{alias}\.(\w+)", texts["int_four_keys"])) & set(views.models()[name].columns)
        hashed = texts["int_period_inputs"].split("\nlead_times as (")[1].split("\ntotals as (")[0]

        assert used
        assert [] == sorted(column for column in used if not re.search(rf"\b{column}\b", hashed))


def two_nights(first: Rows, second: Rows, repositories: list[str], folder: Path) -> list[tuple[Any, ...]]:
    """Return how deployments are linked, with what they brought, after two nights; it is what one build would give."""
    service = {"name": "api", "repositories": repositories, "deployments_from": "csv"}
    warehouse, settings = build_world({"services": [service], "given": first}, folder / "first")
    write(second, folder / "second")
    pipeline.load(warehouse, [folder / "second"], lambda _: None)
    pipeline.build(warehouse, settings, NOW)
    sql = (
        "select deployment_id, kind, base, changes, is_failed from main.deployments order by deployed_at, deployment_id"
    )
    found, links = list(warehouse.stream(sql)), linked(warehouse)
    link_anew(warehouse, settings, NOW)
    assert (found, links) == (list(warehouse.stream(sql)), linked(warehouse))
    return found


COMMITS = [
    {"sha": "a", "parents": [], "authored_at": "2024-03-01T08:00:00Z"},
    {"sha": "b", "parents": ["a"], "authored_at": "2024-03-04T08:00:00Z"},
]
LATER = "2024-03-20T00:00:00Z"


def deployed(name: str, commit: str, at: str, **more: Any) -> dict[str, Any]:
    """Return a hand-written deployment."""
    return {"service": "api", "deployment_id": name, "sha": commit, "finished_at": f"2024-03-{at}:00:00Z", **more}


def test_a_time_that_is_corrected_moves_a_deployment_among_those_of_other_repositories(tmp_path: Path) -> None:
    """A commit that two repositories have is a change of the deployment that is first now."""
    known = [each | {"repository": repository} for repository in ("acme/r", "acme/q") for each in COMMITS]
    rows = [
        deployed(f"{place}{n}", sha, at, repository=f"acme/{place.lower()}")
        for n, sha, at in ((0, "a", "02T09"), (1, "b", "04T10"))
        for place in "RQ"
    ]
    rows[-1]["finished_at"] = "2024-03-04T12:00:00Z"
    earlier = rows[-1] | {"finished_at": "2024-03-04T09:00:00Z"}
    found = two_nights(
        {"ghes_commits": known, "deployments": rows}, {"deployments": [earlier]}, ["acme/r", "acme/q"], tmp_path
    )

    assert [("Q1", 1), ("R1", 0)] == [(row[0], row[3]) for row in found[-2:]]


def test_a_kind_that_is_corrected_is_believed_where_the_commit_is_unknown(tmp_path: Path) -> None:
    """It was a rollback after all."""
    rows = [deployed("D0", "a", "02T09"), deployed("D1", "b", "04T10"), deployed("D2", "z", "04T11")]
    found = two_nights(
        {"ghes_commits": COMMITS, "deployments": rows},
        {"deployments": [rows[-1] | {"kind": "rollback"}]},
        ["acme/r"],
        tmp_path,
    )

    assert [("D1", "forward", True), ("D2", "rollback", False)] == [(row[0], row[1], row[4]) for row in found[1:]]


def test_an_abbreviation_is_looked_for_again_every_night(tmp_path: Path) -> None:
    """A hash that a second commit begins with by now names neither; one that has been loaded since names it."""
    twin, other = "e9d71f5" + "0" * 33, "c" * 40
    rows = [deployed("D0", "a", "02T09"), deployed("D1", "e9d71f5", "04T10"), deployed("D2", other[:9], "05T10")]
    later = [
        {"sha": twin, "parents": ["b"], "authored_at": "2024-03-05T08:00:00Z"},
        {"sha": other, "parents": [twin], "authored_at": "2024-03-05T09:00:00Z"},
    ]
    found = two_nights(
        {"ghes_commits": COMMITS, "deployments": rows},
        {"ghes_commits": later, "deployments": [deployed("D3", "e9d71f5", "06T10")]},
        ["acme/r"],
        tmp_path,
    )

    assert ["ok", "base_unknown", "ok"] == [row[2] for row in found[1:]]


def test_parents_that_come_later_are_followed(tmp_path: Path) -> None:
    """A commit that was loaded without its parents ends what is known, until they come."""
    late = {"sha": "c", "authored_at": "2024-03-04T09:00:00Z"}
    found = two_nights(
        {
            "ghes_commits": [*COMMITS, late],
            "deployments": [deployed("D0", "a", "02T09"), deployed("D1", "c", "04T10")],
        },
        {"ghes_commits": [late | {"parents": ["b"], "extracted_at": LATER}]},
        ["acme/r"],
        tmp_path,
    )

    assert [0, 2] == [row[3] for row in found]

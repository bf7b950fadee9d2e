"""A run that is killed between any two calls, and run again: as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest_bigquery import Killed, new_warehouse
from fake_bigquery import FakeBigQuery

from fourkeys import config, pipeline
from fourkeys.mart import views as mart_views
from fourkeys.streams import STREAMS
from fourkeys.window import Watermark, parse_time, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = parse_time("2026-01-09", config.Metrics().zone, utc_now())
"""The clock of these runs."""
MARK = Watermark("ghes_commits", "o/r", NOW, "{}")
FILES = {
    "ghes_commits": 'host,repository,sha,parents\nh,o/r,a,[]\nh,o/r,b,"[""a""]"\nh,o/r,c,"[""b""]"\n',
    "deployments": (
        "service,deployment_id,sha,finished_at\n"
        "web,1,a,2026-01-05T00:00:00Z\nweb,2,b,2026-01-06T00:00:00Z\nweb,3,c,2026-01-07T00:00:00Z\n"
    ),
}
SETTINGS = config.parse(
    {"services": [{"name": "web", "repositories": ["o/r"], "deployments_from": "csv"}]}, environment={}
)
TABLES = ("ghes_commits", "deployments", "services", "service_resources", "deployment_links", "deployment_commits")
"""What is compared in the end."""


@pytest.fixture(autouse=True)
def only_staging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the staging views alone: the others are created by the same call, and hold nothing."""
    chosen = tuple(view for view in mart_views.views() if view.folder == "staging")
    monkeypatch.setattr(mart_views, "views", lambda: chosen)


def night(warehouse: Any, folder: Path) -> None:
    """Do what a night does after extracting: load the files, commits with their watermark, and build."""
    for name in FILES:
        warehouse.load(STREAMS[name], folder / f"{name}.csv", [MARK] if name == MARK.stream else [])
    pipeline.build(warehouse, SETTINGS, NOW)


def state(fake: FakeBigQuery) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of all tables and the names of the tables; nothing where nothing was made."""
    run = fake.engine.connection.execute
    if "company_raw" not in fake.engine.datasets:
        return {}
    rows = {name: sorted(run(f"select * from company_raw.{name}").fetchall(), key=repr) for name in TABLES}
    marks = run("select stream, partition, watermark, state from company_raw.watermarks").fetchall()
    return rows | {"watermarks": marks, "names": sorted((name,) for name in fake.engine.datasets["company_raw"].tables)}


def inserted(fake: FakeBigQuery) -> int:
    """Return how many rows of commits and deployments all merges together have inserted."""
    jobs = [job for job in fake.jobs.values() if job["statistics"].get("query", {}).get("statementType") == "MERGE"]
    return sum(
        int(job["statistics"]["query"]["dmlStats"]["insertedRowCount"])
        for job in jobs
        if ".watermarks" not in job["configuration"]["query"]["query"]
    )


def put(folder: Path) -> Path:
    """Write the files of the night."""
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def undisturbed(folder: Path, work: Callable[[Any, Path], None]) -> tuple[list[str], dict[str, Any]]:
    """Return the calls and the end of a run that nobody kills."""
    with FakeBigQuery() as fake:
        work(new_warehouse(fake), folder)
        return list(fake.calls), state(fake)


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.bigquery)])
def test_killed_anywhere_and_run_again(tmp_path: Path, every: int) -> None:
    """After any call: no watermark without its rows; the next run ends as one that nobody killed, no row twice.

    The default run tries some calls, `make test-bigquery` every one.
    """
    folder = put(tmp_path)
    calls, expected = undisturbed(folder, night)
    assert len(calls) > 60
    for cut in range(1, len(calls), every):
        with FakeBigQuery() as fake:
            with pytest.raises(Killed):
                night(new_warehouse(fake, killed_after=cut), folder)
            between = state(fake)
            assert calls[:cut] == fake.calls
            if between.get("watermarks"):
                assert expected["ghes_commits"] == between["ghes_commits"], cut
            night(new_warehouse(fake), folder)

            assert expected == state(fake), f"killed after call {cut}, {calls[cut - 1]}"
            assert 6 == inserted(fake), f"killed after call {cut}, {calls[cut - 1]}"


def test_an_upload_is_not_done_again(tmp_path: Path) -> None:
    """Who comes after a break finds the load job by its name: what is staged is merged, not sent again."""
    folder = put(tmp_path)
    file, stream = folder / "ghes_commits.csv", STREAMS["ghes_commits"]
    with FakeBigQuery() as fake:
        killed = new_warehouse(fake, killed_after=9)
        with pytest.raises(Killed):
            killed.load(stream, file, [MARK])
        assert "jobs.insert load" == fake.calls[-1]
        again = new_warehouse(fake)
        loaded = again.load(stream, file, [MARK])

        assert (3, 3, 0) == (loaded.read, loaded.new, loaded.changed)
        assert 1 == fake.calls.count("jobs.insert load")


def test_a_merge_under_way_is_waited_for(tmp_path: Path) -> None:
    """Who comes while the merge of this very file still runs waits for it, and starts no second one."""
    folder = put(tmp_path)
    file, stream = folder / "ghes_commits.csv", STREAMS["ghes_commits"]
    with FakeBigQuery() as fake:
        with pytest.raises(Killed):
            new_warehouse(fake, killed_after=11).load(stream, file, [MARK])
        assert "jobs.insert query" == fake.calls[-1]
        job_id = next(name for name in fake.jobs if "_merge_" in name and "_child_" not in name)
        fake.running[job_id] = 2
        loaded = new_warehouse(fake).load(stream, file, [MARK])

        assert (3, 3, 0) == (loaded.read, loaded.new, loaded.changed)
        assert 1 == fake.calls.count("jobs.insert load")
        assert 3 == inserted(fake)


def test_a_file_that_is_loaded_every_night(tmp_path: Path) -> None:
    """The same file loads again each time, with a new name of its job each time, found in few questions."""
    folder = put(tmp_path)
    with FakeBigQuery() as fake:
        warehouse = new_warehouse(fake)
        file, stream = folder / "deployments.csv", STREAMS["deployments"]
        found = [warehouse.load(stream, file) for _ in range(9)]
        fake.engine.connection.execute("delete from company_raw.deployments")
        before = len(fake.calls)
        healed = warehouse.load(stream, file)

        assert [3] + [0] * 8 == [loaded.new for loaded in found]
        assert 3 == healed.new
        assert len(fake.calls) - before < 25
        assert 10 == fake.calls.count("jobs.insert load")

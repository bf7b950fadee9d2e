"""The DAG file of the documentation in Airflow 2.10 and 3: `airflow dags test`, against the simulated company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Airflow, Place

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).parents[2] / "docs" / "dags"
EARLIER, LAST = "2026-09-01T17:00:00+00:00", "2026-10-01T17:00:00+00:00"
"""Ends of two nights' data intervals: two in the morning in Tokyo."""
SOURCES = [*(f"source[{name}]" for name in ("ghes", "incidents", "requests")), "heroku"]
TASKS = [*SOURCES, "deployed", "build", "done"]
ALONE = "retries=0, slack_connection='fourkeys_slack'"


@dataclass(frozen=True)
class Nights:
    """Two nights in a place of their own."""

    place: Place
    words: list[str]


@pytest.fixture(scope="session")
def nights(airflow: Airflow, make_place: Callable[[], Place], webhook: tuple[str, list[str]]) -> Nights:
    """Run the nightly DAG for two intervals, a month apart: what lies between is a month of missed nights."""
    place = make_place()
    airflow.write("two", place, ALONE)
    before = len(webhook[1])
    for end in (EARLIER, LAST):
        done = airflow.run("dags", "test", "two_nightly", end)
        assert 0 == done.returncode, done.stdout[-5000:] + done.stderr[-5000:]
    return Nights(place, webhook[1][before:])


@pytest.fixture(scope="session")
def once(make_place: Callable[[], Place]) -> Place:
    """Return a place where `fourkeys run` ran once."""
    place = make_place()
    place.fourkeys("run", "--until", LAST, "--quiet")
    return place


def test_parsing_is_quick_and_touches_nothing(airflow: Airflow, tmp_path: Path) -> None:
    """The documented file parses in less than 2 s of CPU, without network, programs, databases and files but code.

    No interval is caught up by itself, one run is active at a time, and every task has a limit and retries.
    """
    found = airflow.probe(DAGS)
    (tmp_path / "rude.py").write_text(
        "import socket, airflow.models.dag  # a dag\nopen('/etc/hostname').close()\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))\n",
        encoding="utf-8",
    )

    assert {} == found["errors"]
    assert ["fourkeys_manual", "fourkeys_nightly"] == sorted(found["dags"])
    assert 2 > found["seconds"]
    assert [] == found["touched"]
    assert ["open", "socket.connect"] == [each.split()[0] for each in airflow.probe(tmp_path)["touched"]]

    for dag in found["dags"].values():  # no interval is caught up by itself, and all has a limit
        assert (False, 1, 86_400) == (dag["catchup"], dag["max_active_runs"], dag["timeout"])
        assert {"source", "heroku", "deployed", "build", "done"} == set(dag["tasks"])
        assert dag["tasks"]["source"]["mapped"]
        assert dag["tasks"]["done"]["after"] == ["build", "deployed", "heroku", "source"]
        for task in dag["tasks"].values():
            assert (2, True, 21_600) == (task["retries"], task["backoff"], task["timeout"])


def test_two_nights_equal_one_run(airflow: Airflow, nights: Nights, once: Place) -> None:
    """After a month of missed nights every table and view is as after one `fourkeys run`; Slack heard of both."""
    assert dict.fromkeys(TASKS, "success") == airflow.states("two_nightly")
    assert once.contents() == nights.place.contents()
    assert ["two_nightly done"] * 2 == [text.partition(": manual__")[0] for text in nights.words]


def test_data_intervals_are_days(airflow: Airflow, nights: Nights) -> None:
    """Both versions give each night the 24 hours up to the tick of its schedule."""
    runs = airflow.runs("two_nightly")

    assert [EARLIER[:10], LAST[:10]] == [end[:10] for _, _, end in runs]
    for state, start, end in runs:
        assert "success" == state
        assert timedelta(hours=24) == datetime.fromisoformat(end) - datetime.fromisoformat(start)
        assert "17:00:00" == end[11:]


def test_running_again_changes_nothing(airflow: Airflow, nights: Nights) -> None:
    """The last interval once more, and then an older one: no row and no watermark changes."""
    before = nights.place.contents()
    for end in (LAST, EARLIER):
        assert 0 == airflow.run("dags", "test", "two_nightly", end).returncode
        assert before == nights.place.contents()


def test_a_source_that_fails_fails_alone(
    airflow: Airflow, nights: Nights, make_place: Callable[[], Place], webhook: tuple[str, list[str]]
) -> None:
    """Its task fails, the others load, the figures are built; the run fails without `done`, and Slack hears it."""
    place = make_place()
    airflow.write("failing", place, f"{ALONE}, environment={{'HEROKU_API_KEY': 'wrong'}}")
    before = len(webhook[1])
    done = airflow.run("dags", "test", "failing_nightly", LAST)

    states = airflow.states("failing_nightly")
    expected = dict.fromkeys(TASKS, "success")
    expected |= {"heroku": "failed", "deployed": "upstream_failed", "done": "upstream_failed"}
    assert expected == states
    assert ["failed"] == [state for state, _, _ in airflow.runs("failing_nightly")]
    assert 0 != done.returncode or airflow.version == 2
    assert ["failing_nightly failed"] == [text.partition(": manual__")[0] for text in webhook[1][before:]]
    found, whole = place.contents(), nights.place.contents()
    assert [] == found["raw.heroku_releases"]
    for table in ("raw.ghes_issues", "raw.incidents", "raw.request_counts"):
        assert whole[table] == found[table]
    assert found["main.four_keys_weekly"]


def test_people_read_a_window(airflow: Airflow, make_place: Callable[[], Place]) -> None:
    """The manual DAG takes `since` and `until`: only that is read, and no watermark moves; nonsense is refused."""
    place = make_place()
    airflow.write("window", place, ALONE)
    window = '{"since": "2026-07-14", "until": "2026-07-28"}'
    done = airflow.run("dags", "test", "window_manual", "--conf", window)
    refused = airflow.run("dags", "test", "window_manual", "--conf", '{"since": "yesterday"}')

    assert 0 == done.returncode, done.stdout[-5000:] + done.stderr[-5000:]
    assert dict.fromkeys(TASKS, "success") == airflow.states("window_manual")
    assert 0 != refused.returncode
    assert [] == place.contents()["raw.watermarks"]
    for table, time in (("ghes_issues", "updated_at"), ("heroku_releases", "created_at"), ("request_counts", "minute")):
        first, last = place.ask(f"select min({time}), max({time}) from raw.{table}")
        assert datetime(2026, 7, 13, 15, tzinfo=UTC) <= first <= last < datetime(2026, 7, 27, 15, tzinfo=UTC)
    commits = place.ask("select count(*) from raw.ghes_commits")
    assert 0 < commits[0] < 50, "those of two weeks, not the whole history behind what was deployed"

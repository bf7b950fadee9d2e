"""What must hold for any data: loads in any order, history that only grows, windows cut anywhere."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fourkeys import config
from fourkeys.files import Dialect, Output
from fourkeys.mart.link import Deployment, Graph, Link, sweep
from fourkeys.sources.requests import Plan, extract
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
LINE = '{"ts":"%s","service":"a","status":200}\n'
RELEASES = STREAMS["heroku_releases"]
quick = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
row = st.fixed_dictionaries(
    {
        "app_id": st.sampled_from(["a", "b"]),
        "version": st.integers(1, 2),
        "description": st.none() | st.sampled_from(["", "x", "y\n"]),
        "first_terminal_status": st.sampled_from([None, "succeeded", "failed", "expired"]),
        "updated_at": st.none() | st.integers(0, 2).map(lambda hours: START + timedelta(hours=hours)),
        "extracted_at": st.integers(0, 2).map(lambda hours: START + timedelta(hours=hours)),
    }
)


@settings(quick, max_examples=int(os.environ.get("FOURKEYS_EXAMPLES", "6")))
@given(files=st.lists(st.lists(row, max_size=4), min_size=1, max_size=2), data=st.data())
def test_loads_in_any_order_give_one_table(files: list[list[dict[str, object]]], data: st.DataObject) -> None:
    """Files loaded in any order, some more than once, leave the rows that they leave in their own order."""
    again = data.draw(st.lists(st.integers(0, len(files) - 1), max_size=1))
    order = data.draw(st.permutations([*range(len(files)), *again]))
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, rows in enumerate(files):
            dialect = Dialect(RELEASES)
            content, _ = dialect.encode([[each.get(name) for name in RELEASES.header] for each in rows])
            paths.append(Path(folder) / f"{number}.csv")
            paths[-1].write_bytes(dialect.header + content)

        assert stored([paths[place] for place in range(len(files))]) == stored([paths[place] for place in order])


_HOUSE: list[DuckDB] = []


def stored(paths: list[Path]) -> list[tuple[object, ...]]:
    """Load files one after the other and return the table."""
    if not _HOUSE:
        _HOUSE.append(DuckDB(":memory:"))
        _HOUSE[0]._connection.execute("set threads = 1")
    house = _HOUSE[0]
    for path in paths:
        house.load(RELEASES, path)
    found = list(house.stream(f"select {', '.join(RELEASES.header)} from raw.heroku_releases order by app_id, version"))
    house._connection.execute("delete from raw.heroku_releases")
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Draw a graph of commits and the commits that were deployed, one after the other."""
    count = draw(st.integers(2, 12))
    parents = {
        f"{number:040x}": tuple(
            f"{parent:040x}" for parent in draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=2))
        )
        if number
        else ()
        for number in range(count)
    }
    return parents, [f"{n:040x}" for n in draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=6))]


@settings(quick, max_examples=150)
@given(history=histories(), data=st.data())
def test_a_rollback_and_its_return_change_no_sample_before(
    history: tuple[dict[str, tuple[str, ...]], list[str]], data: st.DataObject
) -> None:
    """Deploying an older commit again, and then the newest one again, leaves every commit where it was first."""
    parents, deployed = history
    back = data.draw(st.sampled_from(deployed))

    before, after = links(parents, deployed), links(parents, [*deployed, back, deployed[-1]])
    assert before == after[: len(before)]
    assert [[], []] == [link.commits for link in after[len(before) :]]


def links(parents: dict[str, tuple[str, ...]], deployed: list[str]) -> list[Link]:
    """Sweep deployments of commits, one after the other."""
    return list(sweep(Graph(parents.items()), [Deployment(f"D{n}", sha, "deploy") for n, sha in enumerate(deployed)]))


@quick
@given(
    minutes=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    cut=st.integers(-1, 32),
)
def test_a_window_cut_anywhere_is_its_parts(minutes: list[int], cut: int) -> None:
    """The rows of [a, c) are those of [a, b) and of [b, c), for any b, each once."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.ndjson"
        log.write_text(
            "".join(LINE % f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:00Z}" for minute in minutes),
            encoding="utf-8",
        )
        first, last, middle = (START + timedelta(minutes=m) for m in (0, 31, min(max(cut, 1), 30)))
        parts = counted(log, first, middle) + counted(log, middle, last)

        assert counted(log, first, last) == sorted(parts)
        assert len(set(minutes)) == len(parts)


def counted(log: Path, since: datetime, until: datetime) -> list[str]:
    """Count a log in a window; returns the rows but for the time at which they were read."""
    out = log.parent / f"{since:%H%M}-{until:%H%M}"
    with Output(out) as output:
        extract(config.Requests(), Plan((str(log),), Window(since, until)), output, lambda _: None, clock=lambda: START)
    return (out / "request_counts.csv").read_text(encoding="utf-8").splitlines()[1:]

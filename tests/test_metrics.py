"""The windows of `fourkeys metrics`: where they begin and end, and how they are cut."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from worlds import build_world, load_yaml

from fourkeys.mart.metrics import By, Query, measure

if TYPE_CHECKING:
    from fourkeys.config import Config
    from fourkeys.warehouses.duckdb import DuckDB

NOW = datetime(2024, 3, 13, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[DuckDB, Config]:
    """The world of G32: its first deployment is on Friday 1 March 2024, its last on 6 March."""
    return build_world(load_yaml(Path(__file__).parent / "golden" / "G32.yaml"), tmp_path_factory.mktemp("world"))


def asked(built: tuple[DuckDB, Config], query: Query) -> list[dict[str, Any]]:
    """Return the rows for *query*."""
    warehouse, settings = built
    return measure(warehouse, settings.metrics, query, NOW)


@pytest.mark.parametrize(
    ("by", "starts"),
    [
        ("total", ["2024-02-28"]),
        ("week", ["2024-02-28", "2024-03-04", "2024-03-11"]),
        ("month", ["2024-02-28", "2024-03-01"]),
    ],
)
def test_a_window_is_cut_at_mondays_and_firsts(built: tuple[DuckDB, Config], by: By, starts: list[str]) -> None:
    """From Wednesday 28 February to 14 March: the first and the last piece are cut at the window's edges."""
    rows = asked(built, Query(start=date(2024, 2, 28), end=date(2024, 3, 14), by=by))

    assert starts == [row["from"].isoformat() for row in rows]
    assert [*starts[1:], "2024-03-14"] == [row["to"].isoformat() for row in rows]


def test_the_pieces_add_up(built: tuple[DuckDB, Config]) -> None:
    """Deployments of days, weeks and months are those of the whole."""
    windows = {
        by: Query(start=date(2024, 2, 28), end=date(2024, 3, 14), by=by) for by in ("total", "day", "week", "month")
    }
    sums = {by: sum(row["deployments"] for row in asked(built, query)) for by, query in windows.items()}

    assert dict.fromkeys(windows, sums["total"]) == sums
    assert 15 == len(asked(built, windows["day"]))


def test_without_a_window_it_is_the_whole_history_with_today(built: tuple[DuckDB, Config]) -> None:
    """From the first deployment to today, which is in it."""
    row = asked(built, Query())[0]

    assert (date(2024, 3, 1), date(2024, 3, 14)) == (row["from"], row["to"])


def test_a_period_is_partial_until_its_last_day_is_over(built: tuple[DuckDB, Config]) -> None:
    """The mart is built on 1 June: May is over, June is not."""
    rows = built[0].query("select is_partial from main.four_keys_monthly order by period_start")

    assert [False, True] == [row["is_partial"] for row in rows[-2:]]

"""GoogleSQL on DuckDB: spellings that sqlglot carries over with another value have BigQuery's."""

from __future__ import annotations

from typing import Any

import pytest

from fourkeys.warehouses.duckdb import DuckDB


@pytest.fixture(scope="module")
def warehouse() -> DuckDB:
    """An empty warehouse."""
    return DuckDB(":memory:")


def value(warehouse: DuckDB, sql: str) -> Any:
    """Return the only value of a query."""
    return next(iter(warehouse.query(sql)[0].values()))


@pytest.mark.parametrize(
    ("unit", "expected"), [("second", 7199), ("minute", 119), ("hour", 1), ("day", 0), ("microsecond", 7_199_000_000)]
)
def test_differences_of_times_are_whole_units(warehouse: DuckDB, unit: str, expected: int) -> None:
    """From 10:59:59 to 12:59:58 are one whole hour and 119 minutes, not the two or 120 boundaries that are crossed."""
    times = "timestamp '2024-03-04 12:59:58+00:00', timestamp '2024-03-04 10:59:59+00:00'"

    assert expected == value(warehouse, f"select timestamp_diff({times}, {unit}) as n")


def test_negative_differences_are_cut_toward_zero(warehouse: DuckDB) -> None:
    """90 minutes back are minus one whole hour."""
    times = "timestamp '2024-03-04 10:00:00+00:00', timestamp '2024-03-04 11:30:00+00:00'"

    assert -1 == value(warehouse, f"select timestamp_diff({times}, hour) as n")


def test_a_difference_within_a_difference(warehouse: DuckDB) -> None:
    """What is put right inside of what is put right is right, too: one whole hour after eleven is noon."""
    eleven = "timestamp '2024-03-04 11:00:00+00:00'"
    hours = f"timestamp_diff(timestamp '2024-03-04 12:59:58+00:00', {eleven}, hour)"

    assert 60 == value(
        warehouse, f"select timestamp_diff(timestamp_add({eleven}, interval {hours} hour), {eleven}, minute) as n"
    )


def test_days_are_those_of_a_zone(warehouse: DuckDB) -> None:
    """At 15:00 in London a day begins in Tokyo, in winter."""
    days = [
        value(warehouse, f"select date(timestamp '2024-03-04 {time}+00:00', 'Asia/Tokyo') as day")
        for time in ("14:59:59.999999", "15:00:00")
    ]

    assert ["2024-03-04", "2024-03-05"] == list(map(str, days))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("'b' in unnest(['a', 'b'])", True),
        ("'c' in unnest(['a', 'b'])", False),
        ("'c' not in unnest(['a', 'b'])", True),
        ("cast(null as string) in unnest(['a', 'b'])", None),
        ("'c' in unnest(cast([] as array<string>))", False),
        ("'c' in unnest(['a', null])", None),
    ],
)
def test_members_of_arrays(warehouse: DuckDB, test: str, expected: bool | None) -> None:
    """A value is in an array as BigQuery says, whether the array is a list of constants or not."""
    assert expected is value(warehouse, f"select {test} as found")


def test_counting_over_no_rows_is_zero(warehouse: DuckDB) -> None:
    """Nothing is counted as 0, not as NULL."""
    assert 0 == value(warehouse, "select countif(x > 1) as n from unnest([1, 2]) as x where x > 5")


def test_percentiles_of_groups(warehouse: DuckDB) -> None:
    """The percentile of a window in a subquery is the same as an aggregate: between 10 and 20 lies 15."""
    sql = (
        "select k, any_value(p) as p from (select k, percentile_cont(x, 0.5) over (partition by k) as p "
        "from unnest([struct(1 as k, 10 as x), struct(1, 20), struct(2, 7)])) as samples group by k order by k"
    )

    assert [(1, 15.0), (2, 7.0)] == [(row["k"], row["p"]) for row in warehouse.query(sql)]


def test_percentiles_of_several_values(warehouse: DuckDB) -> None:
    """Each use of each percentile has its own value, and NULL where a group has no values."""
    windows = ", ".join(
        f"percentile_cont({value}, {share}) over (partition by k) as {value}{name}"
        for value, share, name in [("x", 0.5, "_half"), ("x", 0.75, "_most"), ("y", 0.75, "_most")]
    )
    rows = "unnest([struct(1 as k, 10 as x, 4 as y), struct(1, 20, 8), struct(2, 7, null)])"
    sql = (
        "select k, any_value(x_half), any_value(x_most) - any_value(x_half), any_value(y_most) "
        f"from (select k, {windows} from {rows}) as samples group by k order by k"
    )

    assert [(1, 15.0, 2.5, 7.0), (2, 7.0, 0.0, None)] == [tuple(row.values()) for row in warehouse.query(sql)]

"""How often rule (e) would call a harmless deployment failed, and what it finds: `python bench/request_steps.py`.

The rule compares the failed requests before and after a deployment (docs/metrics.md). Here every request fails with one
and the same chance, before and after. All counts that can be seen then, but for a billionth on each side, become
deployments of a warehouse; the mart's own view judges them, and the chances of those that it calls failed are added up:
an exact figure, not a sample. It prints one line for each size of the two windows: the worst chance over all rates, and
the smallest rise from 0.1 % that is found nine times in ten.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from fourkeys.config import Metrics
from fourkeys.mart.views import render, settings, views
from fourkeys.warehouses.googlesql import to_duckdb
from fourkeys.window import utc_now

SIZES = (100, 300, 1_000, 10_000)
RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(0.0001, 0.1, 31))
RISES = (0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25)
FOUND = 0.9
_RARE = 1e-9
_LOGS = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, max(SIZES) + 1)))])
_TABLES = """
create table int_deployments as select
    place::text as service, 'D' as deployment_id, 'production' as environment, false as is_redeployment, 1 as position,
    timestamptz '2026-01-01 10:00Z' as started_at, timestamptz '2026-01-01 10:00Z' as deployed_at from counts;
create table stg_request_counts as
    select place::text as service, moment as minute, requests, errors from (
        select place, timestamptz '2026-01-01 09:45Z' as moment, before as requests, failed_before as errors from counts
        union all
        select place, timestamptz '2026-01-01 10:15Z', after, failed_after from counts
    );
"""


class Cell(NamedTuple):
    """Two windows.

    Attributes:
        before: requests before the deployment.
        after: requests after it.
        rate_before: chance of each of them to fail before.
        rate_after: and after.
    """

    before: int
    after: int
    rate_before: float
    rate_after: float


def chances_of_failing(cells: list[Cell], metrics: Metrics | None = None) -> list[float]:
    """Return the chance of each cell that the mart calls its deployment failed."""
    counts = pd.concat([_counts(number, cell) for number, cell in enumerate(cells)], ignore_index=True)
    counts["place"] = counts.index
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    database.register("counts", counts)
    database.execute(_TABLES)
    text = next(view.text for view in views() if view.name == "int_request_steps")
    judged = to_duckdb(render(text, {"raw": "raw", "mart": "main"}, settings(metrics or Metrics(), utc_now())))
    sums = database.execute(
        f"select cell, sum(if(is_step, chance, 0)) from ({judged}) as judged "
        "inner join counts on judged.service = counts.place::text group by cell order by cell"
    ).fetchall()
    return [chance for _, chance in sums]


def _counts(number: int, cell: Cell) -> pd.DataFrame:
    """Return every pair of counts that can be seen, with its chance."""
    before, after = _failed(cell.before, cell.rate_before), _failed(cell.after, cell.rate_after)
    pairs = before.add_suffix("_before").merge(after.add_suffix("_after"), how="cross")
    pairs["chance"] = pairs.pop("chance_before") * pairs.pop("chance_after")
    return pairs.assign(cell=number, before=cell.before, after=cell.after)


def _failed(requests: int, rate: float) -> pd.DataFrame:
    """Return numbers of failed requests and their chances."""
    failed = np.arange(requests + 1)
    logs = _LOGS[requests] - _LOGS[failed] - _LOGS[requests - failed]
    chances = np.exp(logs + failed * np.log(rate) + (requests - failed) * np.log1p(-rate))
    frame = pd.DataFrame({"failed": failed, "chance": chances})
    low, high = np.searchsorted(np.cumsum(chances), [_RARE, 1 - _RARE])
    return frame.iloc[low : high + 1]


def main() -> None:
    """Print the figures."""
    print("before after | worst chance of failing, at rate | found 9 times in 10, from 0.1 %")
    for before, after in product(SIZES, SIZES):
        harmless = chances_of_failing([Cell(before, after, rate, rate) for rate in RATES])
        worst = max(harmless)
        found = chances_of_failing([Cell(before, after, 0.001, 0.001 + rise) for rise in RISES])
        rise = next(rise for rise, chance in zip(RISES, found, strict=True) if chance >= FOUND)
        print(f"{before:6} {after:6} | {worst:.1e} at {RATES[harmless.index(worst)]:6.2%} | + {rise:.2%}")


if __name__ == "__main__":
    main()

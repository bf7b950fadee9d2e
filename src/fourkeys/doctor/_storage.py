"""Our own side: the warehouse, what it holds, and the disk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fourkeys.doctor._check import Check
from fourkeys.errors import WarehouseError
from fourkeys.mart.checks import findings
from fourkeys.mart.freshness import stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.warehouses.base import Warehouse

_LITTLE, _TOO_LITTLE = 2_000_000_000, 200_000_000
"""Bytes below which a warning, and below which no run."""


def duckdb(config: Config, open_warehouse: Callable[[], AbstractContextManager[Warehouse]]) -> Iterator[Check]:
    """Yield whether a DuckDB file can be written; one that is not there yet is not made."""
    url = config.warehouse.url
    file = Path(url.removeprefix("duckdb://").removeprefix("/"))
    if file.exists():
        with open_warehouse():
            yield Check("warehouse", "ok", f"{url} can be written")
        return
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            yield Check("warehouse", "ok", f"{url} will be made by the first run")
    except OSError as error:
        raise WarehouseError(
            f"{url}: {file.parent}: {error.strerror}", "make the folder, or set [warehouse].url"
        ) from None


def bigquery(config: Config, verify: Callable[[], Iterable[tuple[str, str, bool]]]) -> Iterator[Check]:
    """Yield what BigQuery says of every statement of a run; *verify* gives text, refusal and whether it only waits."""
    steps = list(verify())
    refused = [(text, refusal) for text, refusal, waits in steps if refusal and not waits]
    waiting = sum(1 for _, refusal, waits in steps if refusal and waits)
    if refused:
        text, refusal = refused[0]
        reason = f"{len(refused)} of {len(steps)} statements are refused; the first: {refusal} ({text.splitlines()[0]})"
        yield Check("warehouse", "fail", reason, "see docs/bigquery.md for the permissions, and `build --dry-run`")
    else:
        later = f"; {waiting} wait for tables that the first run makes" if waiting else ""
        yield Check("warehouse", "ok", f"{config.warehouse.url}: {len(steps)} statements verified{later}")


def contents(warehouse: Warehouse, config: Config, now: datetime) -> Iterator[Check]:
    """Yield what the warehouse's data say: fresh, mapped to services, without errors."""
    late = stale(warehouse.watermarks().values(), config, now)
    for each in late:
        yield Check(f"freshness {each.stream}", "warn", str(each), "run `fourkeys run`, and look at its errors")
    if not late:
        yield Check("freshness", "ok", f"nothing is older than {config.metrics.stale_hours:g} h")
    if "data_quality" not in warehouse.relations():
        yield Check("data", "ok", "nothing is built yet")
        return
    found = findings(warehouse)
    for row in found:
        if row["check"].endswith("_unmapped"):
            reason = f"{row['check']}: {row['count']}, such as {row['example']}"
            yield Check("unmapped", "warn", reason, "name it in [[services]] of fourkeys.toml, or leave it")
    if wrong := dict.fromkeys(row["check"] for row in found if row["severity"] == "error"):
        yield Check("data", "warn", f"figures are wrong by {', '.join(wrong)}", "`fourkeys check` shows the rows")
    else:
        yield Check("data", "ok", "no figure is wrong")


def disk(
    folders: Iterable[Path], free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
) -> Iterator[Check]:
    """Yield whether there is room in each of *folders*; one that is not there counts as the nearest that is."""
    for folder in dict.fromkeys(_present(each.absolute()) for each in folders):
        left = free(folder)
        reason = f"{folder}: {left / 1e9:.1f} GB free"
        if left < _TOO_LITTLE:
            yield Check("disk", "fail", reason, "make room; old CSV files may go: docs/operations.md")
        elif left < _LITTLE:
            yield Check("disk", "warn", reason, "make room before the next large backfill")
        else:
            yield Check("disk", "ok", reason)


def _present(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))


__all__ = ["bigquery", "contents", "disk", "duckdb"]

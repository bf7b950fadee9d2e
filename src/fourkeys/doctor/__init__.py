"""Everything that a run needs, looked at without running: configuration, sources, warehouse, data, disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fourkeys.doctor import _sources, _storage
from fourkeys.doctor._check import Check, failed, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.warehouses.base import Warehouse


def examine(
    config: Config,
    environment: Mapping[str, str],
    now: datetime,
    data: Path,
    open_warehouse: Callable[[bool], AbstractContextManager[Warehouse]],
    verify: Callable[[], Iterable[tuple[str, str, bool]]],
) -> Iterator[Check]:
    """Yield every check, as soon as it is made.

    Args:
        config: the configuration.
        environment: where secrets are.
        now: the time.
        data: where CSV files go.
        open_warehouse: opens the warehouse; true for one that is only read.
        verify: lets BigQuery say of each statement what it is, why it is refused, and whether it only waits for a
            table; called where the warehouse is BigQuery.
    """
    yield _services(config)
    yield from guarded("ghes server", lambda: _sources.ghes(config, environment, now))
    yield from guarded("heroku", lambda: _sources.heroku(config, environment))
    yield from guarded("incidents", lambda: _sources.incidents(config, environment))
    yield from guarded("requests", lambda: _sources.requests(config))
    url = config.warehouse.url
    file = Path(url.removeprefix("duckdb://").removeprefix("/"))
    if url.startswith("bigquery://"):
        yield from guarded("warehouse", lambda: _storage.bigquery(config, verify))
    else:
        yield from guarded("warehouse", lambda: _storage.duckdb(config, lambda: open_warehouse(False)))
    if url.startswith("bigquery://") or file.is_file():

        def contents() -> Iterator[Check]:
            with open_warehouse(True) as warehouse:
                yield from _storage.contents(warehouse, config, now)

        yield from guarded("data", contents)
    yield from _storage.disk([data, file.parent, Path(tempfile.gettempdir())])


def _services(config: Config) -> Check:
    if not config.services:
        fix = "write [[services]] into fourkeys.toml; `fourkeys init` guesses them"
        return Check("configuration", "warn", "no services: nothing is counted", fix)
    return Check("configuration", "ok", f"{len(config.services)} services, days are cut in {config.metrics.timezone}")


__all__ = ["Check", "examine", "failed"]

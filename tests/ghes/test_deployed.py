"""What was deployed and is not loaded: only of the window's deployments, and a backfill moves no watermark."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fourkeys import config, pipeline
from fourkeys.sandbox import Sandbox
from fourkeys.sandbox.clock import NOW
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SINCE, UNTIL = datetime(2026, 8, 31, 15, tzinfo=UTC), datetime(2026, 9, 7, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return the simulated company."""
    with Sandbox(tmp_path_factory.mktemp("company")) as running:
        yield running


def test_a_window_is_read_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    """Pull requests that were merged before the window and touched in it bring no history; all of them do later."""
    head, *services = sandbox.config_text.split("[[services]]")
    chosen = [text for text in services if 'name = "search"' in text]
    (tmp_path / "fourkeys.toml").write_text("[[services]]".join([head, *chosen]), encoding="utf-8")
    settings = config.load(tmp_path / "fourkeys.toml", sandbox.environment)
    warehouse = DuckDB(":memory:")

    def run(window: Window) -> tuple[int, int]:
        opened, out = lambda: nullcontext(warehouse), tmp_path / "data"
        pipeline.run(pipeline.Night(opened, settings, sandbox.environment, window, out, NOW, lambda _: None))
        (count,) = warehouse.query("select count(*) as n from raw.ghes_commits where committed_at < ?", [SINCE])
        return count["n"], len(warehouse.watermarks())

    older, marks = run(Window(SINCE, UNTIL))
    early = warehouse.query("select 1 as n from raw.ghes_pull_requests where merged_at < ?", [SINCE])

    assert early
    assert 0 == marks
    assert older < 10
    assert all(number > 10 for number in run(Window()))

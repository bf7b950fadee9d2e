"""Which commits are known, and which were deployed and are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fourkeys.warehouses.base import Warehouse
    from fourkeys.window import Window


def known_shas(warehouse: Warehouse) -> Iterator[str]:
    """Yield the full hashes of all commits that are loaded."""
    for (sha,) in warehouse.stream(f"select sha from {warehouse.names['raw']}.ghes_commits"):
        yield sha


def unknown_deployed(warehouse: Warehouse, window: Window) -> dict[str, list[str]]:
    """Return full hashes of commits that were deployed in *window* and are not loaded, by repository.

    The staging views must be there.
    """
    raw, mart = warehouse.names["raw"], warehouse.names["mart"]
    bounds = [(sign, time) for sign, time in ((">=", window.since), ("<", window.until)) if time]
    sql = (
        "select distinct deployments.repository, deployments.sha "
        f"from {mart}.stg_deployments as deployments left join {raw}.ghes_commits as commits "
        "on deployments.repository = commits.repository and deployments.sha = commits.sha "
        "where commits.sha is null and deployments.repository is not null and length(deployments.sha) = 40 "
        f"{''.join(f'and deployments.finished_at {sign} ? ' for sign, _ in bounds)}"
        "order by deployments.repository, deployments.sha"
    )
    found: dict[str, list[str]] = {}
    for repository, sha in warehouse.stream(sql, [time for _, time in bounds]):
        found.setdefault(repository, []).append(sha)
    return found

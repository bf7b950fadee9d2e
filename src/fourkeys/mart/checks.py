"""Data-quality findings, as the view `data_quality` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fourkeys.warehouses.base import Row, Warehouse

SEVERITIES = ("error", "warning", "info")
"""Worst first. An error makes a figure wrong, a warning leaves something out, an info is good to know."""


def findings(warehouse: Warehouse, services: Sequence[str] = ()) -> list[Row]:
    """Return the findings, worst first: check, severity, service, count, example."""
    rows = warehouse.query(f"select * from {warehouse.names['mart']}.data_quality")
    kept = [row for row in rows if not services or row["service"] in services]
    return sorted(kept, key=lambda row: (SEVERITIES.index(row["severity"]), row["check"], row["service"] or ""))

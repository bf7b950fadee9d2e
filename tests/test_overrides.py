"""Marks by hand in the configuration: they win over all rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from worlds import load_yaml, measure_world

GOLDEN = Path(__file__).parent / "golden"


def measured(scenario: str, folder: Path, *overrides: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a golden scenario with marks."""
    world = load_yaml(GOLDEN / f"{scenario}.yaml") | {"overrides": list(overrides)}
    return next(row for row in measure_world(world, folder) if row["service"] == "api")


def test_a_deployment_that_no_rule_finds_is_marked_as_failed(tmp_path: Path) -> None:
    """G01 has one deployment and no failure; a mark makes it fail, and says when it recovered."""
    mark = {"service": "api", "deployment": "D1", "failed": True, "recovered_at": "2024-03-04T14:00:00Z"}
    row = measured("G01", tmp_path, mark)

    assert (1, 1.0, 2.0) == (
        row["failed_deployments"],
        row["change_failure_rate"],
        row["failed_deployment_recovery_hours_median"],
    )


def test_a_deployment_that_a_rule_finds_is_cleared(tmp_path: Path) -> None:
    """In G31 a rollback undid D2; a mark says that it did not fail."""
    row = measured("G31", tmp_path, {"service": "api", "deployment": "D2", "failed": False, "reason": "planned"})

    assert (0, 0.0) == (row["failed_deployments"], row["change_failure_rate"])


def test_an_incident_belongs_where_the_mark_says(tmp_path: Path) -> None:
    """In G24 both incidents are D2's; a mark gives one to D1."""
    row = measured("G24", tmp_path, {"service": "api", "deployment": "D1", "incident": "I1"})

    assert (2, 1.0) == (row["failed_deployments"], row["change_failure_rate"])

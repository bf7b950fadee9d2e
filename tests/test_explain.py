"""`explain`: the rows that make a number, counted or not, and by which rule."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from worlds import NOW, build_world, load_yaml

from fourkeys.errors import UsageError
from fourkeys.mart.explain import FIGURES, Explanation, explain, parse_period

GOLDEN = Path(__file__).parent / "golden"
MARCH = (date(2024, 3, 1), date(2024, 4, 1))


def explained(scenario: str, metric: str, folder: Path) -> Explanation:
    """Explain a metric of the service of a golden scenario in March 2024."""
    world = load_yaml(GOLDEN / f"{scenario}.yaml")
    warehouse, settings = build_world(world, folder)
    return explain(warehouse, settings.metrics, metric, world["expect"]["service"], MARCH, NOW)


def test_a_rollback_is_named_as_the_rule(tmp_path: Path) -> None:
    """The deployment that a rollback undid is the failed one, and the rule is said."""
    found = explained("G31", "change_failure_rate", tmp_path)

    assert [("failed", "D2", "rollback")] == [
        (row["counted"], row["deployment_id"], row["failed_by"]) for row in found.rows if row["counted"] == "failed"
    ]
    assert 4 == found.figures["deployments"]


def test_incidents_are_named_with_their_link(tmp_path: Path) -> None:
    """Two incidents on one deployment are one failure, and both are named."""
    failed = [row for row in explained("G24", "change_failure_rate", tmp_path).rows if row["counted"] == "failed"]

    assert ["I1 by time, I2 by time"] == [row["incidents"] for row in failed]


def test_what_is_left_out_is_shown_with_the_reason(tmp_path: Path) -> None:
    """A commit dated after its deployment, and the baseline, are shown and not counted."""
    reasons = [row["counted"] for row in explained("G11", "change_lead_time", tmp_path).rows]

    assert ["no: baseline", "no: clock_skew", "yes"] == sorted(reasons)


def test_a_redeployment_is_shown_and_not_counted(tmp_path: Path) -> None:
    """The same commit again is in the list, with the reason why it does not count."""
    rows = explained("G16", "deployment_frequency", tmp_path).rows

    assert {"D2": "no: redeployment"} == {r["deployment_id"]: r["counted"] for r in rows if r["counted"] != "yes"}


def test_open_incidents_are_shown_and_not_counted(tmp_path: Path) -> None:
    """An incident without an end is no sample of time to restore."""
    assert ["no: not resolved"] == [row["counted"] for row in explained("G30", "time_to_restore", tmp_path).rows]
    assert ["no: not recovered"] == [
        row["counted"] for row in explained("G30", "failed_deployment_recovery", tmp_path).rows
    ]


def test_a_hotfix_is_rework(tmp_path: Path) -> None:
    """Rework says by which rule."""
    rows = explained("G36", "deployment_rework_rate", tmp_path).rows

    assert ["hotfix"] == [row["rework_by"] for row in rows if row["counted"] == "rework"]


@pytest.mark.parametrize("metric", FIGURES)
def test_every_metric_has_a_definition_and_figures(metric: str, tmp_path: Path) -> None:
    """Each explanation says what is counted, and shows the figures of `metrics`."""
    found = explained("G35", metric, tmp_path)

    assert len(found.definition) > 40
    assert {"from", "to", *FIGURES[metric]} == set(found.figures)
    assert found.rows or metric == "time_to_restore"


def test_an_unknown_metric_is_refused_with_the_nearest() -> None:
    """A slip in the name is answered with the nearest metric."""
    with pytest.raises(UsageError) as caught:
        explain(None, None, "lead_time", "api", MARCH, NOW)  # type: ignore[arg-type]

    assert "change_lead_time" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02", (date(2024, 2, 1), date(2024, 3, 1))),
        ("2024-12", (date(2024, 12, 1), date(2025, 1, 1))),
        ("2026-W01", (date(2025, 12, 29), date(2026, 1, 5))),
        ("2024-03-04", (date(2024, 3, 4), date(2024, 3, 5))),
        ("2024", (date(2024, 1, 1), date(2025, 1, 1))),
        ("2024-03-04..2024-04-01", (date(2024, 3, 4), date(2024, 4, 1))),
    ],
)
def test_periods(text: str, expected: tuple[date, date]) -> None:
    """A day, an ISO week, a month, a year, and any days from the first to the one after the last are read."""
    assert expected == parse_period(text)


@pytest.mark.parametrize(
    "text", ["2024-13", "2024-W54", "march", "2024-3", "2024-03-04..", "2024-03..2024-04", "2024-03-04..2024-03-03"]
)
def test_what_is_no_period(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(UsageError):
        parse_period(text)

"""The answer's own arithmetic, on deliveries small enough to check by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fourkeys.sandbox.ledger import Change, Landing, Ledger, percentile

MARCH = (date(2026, 3, 1), date(2026, 4, 1))
HOUR = timedelta(hours=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time in March 2026, in UTC (nine hours behind Tokyo)."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def change(sha: str, authored: datetime, committed: datetime | None = None) -> Change:
    """Return a change; without a committer date it is the author date."""
    return Change(sha, authored, committed or authored)


@pytest.fixture
def ledger() -> Ledger:
    """A service with a baseline deployment at noon (UTC) on the first day."""
    made = Ledger("shop", "storefront")
    made.land("main", Landing((change("a", at(1, 8)),), number=1))
    made.ship("main", "a", at(1, 12))
    return made


def test_baseline_gives_no_samples(ledger: Ledger) -> None:
    """The first deployment counts as a deployment and gives no lead time."""
    answer = ledger.answer(*MARCH)
    assert (1, 0, None) == (answer["deployments"], answer["changes"], answer["lead_time_hours_median"])


def test_nothing_is_null_and_not_zero() -> None:
    """Rates and medians over nothing are None; counts are 0."""
    answer = Ledger("shop", "storefront").answer(*MARCH)
    counts = {key: value for key, value in answer.items() if value == 0}
    assert {
        "deployments", "redeployments", "deployment_days", "deployments_per_day", "median_deployment_days_per_week",
        "changes", "failed_deployments", "unrecovered_failures", "recovered_failures", "restored_incidents",
    } == set(counts)  # fmt: skip
    assert answer["change_failure_rate"] is None
    assert answer["deployment_rework_rate"] is None


def test_lead_time_is_from_authored_to_live(ledger: Ledger) -> None:
    """Two changes, 2 h and 5 h before the deployment: the median is the mean of both, p90 lies between."""
    ledger.land("main", Landing((change("b", at(2, 10)), change("c", at(2, 7))), number=2))
    ledger.ship("main", "c", at(2, 12))
    answer = ledger.answer(*MARCH)
    assert (2, 3.5, pytest.approx(4.7)) == (
        answer["changes"],
        answer["lead_time_hours_median"],
        answer["lead_time_hours_p90"],
    )


def test_wrong_clocks(ledger: Ledger) -> None:
    """An author date after the deployment gives way to the committer date; with both after, the change is left out."""
    late = at(9, 0)
    ledger.land("main", Landing((change("b", late, at(2, 11)), change("c", late, late))))
    shipment = ledger.ship("main", "c", at(2, 12))
    assert ([1.0], 1) == (shipment.samples, shipment.skewed)
    assert ledger.answer(*MARCH)["changes"] == 1


def test_one_sha_is_one_change(ledger: Ledger) -> None:
    """A commit that two squashed pull requests list is a change of the first of them only."""
    ledger.land("main", Landing((change("b", at(2, 10)),), number=2))
    ledger.land("main", Landing((change("b", at(2, 10)), change("c", at(2, 11))), number=3))
    ledger.ship("main", "c", at(2, 12))
    assert ledger.answer(*MARCH)["changes"] == 2


def test_rollback_fails_the_first_deployment_that_it_undoes(ledger: Ledger) -> None:
    """After V1 V2 V3, going back to V1 fails V2 alone; it is recovered when V1 is live again."""
    for day, sha in ((2, "b"), (3, "c")):
        ledger.land("main", Landing((change(sha, at(day, 10)),)))
        ledger.ship("main", sha, at(day, 12))
    shipment = ledger.roll_back(2, at(3, 18))
    assert ("rollback", "a") == (shipment.kind, shipment.sha)
    assert [False, True, False, False] == [s.failed for s in ledger.shipments]
    answer = ledger.answer(*MARCH)
    assert (0.25, 30.0, 0.25) == (
        answer["change_failure_rate"],
        answer["failed_deployment_recovery_hours_median"],
        answer["deployment_rework_rate"],
    )


def test_reapplying_ships_nothing_new(ledger: Ledger) -> None:
    """A version applied again is a forward deployment without changes; they keep their first lead time."""
    ledger.land("main", Landing((change("b", at(2, 10)),)))
    ledger.ship("main", "b", at(2, 12))
    ledger.roll_back(1, at(2, 13))
    assert ledger.again("b", at(5, 12)).kind == "forward"
    answer = ledger.answer(*MARCH)
    assert (4, 1, 2.0, 1) == (
        answer["deployments"],
        answer["changes"],
        answer["lead_time_hours_median"],
        answer["failed_deployments"],
    )


def test_redeployment_stands_apart(ledger: Ledger) -> None:
    """The same version again is counted as a redeployment and nowhere else."""
    ledger.again("a", at(4, 12))
    answer = ledger.answer(*MARCH)
    assert (1, 1, 1) == (answer["deployments"], answer["redeployments"], answer["deployment_days"])


def test_revert_fails_what_it_reverts(ledger: Ledger) -> None:
    """A deployment that carries a revert is rework, and the one that carried the reverted pull request failed."""
    ledger.land("main", Landing((change("b", at(2, 10)),), number=2))
    ledger.ship("main", "b", at(2, 12))
    ledger.land("main", Landing((change("c", at(3, 10)),), number=3, reverts=2))
    ledger.ship("main", "c", at(3, 12))
    assert [False, True, False] == [s.failed for s in ledger.shipments]
    assert [False, False, True] == [s.rework for s in ledger.shipments]
    assert ledger.answer(*MARCH)["failed_deployment_recovery_hours_median"] == 24.0


def test_early_revert_fails_nothing(ledger: Ledger) -> None:
    """A revert that is deployed together with what it reverts is rework and no failure."""
    ledger.land("main", Landing((change("b", at(2, 10)),), number=2))
    ledger.land("main", Landing((change("c", at(2, 11)),), number=3, reverts=2))
    ledger.ship("main", "c", at(2, 12))
    answer = ledger.answer(*MARCH)
    assert (0, 0.5) == (answer["failed_deployments"], answer["deployment_rework_rate"])


def test_release_may_leave_something_behind(ledger: Ledger) -> None:
    """What was merged after the tag is not in the release, but in the next one."""
    ledger.land("main", Landing((change("b", at(2, 10)),)))
    ledger.land("main", Landing((change("c", at(2, 11)),)))
    assert [2.0] == ledger.ship("main", "b", at(2, 12), leave=1).samples
    assert [25.0] == ledger.ship("main", "c", at(3, 12)).samples


def test_recovery_is_the_end_of_the_last_incident(ledger: Ledger) -> None:
    """Of two incidents of one deployment, the last ends its failure, and both count for time to restore."""
    cause = ledger.shipments[0]
    ledger.incident(at(1, 13), at(1, 14), cause)
    ledger.incident(at(1, 13, 30), at(1, 16), cause)
    answer = ledger.answer(*MARCH)
    assert (1, 4.0, 2, 1.75) == (
        answer["failed_deployments"],
        answer["failed_deployment_recovery_hours_median"],
        answer["restored_incidents"],
        answer["time_to_restore_hours_median"],
    )


def test_open_incident_is_no_recovery(ledger: Ledger) -> None:
    """While an incident is open, its deployment is failed and unrecovered."""
    ledger.incident(at(1, 13), None, ledger.shipments[0])
    answer = ledger.answer(*MARCH)
    assert (1, 1, 0) == (answer["failed_deployments"], answer["unrecovered_failures"], answer["restored_incidents"])


def test_days_and_weeks_are_cut_in_tokyo(ledger: Ledger) -> None:
    """16:00 UTC on 31 March is 1 April in Tokyo: outside; and weeks without a deployment count as 0."""
    ledger.land("main", Landing((change("b", at(31, 10)),)))
    ledger.ship("main", "b", at(31, 16))
    answer = ledger.answer(*MARCH)
    assert (1, 0, 1 / 31) == (
        answer["deployments"],
        answer["median_deployment_days_per_week"],
        answer["deployments_per_day"],
    )


def test_percentile_is_continuous() -> None:
    """Percentiles interpolate as PERCENTILE_CONT does; of one value they are that value."""
    assert percentile([10, 20, 30, 40], 0.9) == pytest.approx(37.0)
    assert percentile([5.0], 0.9) == 5.0

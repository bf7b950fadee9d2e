"""The simulated company on paper: three teams, six services, and what goes wrong when.

Every twist is an awkward case that real data has and careless tools get wrong. Pull requests (by their first commit):

    rebase          merged by rebasing: new shas, old author dates
    fast_forward    merged by fast-forward: the branch's own commits are the base's
    merge_main      the branch merges the default branch before it is merged itself
    awkward         emoji, Japanese, quotes, newlines and a leading = in title and body
    many            130 commits: more than one page, also nested in GraphQL
    ghost           the author's account was deleted, and one commit's e-mail address belongs to nobody
    stacked         a second pull request on top of the first: both list the first one's commits
    nested          a pull request that is merged into another one's branch
    skew_author     an author date after the deployment: the committer date counts
    skew_both       both dates after the deployment: the change is left out
    hotfix_label    label hotfix: the deployment is rework
    hotfix_branch   branch hotfix/...: the same
    revert          reverts the last pull request that is deployed: that deployment failed
    revert_early    reverts a pull request before any deployment carries it: no failure, but rework
    side_deploy     the branch is deployed before it is merged

Deployments (at this very time):

    release         the tip of the default branch, outside the weekly rhythm (just after midnight in Tokyo, for one)
    late_tag        a release that is published well after other things were merged: they are not in it
    draft           a draft release: no deployment
    prerelease      a release candidate: no deployment
    maintenance     an old line gets a fix and a release; its commits are nowhere on the default branch
    rollback        back to the version before
    rollback_two    back over two deployments: the first of them was the bad one
    reapply         the version that was rolled back, once more: no rollback, no new changes
    redeploy        the same version again: not counted as a deployment
    failed          an attempt that did not succeed
    staging         a deployment to another environment
    duplicate       a second report of a deployment that is known, under the same external id; on Heroku, a config var
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fourkeys.config import DeploymentsFrom


@dataclass(frozen=True, slots=True)
class Twist:
    """An awkward case and when it happens, as a time in Tokyo."""

    at: str
    kind: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A service on paper.

    Attributes:
        service: name in the catalog.
        owner: team.
        repository: owner/name.
        description: what it does.
        language: main language of its code.
        deployments_from: as in fourkeys.toml.
        method: how pull requests are merged, unless a twist says otherwise: squash or merge.
        weekly: pull requests begun per week.
        rhythm: weekdays of regular deployments (Monday is 0) and their hour; empty where each merge is a deployment.
        first: date of the first deployment.
        pauses: weeks without any regular deployment, as Mondays.
        twists: what goes wrong.
    """

    service: str
    owner: str
    repository: str
    description: str
    language: str
    deployments_from: DeploymentsFrom
    method: str
    weekly: float
    first: str
    rhythm: tuple[tuple[int, int], ...] = ()
    pauses: tuple[str, ...] = ()
    twists: tuple[Twist, ...] = ()


def _twists(text: str) -> tuple[Twist, ...]:
    """Read one twist a line: `2026-02-12 16:20 kind`."""
    return tuple(Twist(line.strip()[:16], line.strip()[17:]) for line in text.strip().splitlines())


PLANS = (
    Plan(
        "shop", "storefront", "acme/shop", "The web shop", "Ruby", "releases", "merge", 2.6, "2025-09-10",
        rhythm=((2, 14),), pauses=("2025-12-22", "2026-03-02", "2026-03-09", "2026-08-17"),
        twists=_twists("""
            2025-10-15 10:12 awkward
            2025-11-11 13:40 merge_main
            2025-11-20 15:00 prerelease
            2025-12-08 11:05 ghost
            2026-01-21 10:30 rebase
            2026-01-26 14:10 draft
            2026-02-12 10:45 revert
            2026-02-12 16:20 release
            2026-03-31 13:00 release
            2026-04-01 00:10 release
            2026-04-15 17:05 rollback
            2026-05-19 10:20 nested
            2026-06-16 13:05 hotfix_label
            2026-06-16 18:30 release
            2026-07-07 11:30 skew_author
            2026-07-23 18:00 late_tag
            2026-09-08 10:05 fast_forward
        """),
    ),
    Plan(
        "catalog", "storefront", "acme/catalog", "Products, prices and stock", "Go", "merges", "squash", 2.9,
        "2025-10-01",
        twists=_twists("""
            2025-10-22 10:10 merge_main
            2025-11-05 11:20 stacked
            2025-12-03 14:00 revert
            2026-01-14 10:40 awkward
            2026-02-17 15:15 hotfix_branch
            2026-03-17 13:20 rebase
            2026-04-14 10:25 skew_both
            2026-05-26 11:45 ghost
            2026-07-14 16:05 revert
            2026-08-25 10:30 hotfix_label
        """),
    ),
    Plan(
        "checkout", "payments", "acme/checkout", "Cart and payment", "Ruby", "heroku", "squash", 2.7, "2025-09-08",
        rhythm=((0, 15), (1, 15), (3, 11)), pauses=("2025-12-22", "2026-03-23"),
        twists=_twists("""
            2025-10-21 17:10 failed
            2025-11-17 17:30 rollback
            2025-11-18 10:30 reapply
            2025-12-09 11:00 stacked
            2026-01-20 16:45 redeploy
            2026-02-09 11:00 hotfix_label
            2026-02-26 18:05 rollback_two
            2026-04-09 12:10 duplicate
            2026-05-12 10:05 merge_main
            2026-06-22 13:30 revert
            2026-07-02 10:50 awkward
            2026-09-16 23:55 release
            2026-10-01 00:05 release
        """),
    ),
    Plan(
        "ledger", "payments", "acme/ledger", "The books", "Java", "releases", "squash", 2.2, "2025-09-04",
        rhythm=((3, 16),), pauses=("2025-10-27", "2025-12-22", "2026-04-20", "2026-06-01", "2026-06-08"),
        twists=_twists("""
            2025-11-12 10:20 maintenance
            2025-12-02 14:30 awkward
            2026-01-20 11:10 revert_early
            2026-02-03 13:15 merge_main
            2026-03-10 10:35 maintenance
            2026-03-18 15:40 prerelease
            2026-05-14 10:15 hotfix_branch
            2026-05-14 17:45 release
            2026-07-06 11:55 ghost
            2026-08-04 10:40 skew_both
            2026-09-02 14:05 maintenance
        """),
    ),
    Plan(
        "search", "platform", "acme/search", "Full-text search", "Rust", "merges", "merge", 2.8, "2025-10-01",
        twists=_twists("""
            2025-11-04 10:15 fast_forward
            2025-12-10 13:25 nested
            2026-01-27 11:35 many
            2026-03-05 10:05 revert
            2026-04-22 14:50 rebase
            2026-06-10 10:55 skew_author
            2026-07-28 15:20 hotfix_branch
            2026-09-10 11:15 merge_main
        """),
    ),
    Plan(
        "notifications", "platform", "acme/notifications", "Mail and push messages", "Python", "csv", "merge", 2.5,
        "2025-10-01",
        rhythm=((1, 11), (4, 11)), pauses=("2025-11-10", "2025-12-22", "2026-02-16", "2026-08-17"),
        twists=_twists("""
            2025-10-17 15:00 staging
            2025-11-04 17:45 rollback
            2025-12-02 16:30 failed
            2026-01-13 18:20 redeploy
            2026-02-10 13:00 duplicate
            2026-03-03 12:15 side_deploy
            2026-04-10 17:00 rollback
            2026-04-13 10:20 reapply
            2026-05-22 16:10 staging
            2026-06-30 10:30 rebase
            2026-07-21 23:58 release
            2026-09-30 23:50 release
        """),
    ),
)  # fmt: skip

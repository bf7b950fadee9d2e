"""The simulated company: the same bytes every time, and every awkward case really in it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fourkeys.sandbox.clock import NOW, Dice, after_work, local
from fourkeys.sandbox.company import Company
from fourkeys.sandbox.history import History

if TYPE_CHECKING:
    from fourkeys.sandbox.model import Repository

FINGERPRINT = """
import hashlib
from fourkeys.sandbox.company import Company


def fingerprint(company):
    parts = [company.people, company.repositories, company.deployment_rows, company.answer()]
    parts += [[app.releases for app in company.apps], company.bot.incidents, list(company.traffic.lines())[-1000:]]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
"""
CHILD = FINGERPRINT + "print(fingerprint(Company.simulate()))"


@pytest.fixture(scope="module")
def company() -> Company:
    """The company of the demo."""
    return Company.simulate()


def repository(company: Company, name: str) -> Repository:
    """Return one of its repositories."""
    return company.repositories[f"acme/{name}"]


def test_same_bytes_every_time(company: Company) -> None:
    """Another process, with another hash seed and time zone, makes the same world, to the last byte."""
    names: dict[str, Any] = {}
    exec(FINGERPRINT, names)
    other_seed = "4711" if os.environ.get("PYTHONHASHSEED") != "4711" else "4712"
    environment = os.environ | {"PYTHONHASHSEED": other_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        env=environment | {"TZ": "America/New_York"}, capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip
    assert names["fingerprint"](company) == done.stdout.strip()


def test_other_seeds_work_and_differ(company: Company) -> None:
    """Every seed gives a whole company, and another one."""
    others = [Company.simulate(seed).answer() for seed in range(3)]
    assert len({repr(answer) for answer in [*others, company.answer()]}) == 4


def test_sources_change_only_what_is_theirs(company: Company) -> None:
    """Without Heroku, incidents and requests the same versions go live at the same times; only failures differ."""
    plain = Company.simulate(sources=())
    assert company.repositories == plain.repositories
    delivered = ("deployments", "redeployments", "changes", "lead_time_hours_median", "deployment_rework_rate")
    assert [[a[key] for key in delivered] for a in company.answer()] == [
        [a[key] for key in delivered] for a in plain.answer()
    ]
    assert all(answer["restored_incidents"] == 0 for answer in plain.answer())


def test_size(company: Company) -> None:
    """Three teams and six services with about 3,500 commits, 870 pull requests and 700 issues."""
    repositories = company.repositories.values()
    assert (3, 6) == (len({plan.owner for plan in company.plans}), len(company.plans))
    assert 3_000 <= sum(len(r.commits) for r in repositories) <= 4_000
    assert 800 <= sum(len(r.pulls) for r in repositories) <= 950
    assert 600 <= sum(len(r.issues) - len(r.pulls) for r in repositories) <= 800


def test_nothing_is_in_the_future(company: Company) -> None:
    """No record is younger than the servers' clock."""
    for r in company.repositories.values():
        times = [c.committed_at for c in r.commits.values()] + [i.updated_at for i in r.issues]
        times += [c.updated_at for c in r.comments] + [e.created_at for e in r.events]
        assert max(times, default=NOW) <= NOW


def test_merges_never_share_a_second(company: Company) -> None:
    """Two merges into one repository are at least a second apart: the order of deployments is plain."""
    for r in company.repositories.values():
        merged = [issue.pull.merged_at for issue in r.pulls if issue.pull and issue.pull.merged_at]
        assert len(merged) == len(set(merged))


def test_updated_at_is_the_latest_of_all(company: Company) -> None:
    """An issue's updated_at is never before its creation, its end, its comments or its reviews."""
    for r in company.repositories.values():
        comments = {number: [c.updated_at for c in r.comments if c.number == number] for number in range(20, 60)}
        for issue in r.issues:
            reviews = [review.submitted_at for review in issue.pull.reviews] if issue.pull else []
            ends = [issue.closed_at] if issue.closed_at else []
            assert issue.updated_at >= max([issue.created_at, *ends, *reviews, *comments.get(issue.number, [])])


@pytest.mark.parametrize(
    ("service", "kind", "parents"),
    [("catalog", "squash", 1), ("search", "merge", 2)],
)
def test_merge_methods(company: Company, service: str, kind: str, parents: int) -> None:
    """Plain pull requests are squashed into one commit, or merged by a commit with two parents."""
    r = repository(company, service)
    merged = [issue.pull for issue in r.pulls if issue.pull and issue.pull.merge_commit_sha]
    assert sum(len(r.commits[str(pull.merge_commit_sha)].parents) == parents for pull in merged) > 0.9 * len(merged)


def test_awkward_pull_requests(company: Company) -> None:
    """Rebase, fast-forward, merges of the default branch, 130 commits, and stacked branches are there."""
    shop, search, catalog = (repository(company, name) for name in ("shop", "search", "catalog"))
    pulls = [issue.pull for issue in search.pulls if issue.pull]
    assert max(len(pull.commits) for pull in pulls) == 130
    assert any(pull.merge_commit_sha == pull.commits[-1] for pull in pulls)
    assert any(len(shop.commits[sha].parents) == 2 for issue in shop.pulls if issue.pull for sha in issue.pull.commits)
    listed = [sha for issue in catalog.pulls if issue.pull for sha in issue.pull.commits]
    assert len(listed) > len(set(listed))
    authored = {(c.authored_at, c.message): c for c in catalog.commits.values() if c.authored_at == c.committed_at}
    rebased = [c for c in catalog.commits.values() if c.authored_at < c.committed_at]
    assert any((c.authored_at, c.message) in authored for c in rebased)


def test_reverts(company: Company) -> None:
    """Five reverts of what is live, and one of what no deployment carried yet, name what they revert."""
    bodies = [issue.body or "" for r in company.repositories.values() for issue in r.pulls]
    assert sum("Reverts acme/" in body for body in bodies) == 6
    ledger = next(ledger for ledger in company.ledgers if ledger.service == "ledger")
    early = [issue for issue in repository(company, "ledger").pulls if (issue.body or "").startswith("Reverts")]
    reverted = int(str(early[0].body).partition("#")[2].split()[0])
    together = next(s for s in ledger.shipments if reverted in s.numbers)
    assert early[0].number in together.numbers
    assert together.rework


def test_awkward_releases(company: Company) -> None:
    """Drafts, prereleases, a rollback's tag on an old commit, and a line whose commits never reach main."""
    shop, ledger = repository(company, "shop"), repository(company, "ledger")
    assert [1, 1] == [
        sum(r.published_at is None for r in shop.releases),
        sum(r.prerelease for r in shop.releases),
    ]
    tagged = [release.sha for release in shop.releases if release.published_at]
    assert len(tagged) > len(set(tagged))
    main = {c.sha for c in History(ledger).walk(ledger.branches["main"])}
    old = [release for release in ledger.releases if release.tag.startswith("v1.")]
    assert len(old) == 3
    assert not main & {release.sha for release in old}


def test_awkward_deployments(company: Company) -> None:
    """Deployments written by hand hold rollbacks, a failed attempt, staging, a double report, and short hashes."""
    rows = Company.simulate(sources=()).deployment_rows
    assert {row["service"] for row in company.deployment_rows} == {"notifications"}
    assert {"deploy", "rollback"} == {row["kind"] for row in rows}
    assert {"succeeded", "failed"} == {row["status"] for row in rows}
    assert {"production", "staging"} == {row["environment"] for row in rows}
    external = [(row["service"], row["external_id"]) for row in rows]
    assert len(external) == len(set(external)) + 2
    assert {10, 40} == {len(str(row["sha"])) for row in rows}


def test_midnight_in_tokyo(company: Company) -> None:
    """One release is published just after midnight in Tokyo, on the UTC day of the one before it."""
    published = [r.published_at for r in repository(company, "shop").releases if r.published_at]
    late = local("2026-04-01 00:10")
    before = max(at for at in published if at < late)
    assert late in published
    assert before.date() == late.date()


def test_ghosts_and_awkward_text(company: Company) -> None:
    """Deleted accounts, commits of nobody, and titles and bodies that are hard to quote are there."""
    issues = [issue for r in company.repositories.values() for issue in r.issues]
    assert any(issue.author is None and not issue.pull for issue in issues)
    assert any(issue.author is None and issue.pull for issue in issues)
    assert any(c.author is None for c in repository(company, "shop").commits.values())
    titles = " ".join(issue.title for issue in issues)
    assert all(text in titles for text in ("=SUM", "🚀", "決済", '"quotes"'))
    assert any("\r\n" in (issue.body or "") for issue in issues)


def test_benchmark_needs_472_pages() -> None:
    """The benchmark's repository is 472 pages of 100 records."""
    made = Company.benchmark().repositories["acme/widgets"]
    lists = (made.issues, made.comments, made.commits, made.pulls, made.events, made.releases, made.labels)
    assert sum(-(-len(records) // 100) for records in lists) == 472


def test_working_hours() -> None:
    """Work begun on a Friday evening goes on on Monday morning; seconds stay."""
    friday = local("2026-06-05 18:30") + timedelta(seconds=7)
    assert after_work(friday, 60) == local("2026-06-08 10:00") + timedelta(seconds=7)


def test_dice_are_fixed() -> None:
    """The sequence of chance is pinned: a change of it would be another company."""
    dice = Dice(4, "shop")
    assert [dice.below(1000) for _ in range(4)] == [814, 1, 518, 876]
    assert datetime(2026, 10, 2, tzinfo=UTC) == NOW

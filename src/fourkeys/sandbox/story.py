"""How one service lives through the year: drafts become pull requests, versions go live, things go wrong.

The story runs strictly forward in time over a queue of steps. Whatever it does to the repository it also tells the
ledger, and the ledger alone gives the answer.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox import words
from fourkeys.sandbox.clock import NOW, START, Dice, days, is_workday, local, local_date, moment
from fourkeys.sandbox.drafts import MAINTENANCE, Draft, Drafting, is_pull_twist
from fourkeys.sandbox.forge import MAIN, Forge, changes_of
from fourkeys.sandbox.ledger import Landing, Ledger
from fourkeys.sandbox.releases import Releaser

if TYPE_CHECKING:
    from fourkeys.sandbox.model import User
    from fourkeys.sandbox.plans import Plan

Step = Callable[[datetime], None]


@dataclass(slots=True)
class Telling:
    """What a story leaves behind.

    Attributes:
        forge: the repository, without issues.
        drafts: its pull requests, merged or not.
        ledger: the notes.
        releaser: what was released, in the terms of the service's source.
        issues: numbers of the plain issues, in the order of their times.
    """

    forge: Forge
    drafts: list[Draft]
    ledger: Ledger
    releaser: Releaser
    issues: list[int]


class Story:
    """One service from its first commit to now."""

    def __init__(self, plan: Plan, repository_id: int, people: tuple[User, ...], seed: int) -> None:
        self._plan, self._people = plan, people
        self._dice = Dice(seed, plan.service)
        self._forge = Forge(repository_id, plan.repository)
        self._ledger = Ledger(plan.service, plan.owner)
        self._releaser = Releaser(plan, self._forge, people, Dice(seed, plan.service, "releases"))
        self._queue: list[tuple[datetime, int, Step]] = []
        self._ticket = itertools.count()
        self._merged: list[Draft] = []

    def tell(self, issues: list[datetime]) -> Telling:
        """Play the year; *issues* are the times at which plain issues are opened, which share the numbers."""
        drafts = Drafting(self._plan, self._people, self._dice).all()
        order = sorted(
            [(at, 0, place) for place, at in enumerate(issues)] + [(d.opened, 1, n) for n, d in enumerate(drafts)]
        )
        numbers = [number for number, (_, kind, _) in enumerate(order, 1) if not kind]
        for number, (_, kind, place) in enumerate(order, 1):
            if kind:
                drafts[place].number = number
        self._begin()
        inner = {id(d.inner) for d in drafts if d.inner}
        for draft in drafts:
            if id(draft) not in inner:
                self._at(min(draft.ended, NOW), self._end(draft))
        self._schedule()
        while self._queue:
            at, _, step = heapq.heappop(self._queue)
            step(at)
        return Telling(self._forge, drafts, self._ledger, self._releaser, numbers)

    def _at(self, at: datetime, step: Step) -> None:
        heapq.heappush(self._queue, (at, next(self._ticket), step))

    def _begin(self) -> None:
        """Make the commits that are older than the simulation."""
        sha = ""
        for place in range(12):
            at = moment(START, 10) - timedelta(days=40 - 3 * place, minutes=7 * place)
            message = "Initial commit" if not sha else words.title(self._dice)
            sha = self._forge.commit((sha,) if sha else (), self._dice.pick(self._people[:-1]), at, message)
            self._forge.move(MAIN, at, sha)
            self._ledger.land(MAIN, Landing(tuple(changes_of([self._forge.commits[sha]]))))

    def _schedule(self) -> None:
        """Queue regular deployments, twists of deployments, and pushes without a pull request."""
        pauses = {date.fromisoformat(day) for day in self._plan.pauses}
        for day in days(START, local_date(NOW)):
            monday = day - timedelta(days=day.weekday())
            for weekday, hour in self._plan.rhythm:
                regular = day.weekday() == weekday and day >= date.fromisoformat(self._plan.first)
                if regular and is_workday(day) and monday not in pauses:
                    self._at(moment(day, hour, self._dice.below(50)), self._deploy)
            if is_workday(day) and self._dice.chance(0.03):
                self._at(moment(day, 12, self._dice.below(59), self._dice.between(1, 59)), self._push)
        for twist in self._plan.twists:
            if not is_pull_twist(twist.kind):
                self._at(local(twist.at), self._twist(twist.kind))

    def _push(self, at: datetime) -> None:
        """Push one commit straight to the default branch."""
        sha = self._forge.commit((self._forge.tip(),), self._dice.pick(self._people[:-1]), at, words.title(self._dice))
        self._forge.move(MAIN, at, sha)
        self._ledger.land(MAIN, Landing(tuple(changes_of([self._forge.commits[sha]]))))

    def _end(self, draft: Draft) -> Step:
        """Return the step that writes the commits of *draft* and, where that is its fate, merges it."""

        def step(at: datetime) -> None:
            if draft.ended > NOW:
                draft.merged = False
            reverted = self._choose_reverted(draft)
            self._write(draft)
            if draft.kind == "side_deploy":
                return self._side_deploy(draft)
            if draft.merged:
                self._merge(draft, at, reverted)
            return None

        return step

    def _choose_reverted(self, draft: Draft) -> Draft | None:
        """Pick what a revert reverts: the last pull request that is live, or the last one that is not yet."""
        if not draft.kind.startswith("revert"):
            return None
        live = {number for shipment in self._ledger.shipments for number in shipment.numbers}
        target = next(
            d for d in reversed(self._merged) if d.base == MAIN and (d.number in live) == (draft.kind == "revert")
        )
        draft.title = f'Revert "{target.title}"'
        draft.body = f"Reverts {self._plan.repository}#{target.number}\n\nIt breaks the page, see the log."
        draft.head = f"revert-{target.number}-{target.head}"
        return target

    def _write(self, draft: Draft) -> None:
        """Write the commits of *draft*, and of the pull request inside it."""
        forge = self._forge
        draft.times = [at for at in draft.times if at < NOW]
        if draft.base == MAINTENANCE and not forge.has_branch(MAINTENANCE):
            forge.move(MAINTENANCE, draft.times[0], self._ledger.shipments[-3].sha)
        if draft.under:
            draft.base_sha, draft.shas = draft.under.base_sha, list(draft.under.shas)
        elif draft.kind == "side_deploy":
            draft.base_sha = self._ledger.shipments[-1].sha
        else:
            at = None if draft.method == "fast_forward" else draft.times[0]
            draft.base_sha = forge.tip(draft.base, at)
        for place, at in enumerate(draft.times):
            last = place == len(draft.times) - 1
            tip = draft.shas[-1] if draft.shas else draft.base_sha
            if last and draft.kind == "merge_main":
                between = at - timedelta(seconds=17)
                message = f"Merge branch '{MAIN}' into {draft.head}"
                tip = forge.commit((tip, forge.tip(MAIN, between)), draft.author, between, message)
                draft.shas.append(tip)
            if last and draft.inner:
                tip = self._nest(draft.inner, tip)
                draft.shas.append(tip)
            author = None if draft.kind == "ghost" and not place else draft.author
            late = at + timedelta(days=20) if draft.kind.startswith("skew") and not place else at
            committed = late if draft.kind == "skew_both" else at
            message = draft.title if not place else words.title(self._dice)
            draft.shas.append(forge.commit((tip,), author, late, message, author, committed))

    def _nest(self, inner: Draft, tip: str) -> str:
        """Write *inner*, which starts from *tip*, and squash it there; return the new tip."""
        forge, inner.base_sha = self._forge, tip
        for at in inner.times:
            parent = inner.shas[-1] if inner.shas else tip
            inner.shas.append(forge.commit((parent,), inner.author, at, words.title(self._dice)))
        message = f"{inner.title} (#{inner.number})"
        inner.merge_commit_sha = forge.commit((tip,), inner.author, inner.ended, message, inner.reviewer)
        return inner.merge_commit_sha

    def _merge(self, draft: Draft, at: datetime, reverted: Draft | None) -> None:
        forge = self._forge
        draft.merge_commit_sha, changes = forge.merge(
            draft.method, draft.base, draft.shas, at, draft.reviewer, draft.title, draft.head, draft.number
        )
        if draft.inner:
            originals = changes_of([forge.commits[sha] for sha in draft.inner.shas])
            changes = (*(c for c in changes if c.sha != draft.inner.merge_commit_sha), *originals)
        number = reverted.number if reverted else None
        self._ledger.land(draft.base, Landing(changes, draft.number, draft.is_hotfix, number))
        self._merged.append(draft)
        if draft.base == MAINTENANCE:
            self._at(at + timedelta(minutes=50), self._deploy_maintenance)
        elif self._plan.deployments_from == "merges":
            self._ledger.ship(MAIN, draft.merge_commit_sha, at)

    def _side_deploy(self, draft: Draft) -> None:
        """Deploy the branch at once, and merge it a day later."""
        changes = tuple(changes_of([self._forge.commits[sha] for sha in draft.shas]))
        ready, draft.ended = draft.ended, draft.ended + timedelta(days=1)

        def deploy(at: datetime) -> None:
            self._ledger.land(draft.head, Landing(changes))
            self._releaser.release(self._ledger.ship(draft.head, draft.shas[-1], at), draft.head)

        self._at((ready + timedelta(minutes=11)).replace(second=0), deploy)
        self._at(draft.ended, lambda at: self._merge(draft, at, None))

    def _deploy(self, at: datetime) -> None:
        """Deploy the tip of the default branch, unless it is live already."""
        tip, live = self._forge.tip(), self._ledger.shipments[-1].sha if self._ledger.shipments else None
        if tip != live:
            self._releaser.release(self._ledger.ship(MAIN, tip, at), MAIN)

    def _deploy_maintenance(self, at: datetime) -> None:
        tip = self._forge.tip(MAINTENANCE)
        self._releaser.release(self._ledger.ship(MAINTENANCE, tip, at), MAINTENANCE)

    def _twist(self, kind: str) -> Step:
        """Return the step that plays the deployment twist *kind*."""
        ledger, releaser, forge = self._ledger, self._releaser, self._forge

        def release(at: datetime) -> None:
            if forge.tip() == ledger.shipments[-1].sha:
                self._push(at - timedelta(seconds=90))
            self._deploy(at)

        def late_tag(at: datetime) -> None:
            for seconds in range(90, 30 * ledger.waiting(MAIN) + 30, -30):
                self._push(at - timedelta(seconds=seconds))
            releaser.release(ledger.ship(MAIN, forge.tip(back=1), at, leave=1), MAIN)

        steps: dict[str, Step] = {
            "release": release,
            "late_tag": late_tag,
            "rollback": lambda at: releaser.release(ledger.roll_back(1, at), MAIN, kind="rollback"),
            "rollback_two": lambda at: releaser.release(ledger.roll_back(2, at), MAIN, kind="rollback"),
            "reapply": lambda at: releaser.release(ledger.again(ledger.shipments[-2].sha, at), MAIN),
            "redeploy": lambda at: releaser.release(ledger.again(ledger.shipments[-1].sha, at), MAIN),
            "draft": lambda at: releaser.draft(forge.tip(), at),
            "prerelease": lambda at: releaser.prerelease(forge.tip(), at),
            "failed": lambda at: releaser.attempt(forge.tip(), at),
            "staging": lambda at: releaser.stage(forge.tip(), at),
            "duplicate": releaser.report_again,
        }
        return steps[kind]

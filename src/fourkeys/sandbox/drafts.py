"""Pull requests before they exist: who begins when, how long it takes, and what is special about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox import words
from fourkeys.sandbox.clock import NOW, START, Dice, after_work, days, is_workday, local, local_date, moment
from fourkeys.sandbox.forge import MAIN, Method

if TYPE_CHECKING:
    from fourkeys.sandbox.model import User
    from fourkeys.sandbox.plans import Plan

MAINTENANCE = "release/1.x"
_QUICK = frozenset({"revert", "revert_early", "hotfix_label", "hotfix_branch", "maintenance", "side_deploy"})
_PULLS = _QUICK | {
    "rebase", "fast_forward", "merge_main", "awkward", "many", "ghost", "stacked", "nested", "skew_author", "skew_both"
}  # fmt: skip


@dataclass(slots=True, eq=False)
class Draft:
    """A pull request to be.

    Attributes:
        kind: plain, or the twist that it plays.
        author: who writes it.
        reviewer: who reads it.
        title: heading.
        body: description.
        head: its branch.
        base: the branch that it goes into.
        method: how it is merged.
        times: when its commits are written.
        opened: when the pull request is made.
        reviewed: when the review comes; None if nobody looks.
        ended: when it is merged or given up.
        merged: whether it is merged.
        labels: names of its labels.
        number: given in the order of opening.
        inner: a pull request into this one's branch.
        under: the pull request whose branch it starts from.
        shas: its commits, once they exist.
        merge_commit_sha: what merged it, once it is.
        base_sha: where its branch began, once it has.
    """

    kind: str
    author: User
    reviewer: User
    title: str
    body: str | None
    head: str
    method: Method
    times: list[datetime]
    opened: datetime
    reviewed: datetime | None
    ended: datetime
    merged: bool = True
    base: str = MAIN
    labels: list[str] = field(default_factory=list)
    number: int = 0
    inner: Draft | None = None
    under: Draft | None = None
    shas: list[str] = field(default_factory=list)
    merge_commit_sha: str | None = None
    base_sha: str = ""

    @property
    def is_hotfix(self) -> bool:
        """Whether its label or its branch says so."""
        return "hotfix" in self.labels or self.head.startswith("hotfix/")


def is_pull_twist(kind: str) -> bool:
    """Whether the twist *kind* is one of a pull request, and not of a deployment."""
    return kind in _PULLS


class Drafting:
    """Writes the drafts of one service."""

    def __init__(self, plan: Plan, people: tuple[User, ...], dice: Dice) -> None:
        self._plan, self._dice = plan, dice
        self._humans = people[:-1]
        self._bot = people[-1]
        self._method: Method = "squash" if plan.method == "squash" else "merge"

    def all(self) -> list[Draft]:
        """Return all pull requests of the plan that are opened before now, in the order of opening."""
        drafts = [self._plain(moment(day, 9, 30)) for day in days(START, local_date(NOW)) if self._begins(day)]
        for twist in self._plan.twists:
            if is_pull_twist(twist.kind):
                drafts.extend(self._twisted(local(twist.at), twist.kind))
        return sorted((d for d in drafts if d.opened < NOW), key=lambda draft: draft.opened)

    def _begins(self, day: date) -> bool:
        return is_workday(day) and self._dice.chance(self._plan.weekly / 5)

    def _plain(self, morning: datetime) -> Draft:
        dice = self._dice
        start = after_work(morning, dice.below(500)) + timedelta(seconds=dice.between(1, 59))
        draft = self._draft("plain", start, dice.skewed(1, 9), slow=1)
        if dice.chance(0.07):
            draft.author, draft.title = self._bot, "Bump the dependencies"
            draft.labels.append("依存関係")
        elif dice.chance(0.08):
            draft.merged = False
        return draft

    def _draft(self, kind: str, start: datetime, commits: int, slow: float) -> Draft:
        """Draft a pull request whose first commit is written at *start*; *slow* stretches all that follows."""
        dice, heading = self._dice, words.title(self._dice)
        times = [start]
        for _ in range(commits - 1):
            times.append(after_work(times[-1], int(slow * dice.skewed(4, 420)) + 1))
        early = times[dice.below(len(times))]
        opened = early + timedelta(seconds=dice.between(70, 900))
        reviewed = after_work(opened, int(slow * dice.skewed(8, 900)) + 2) if dice.chance(0.85) else None
        ended = after_work(max(times[-1], reviewed or opened), int(slow * dice.skewed(3, 500)) + 3)
        author = dice.pick(self._humans)
        return Draft(
            kind,
            author,
            dice.pick([human for human in self._humans if human is not author]),
            heading,
            words.body(dice),
            words.branch(dice, heading),
            self._method,
            times,
            opened,
            reviewed,
            ended,
        )

    def _twisted(self, start: datetime, kind: str) -> list[Draft]:
        dice = self._dice
        start += timedelta(seconds=dice.between(1, 59))
        count = {"many": 130, "plain": 1, "revert": 1, "revert_early": 1}.get(kind, dice.between(2, 4))
        draft = self._draft(kind, start, count, slow=0.05 if kind in _QUICK or kind == "many" else 0.6)
        if kind in {"rebase", "fast_forward"}:
            draft.method = "rebase" if kind == "rebase" else "fast_forward"
        elif kind == "awkward":
            draft.title, draft.body = dice.pick(words.AWKWARD_TITLES), words.AWKWARD_BODIES[0]
        elif kind == "hotfix_label":
            draft.labels.append("hotfix")
        elif kind == "hotfix_branch":
            draft.head = f"hotfix/{draft.head.partition('/')[2]}"
        elif kind == "maintenance":
            draft.base = MAINTENANCE
        elif kind == "revert_early":
            regretted = self._draft("plain", start - timedelta(hours=1, minutes=40), 2, slow=0.05)
            regretted.ended = start - timedelta(minutes=3)
            return [regretted, draft]
        elif kind == "stacked":
            return [draft, self._on_top(draft)]
        elif kind == "nested":
            return [draft, self._inside(draft)]
        return [draft]

    def _on_top(self, below: Draft) -> Draft:
        """Draft a pull request that starts from the branch of another one and is merged after it."""
        above = self._draft("plain", below.times[-1] + timedelta(seconds=61), 2, slow=0.3)
        above.under = below
        above.ended = after_work(max(above.ended, below.ended), 31)
        return above

    def _inside(self, outer: Draft) -> Draft:
        """Draft a pull request into the branch of another one, squashed between its commits."""
        inner = self._draft("plain", outer.times[-1] + timedelta(seconds=67), 2, slow=0.1)
        inner.base, inner.method = outer.head, "squash"
        outer.inner = inner
        outer.times.append(inner.ended + timedelta(seconds=301))
        outer.ended = after_work(outer.times[-1], 45)
        return inner

"""What people say about the work: issues, comments, labels, reviews and events, around the finished commits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox import words
from fourkeys.sandbox.clock import NOW, Dice, after_work
from fourkeys.sandbox.model import Comment, Event, File, Issue, Pull, Review

if TYPE_CHECKING:
    from datetime import datetime

    from fourkeys.sandbox.drafts import Draft
    from fourkeys.sandbox.forge import Forge
    from fourkeys.sandbox.model import Label, User

_GHOSTS = 0.03


class Talk:
    """Adds issues and pull requests to a repository."""

    def __init__(self, forge: Forge, people: tuple[User, ...], dice: Dice) -> None:
        self._forge, self._people, self._dice = forge, people, dice
        self._reviews = 0

    def issue(self, number: int, opened: datetime) -> None:
        """Open a plain issue; most are talked about and closed, some for a second time."""
        dice, forge = self._dice, self._forge
        author, updated = self._someone(), opened
        labels = [forge.labels[dice.pick(("bug", "enhancement", "documentation"))]] if dice.chance(0.7) else []
        assignees = (dice.pick(self._people[:-1]),) if dice.chance(0.4) else ()
        for label in labels:
            updated = self._event(number, "labeled", author, opened + timedelta(seconds=2), label=label)
        for person in assignees:
            updated = self._event(number, "assigned", person, after_work(opened, 9), assignee=person)
        said = self._say(number, opened, dice.skewed(0, 6))
        updated = max([updated, *said])
        closed = after_work(updated, dice.skewed(20, 9_000)) if dice.chance(0.8) else NOW
        closer = None
        if closed < NOW:
            closer = self._someone()
            updated = self._event(number, "closed", closer, closed)
            if dice.chance(0.05):
                again = after_work(closed, 500)
                if again < NOW:
                    updated, closed, closer = self._event(number, "reopened", author, again), NOW, None
        done = closed < NOW
        forge.issues.append(
            Issue(
                forge.id * 1_000_000 + number,
                number,
                words.complaint(dice),
                words.body(dice),
                author,
                opened,
                updated,
                closed if done else None,
                closer if done else None,
                dice.pick(("completed", "completed", "not_planned")) if done else None,
                tuple(labels),
                assignees,
                len(said),
            )
        )

    def pull(self, draft: Draft) -> None:
        """Turn *draft* into a pull request with its reviews, files, comments and events."""
        dice, forge, number = self._dice, self._forge, draft.number
        author = None if draft.kind == "ghost" else draft.author
        reviews = self._review(draft)
        said = self._say(number, draft.opened, dice.skewed(0, 4))
        labels = tuple(forge.labels[name] for name in draft.labels)
        updated = max([draft.opened, *said, *(review.submitted_at for review in reviews)])
        for label in labels:
            at = draft.opened + timedelta(seconds=3)
            updated = max(updated, self._event(number, "labeled", author, at, label=label))
        ended = draft.ended if draft.ended < NOW else None
        if ended and draft.merged:
            self._event(number, "merged", draft.reviewer, ended, sha=draft.merge_commit_sha)
        if ended:
            sha = draft.merge_commit_sha if draft.merged else None
            updated = max(updated, self._event(number, "closed", draft.reviewer, ended, sha=sha))
        pull = Pull(
            forge.id * 1_000_000 + 100_000 + number,
            draft.base,
            draft.head,
            draft.base_sha,
            tuple(draft.shas),
            draft=not ended and dice.chance(0.3),
            merge_commit_sha=draft.merge_commit_sha,
            merged_at=ended if draft.merged else None,
            merged_by=draft.reviewer if draft.merged and ended else None,
            reviews=reviews,
            files=self._files(),
        )
        forge.issues.append(
            Issue(
                forge.id * 1_000_000 + number,
                number,
                draft.title,
                draft.body,
                author,
                draft.opened,
                updated,
                ended,
                draft.reviewer if ended else None,
                None,
                labels,
                (),
                len(said),
                pull,
            )
        )

    def _someone(self) -> User | None:
        return None if self._dice.chance(_GHOSTS) else self._dice.pick(self._people[:-1])

    def _event(
        self,
        number: int,
        kind: str,
        actor: User | None,
        at: datetime,
        *,
        label: Label | None = None,
        assignee: User | None = None,
        sha: str | None = None,
    ) -> datetime:
        """Note an event, unless it is yet to come; return the latest of now and its time."""
        if at < NOW:
            self._forge.events.append(Event(0, number, kind, actor, at, sha, label, assignee))
        return min(at, NOW - timedelta(seconds=1))

    def _say(self, number: int, since: datetime, count: int) -> list[datetime]:
        """Comment up to *count* times after *since*; return when the comments were last edited."""
        edits = []
        for _ in range(count):
            since = after_work(since, self._dice.skewed(2, 1_500) + 1)
            if since >= NOW:
                break
            edited = since + timedelta(minutes=5) if self._dice.chance(0.1) else since
            edited = min(edited, NOW - timedelta(seconds=1))
            body = words.remark(self._dice)
            self._forge.comments.append(Comment(0, number, self._someone(), body, since, edited))
            edits.append(edited)
        return edits

    def _review(self, draft: Draft) -> tuple[Review, ...]:
        if draft.reviewed is None or draft.reviewed >= NOW:
            return ()
        times = [draft.reviewed]
        if draft.reviewed + timedelta(seconds=120) < draft.ended < NOW and self._dice.chance(0.25):
            times.append(draft.reviewed + (draft.ended - draft.reviewed) // 2)
        states = ("CHANGES_REQUESTED", "APPROVED") if len(times) > 1 else (self._dice.pick(("APPROVED", "COMMENTED")),)
        reviews = []
        for state, at in zip(states, times, strict=True):
            self._reviews += 1
            reviewer = None if self._dice.chance(_GHOSTS) else draft.reviewer
            reviews.append(
                Review(
                    self._forge.id * 1_000_000 + 300_000 + self._reviews,
                    draft.number,
                    reviewer,
                    state,
                    words.remark(self._dice) if state != "APPROVED" else "",
                    draft.shas[-1],
                    at.replace(microsecond=0),
                )
            )
        return tuple(reviews)

    def _files(self) -> tuple[File, ...]:
        dice = self._dice
        files = [
            File(path, dice.pick(("modified", "modified", "added")), dice.skewed(1, 300), 0)
            for path in words.paths(dice, dice.skewed(1, 6))
        ]
        if dice.chance(0.05):
            files.append(File("lib/new_name.rb", "renamed", 0, 0, "lib/old_name.rb"))
        return tuple(files)

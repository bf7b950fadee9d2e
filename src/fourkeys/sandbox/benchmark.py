"""One large plain repository for benchmarks, made in a moment: nothing in it is awkward, all of it is big."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fourkeys.sandbox.clock import NOW
from fourkeys.sandbox.forge import MAIN, Forge
from fourkeys.sandbox.model import Comment, Event, Issue, Label, Pull, Release, Repository, Review, User

_PROSE = (
    "the a an of to in is it that for on was with as at by this from but not are or be have when which after before "
    "release branch deploy rollback review merge queue worker cache timeout retry request response header body order "
    "price payment invoice address customer session token search index filter import export report mail template image "
    "upload stock tax refund coupon cart page form list table column query migration schema test fails passes slow "
    "fast empty missing wrong again always never because please could should would we they it's done fixed broken"
)
_WORDS = _PROSE.split()
_ISSUE, _COMMENT, _COMMIT, _RELEASE = 180, 60, 25, 200  # words, as many as GitHub's usual records have


@dataclass(frozen=True, slots=True)
class Size:
    """How many records of each kind; *pulls* of the *issues* are pull requests."""

    issues: int
    pulls: int
    comments: int
    commits: int
    events: int
    releases: int
    labels: int


def repository(full_name: str, size: Size, people: tuple[User, ...], number: int = 191) -> Repository:
    """Make a repository of this *size* with the id *number*; the newest record of each kind is minutes old."""
    forge = Forge(number, full_name)
    shas = _commits(forge, size, people)
    labels = [Label(19_100 + n, f"label-{n}", f"{n:06x}", None) for n in range(size.labels)]
    for n in range(size.issues):
        forge.issues.append(_issue(n, size, people, shas, labels))
    for n in range(size.comments):
        at = _at(n, size.comments)
        number = n * size.issues // size.comments + 1
        forge.comments.append(Comment(0, number, people[n % len(people)], _text("comment", n, _COMMENT), at, at))
    for n in range(size.events):
        number = n * size.issues // size.events + 1
        forge.events.append(Event(0, number, "closed", people[n % len(people)], _at(n, size.events)))
    for n in range(size.releases):
        sha, at = shas[n * len(shas) // size.releases], _at(n, size.releases)
        forge.tags[f"v{n}"] = sha
        notes = _text("release", n, _RELEASE)
        forge.releases.append(Release(n + 1, f"v{n}", sha, MAIN, f"v{n}", notes, people[0], at, at))
    return replace(forge.finish("Benchmark", "Ruby", _at(0, 1), {}), labels=tuple(labels))


def _at(place: int, count: int) -> datetime:
    """Spread *count* records evenly over the 400 days before now."""
    return NOW - timedelta(seconds=(count - place) * (400 * 86_400 // count))


def _text(kind: str, place: int, count: int) -> str:
    """Write *count* words in lines of twelve: text of its own, so that it compresses as little as people's do."""
    chosen = random.Random(f"{kind} {place}").choices(_WORDS, k=count)  # noqa: S311 - prose
    return "\n".join(" ".join(chosen[line : line + 12]) for line in range(0, count, 12))


def _commits(forge: Forge, size: Size, people: tuple[User, ...]) -> list[str]:
    shas: list[str] = []
    for n in range(size.commits):
        at = _at(n, size.commits)
        message = f"Commit {n}\n\n{_text('commit', n, _COMMIT)}"
        shas.append(forge.commit(shas[-1:], people[n % len(people)], at, message))
    if shas:
        forge.move(MAIN, NOW - timedelta(minutes=1), shas[-1])
    return shas


def _issue(place: int, size: Size, people: tuple[User, ...], shas: list[str], labels: list[Label]) -> Issue:
    number, opened = place + 1, _at(place, size.issues)
    author, closed = people[place % len(people)], opened + timedelta(seconds=1)
    pull = None
    if size.pulls and place * size.pulls // size.issues != (place + 1) * size.pulls // size.issues:
        end = (place + 1) * len(shas) // size.issues
        commits = tuple(shas[max(0, end - 2) : end]) or tuple(shas[:1])
        review = Review(19_100_000 + number, number, people[0], "APPROVED", "", commits[-1], closed)
        pull = Pull(
            19_200_000 + number, MAIN, f"feature/{number}", shas[0], commits,
            merge_commit_sha=commits[-1], merged_at=closed, merged_by=people[0], reviews=(review,),
        )  # fmt: skip
    return Issue(
        19_300_000 + number, number, f"Issue {number}", _text("issue", number, _ISSUE), author, opened, closed, closed,
        people[0], None if pull else "completed", tuple(labels[place % 7 : place % 7 + 2]), (),
        size.comments // size.issues, pull,
    )  # fmt: skip

"""The history of one app's releases, read in the order of versions: what each release was, and what is remembered.

Pure. What a release was is decided by the artifact (slug or image) that it carries, compared with those before it;
Heroku's description is a second opinion. Because the memory is folded over the releases one by one, reading them in
many runs gives what reading them at once gives.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fourkeys.sources.heroku._api import Artifact, Release

TERMINAL = ("succeeded", "failed", "expired")
_REMEMBERED = 500
"""An artifact that no release carried for so many versions is forgotten: only the description tells a rollback then."""
_STUCK = timedelta(days=30)
"""A release that is pending for so long will not change any more."""

_SAYS = (
    ("rollback", re.compile(r"rollback (to )?v\d", re.IGNORECASE)),
    ("promote", re.compile(r"promote", re.IGNORECASE)),
    ("deploy", re.compile(r"deploy(ed)?\b", re.IGNORECASE)),
    ("config", re.compile(r"(set|unset|remove|update) .*config vars?$|config (add|set|remove|unset) ", re.IGNORECASE)),
    ("addon", re.compile(r"(attach|detach) |.*\badd-?on\b|.*@ref:|update \S+ by ", re.IGNORECASE)),
)
_COMMIT = re.compile(r"(?:Deploy|Promote \S+ v\d+) ([0-9a-f]{7,40})")
_FULL = 40


class Seen(msgspec.Struct, array_like=True):
    """What is known of an artifact.

    Attributes:
        live: first version that brought it into service; 0 while none did.
        latest: last version that carried it.
        commit: what it was built from, at times abbreviated; empty where Heroku does not know; None until asked.
    """

    live: int
    latest: int
    commit: str | None = None


class Memory(msgspec.Struct, omit_defaults=True):
    """What is remembered of an app between runs, stored as the watermark's state.

    Attributes:
        last: releases up to this version are final; reading goes on after it.
        live: artifact that was in service after it.
        artifacts: by id.
        statuses: first terminal status of each later release that has one.
    """

    last: int = 0
    live: str | None = None
    artifacts: dict[str, Seen] = {}
    statuses: dict[int, str] = {}


class History:
    """Folds releases, in the order of versions, into a memory.

    Args:
        memory: of the runs before.
        now: Heroku's clock.
    """

    def __init__(self, memory: Memory, now: datetime) -> None:
        self._memory, self._now = memory, now
        self._live = memory.live
        self._lives = {memory.last: memory.live}
        self._newest = memory.last
        self._open: int | None = None

    def take(self, release: Release, version: int) -> tuple[str, str | None]:
        """Return the kind of the next release, and the first terminal status that was seen of it."""
        memory, artifact = self._memory, release.artifact
        status = memory.statuses.get(version) or (release.status if release.status in TERMINAL else None)
        kind = self._kind(artifact, version, says(release.description))
        if status:
            memory.statuses[version] = status
        if artifact:
            seen = memory.artifacts.setdefault(artifact.id, Seen(0, version))
            seen.latest = max(seen.latest, version)
            if status and status != "failed":
                seen.live = seen.live or version
                self._live = artifact.id
        self._lives[version] = self._live
        self._newest = version
        changes = release.current or (status is None and not self._is_stuck(release))
        if changes and self._open is None:
            self._open = version
        return kind, status

    def close(self, overlap: int) -> Memory:
        """Return what to remember: it stands before the first release that may still change, and *overlap* more."""
        memory = self._memory
        end = max(self._newest - overlap, 0)
        if self._open is not None:
            end = min(end, self._open - 1)
        last = max((version for version in self._lives if version <= end), default=memory.last)
        return Memory(
            last,
            self._lives[last],
            {key: seen for key, seen in memory.artifacts.items() if seen.latest > last - _REMEMBERED},
            {version: status for version, status in memory.statuses.items() if version > last},
        )

    def _kind(self, artifact: Artifact | None, version: int, said: str | None) -> str:
        if said in {"config", "addon"}:
            return said
        if artifact is None:
            return "other"
        if artifact.id == self._live:
            return said or "other"
        seen = self._memory.artifacts.get(artifact.id)
        if (seen and 0 < seen.live < version) or said == "rollback":
            return "rollback"
        return said or "deploy"

    def _is_stuck(self, release: Release) -> bool:
        try:
            return datetime.fromisoformat(release.created_at or "") < self._now - _STUCK
        except ValueError:
            return False


def says(description: str | None) -> str | None:
    """Return the kind of release that a description tells of, or None."""
    text = description or ""
    return next((kind for kind, pattern in _SAYS if pattern.match(text)), None)


def named_commit(description: str | None) -> str | None:
    """Return the commit, at times abbreviated, that a description of a deploy or promotion names."""
    match = _COMMIT.fullmatch(description or "")
    return match[1] if match else None


def is_full(commit: str | None) -> bool:
    """Whether a commit's hash is not abbreviated."""
    return commit is not None and len(commit) >= _FULL

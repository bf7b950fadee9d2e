"""A service on Heroku: its staging and production apps, and the releases that deployments leave there.

Not every release is a deployment: config vars and add-ons make releases too, attempts fail, the newest one may still
be pending. A rollback carries an older slug; so does rolling forward again, which Heroku also calls a rollback.
What is old is `expired`, and its slug, with the commit, is gone.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from fourkeys.sandbox.clock import NOW, moment

_KEPT_SINCE = {"production": moment(date(2025, 9, 20), 0), "staging": moment(date(2026, 8, 20), 0)}
_EXPIRES_AFTER = timedelta(days=31)
_CONFIG_EVERY, _ADDON_EVERY, _DIRECT_EVERY = 6, 17, 4


@dataclass(frozen=True, slots=True)
class Slug:
    """A built version: its commit."""

    id: str
    commit: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HerokuRelease:
    """A release of an app; `slug` is None only before the first deployment."""

    id: str
    version: int
    status: str
    description: str
    slug: Slug | None
    email: str
    created_at: datetime
    updated_at: datetime


class App:
    """An app and its releases, oldest first."""

    def __init__(self, name: str, environment: str) -> None:
        self.name, self.environment = name, environment
        self.id = _identity("app", name)
        self.releases: list[HerokuRelease] = []

    @property
    def current(self) -> HerokuRelease | None:
        """The release that serves: the newest one that succeeded."""
        return next((r for r in reversed(self.releases) if r.status in ("succeeded", "expired")), None)

    def slug(self, identity: str) -> Slug | None:
        """Return a slug that some release still holds; None where it was destroyed or never was."""
        held = (r.slug for r in self.releases if r.status != "expired" and r.slug and r.slug.id == identity)
        return next(held, None)

    def add(self, description: str, slug: Slug | None, at: datetime, status: str = "succeeded") -> HerokuRelease:
        """Make a release."""
        version = len(self.releases) + 1
        email, settled = f"deploy-{version % 3}@acme.example", min(at + timedelta(seconds=40), NOW)
        identity = _identity("release", f"{self.name} {version}")
        release = HerokuRelease(identity, version, status, description, slug, email, at, settled)
        self.releases.append(release)
        return release


class Pipeline:
    """Staging and production of one service.

    Attributes:
        production: the app that serves customers.
        staging: the app before it.
    """

    def __init__(self, service: str) -> None:
        self.production, self.staging = App(service, "production"), App(f"{service}-staging", "staging")
        begun = moment(date(2025, 9, 1), 9)
        for app in (self.production, self.staging):
            app.add("Initial release", None, begun)
            app.add("Set RACK_ENV, SECRET_KEY_BASE config vars", None, begun + timedelta(minutes=5))
        self._deployed = 0

    def deploy(self, sha: str, at: datetime) -> None:
        """Bring a version live: one that was live before by a rollback, a new one mostly by promotion."""
        self._deployed += 1
        current = self.production.current
        known = next((r for r in reversed(self.production.releases) if r.slug and r.slug.commit == sha), None)
        if known and known.status == "succeeded" and current and current.slug != known.slug:
            self.production.add(f"Rollback to v{known.version}", known.slug, at)
            return
        if self._deployed % _CONFIG_EVERY == 0:
            self.configure(at - timedelta(minutes=21))
        if self._deployed % _ADDON_EVERY == 0:
            self.production.add("Attach REDIS (@ref:redis-cubed-4711)", self._slug(), at - timedelta(minutes=17))
        if known or self._deployed % _DIRECT_EVERY == 0:
            self.production.add(f"Deploy {sha[:7]}", _build(sha, at), at)
            return
        staged = self.stage(sha, at - timedelta(hours=1, minutes=50))
        promotion = f"Promote {self.staging.name} v{staged.version} {sha[:7]}"
        self.production.add(promotion, staged.slug, at)

    def stage(self, sha: str, at: datetime) -> HerokuRelease:
        """Deploy to staging."""
        return self.staging.add(f"Deploy {sha[:8]}", _build(sha, at), at)

    def fail(self, sha: str, at: datetime) -> None:
        """Deploy to production, where the release phase fails."""
        self.production.add(f"Deploy {sha[:7]}", _build(sha, at), at, status="failed")

    def configure(self, at: datetime) -> None:
        """Set a config var: a release of the same slug."""
        self.production.add("Set CAMPAIGN_BANNER config vars", self._slug(), at)

    def finish(self, tip: str) -> None:
        """Begin a release that is still pending now, and let what is old expire."""
        at = NOW - timedelta(seconds=90)
        self.production.add(f"Deploy {tip[:7]}", _build(tip, at), at, status="pending")
        for app in (self.production, self.staging):
            app.releases = [
                replace(release, status="expired", updated_at=release.created_at + _EXPIRES_AFTER)
                if release.slug and release.status == "succeeded" and release.created_at < _KEPT_SINCE[app.environment]
                else release
                for release in app.releases
            ]

    def _slug(self) -> Slug | None:
        return self.production.current.slug if self.production.current else None


def _build(sha: str, at: datetime) -> Slug:
    return Slug(_identity("slug", f"{sha} {at.isoformat()}"), sha, at - timedelta(minutes=2))


def _identity(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://acme.example/{kind}/{name}"))

"""Accounts as the REST API shows them, and the small things that all records share."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from fourkeys.sandbox.model import User

Json = dict[str, Any]


def stamp(at: datetime | None) -> str | None:
    """Write a time; None stays None."""
    return rfc3339(at) if at else None


def node_id(kind: str, number: object) -> str:
    """Return an opaque GraphQL id."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def git_person(user: User | None, at: datetime) -> Json:
    """Return the author or committer inside a commit object."""
    name, email = (user.name, user.email) if user else ("nobody", "nobody@elsewhere.example")
    return {"name": name, "email": email, "date": stamp(at)}


class Accounts:
    """Accounts and the organisation, at the server whose web address is *base*."""

    def __init__(self, base: str) -> None:
        self.base, self.api = base, f"{base}/api/v3"

    def user(self, user: User | None) -> Json | None:
        """Return the short form of an account; None for a deleted one."""
        if user is None:
            return None
        return self._account(user.id, user.login, user.kind) | {"site_admin": user.site_admin}

    def full(self, user: User) -> Json:
        """Return an account with its profile."""
        return self._account(user.id, user.login, user.kind) | {
            "site_admin": user.site_admin,
            "name": user.name,
            "company": "ACME",
            "email": user.email if user.kind == "User" else None,
            "created_at": stamp(user.created_at),
            "updated_at": stamp(user.created_at),
        }

    def organization(self, login: str) -> Json:
        """Return the organisation as an owner."""
        return self._account(9, login, "Organization") | {"site_admin": False}

    def _account(self, number: int, login: str, kind: str) -> Json:
        url = f"{self.api}/users/{quote(login)}"
        return {
            "login": login,
            "id": number,
            "node_id": node_id(kind, number),
            "avatar_url": f"{self.base}/avatars/u/{number}?",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.base}/{quote(login)}",
            "followers_url": f"{url}/followers",
            "following_url": f"{url}/following{{/other_user}}",
            "gists_url": f"{url}/gists{{/gist_id}}",
            "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
            "subscriptions_url": f"{url}/subscriptions",
            "organizations_url": f"{url}/orgs",
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events{{/privacy}}",
            "received_events_url": f"{url}/received_events",
            "type": kind,
        }

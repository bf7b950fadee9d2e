"""The outside systems: reachable, willing, and with everything that the catalog names."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from fourkeys import extraction
from fourkeys.doctor._check import Check, failed
from fourkeys.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from fourkeys.config import Config
    from fourkeys.sources.ghes import Account, Look

_SKEW = timedelta(minutes=2)
_SOON = timedelta(days=14)
_FEW = 0.1
_READING = {"repo", "public_repo"}


def ghes(config: Config, environment: Mapping[str, str], now: datetime) -> Iterator[Check]:
    """Yield the checks of GitHub Enterprise Server."""
    from fourkeys.sources import ghes as source  # noqa: PLC0415 - only who has one pays for HTTP

    settings = config.sources.ghes
    if not settings.url:
        if config.repositories:
            yield Check("ghes server", "fail", "no address", "set GITHUB_API_URL=https://HOST/api/v3")
        return
    identity = source.credentials(settings, environment)
    found = source.look(settings, identity, config.repositories, network=extraction.network(settings))
    yield Check("ghes server", "ok", f"{settings.url} answers{f', version {found.version}' if found.version else ''}")
    if isinstance(found.account, SourceError):
        hint = found.account.hint if identity else f"set {settings.token_env}, or token_file, or token_command"
        yield Check("ghes token", "fail", found.account.message if identity else "no token", hint)
        return
    yield _token(found.account, now)
    yield _clock(found)
    yield _limit(found)
    if found.graphql:
        reason = f"{found.graphql.message}; pull requests are read by REST, several requests for each"
        yield Check("ghes graphql", "warn", reason, "allow the token GraphQL, or expect a long first run")
    else:
        yield Check("ghes graphql", "ok", "answers")
    yield from (failed(f"ghes repository {name}", error) for name, error in found.missing.items())
    if readable := len(config.repositories) - len(found.missing):
        yield Check("ghes repositories", "ok", f"{readable} of {len(config.repositories)} can be read")


def _token(account: Account, now: datetime) -> Check:
    if account.expires_at and account.expires_at - now < _SOON:
        reason = f"{account.login}'s ends at {account.expires_at:%Y-%m-%d %H:%M} UTC"
        return Check("ghes token", "warn", reason, "make a new one: docs/operations.md, token rotation")
    if account.scopes is None:
        return Check("ghes token", "ok", f"{account.login}; its scopes are not told (fine-grained token or App)")
    told = ", ".join(account.scopes) or "none"
    if not _READING & set(account.scopes):
        reason = f"{account.login}, scopes: {told}; private repositories cannot be read"
        return Check("ghes token", "warn", reason, "give it the scope repo")
    return Check("ghes token", "ok", f"{account.login}, scopes: {told}")


def _clock(found: Look) -> Check:
    skew = found.seen_at - found.at if found.at else timedelta()
    if abs(skew) > _SKEW:
        way = "after" if skew > timedelta() else "before"
        reason = f"ours is {abs(skew).total_seconds():.0f} s {way} the server's"
        return Check("ghes clock", "warn", reason, "set both by NTP; GitHub Apps and ages such as 2d depend on it")
    return Check("ghes clock", "ok", f"within {_SKEW.total_seconds():.0f} s of the server's")


def _limit(found: Look) -> Check:
    if found.limit is None:
        return Check("ghes rate limit", "ok", "none")
    left, most = found.limit
    reason = f"{left} of {most} requests left"
    if left < most * _FEW:
        return Check("ghes rate limit", "warn", reason, "wait an hour, or give several tokens with commas between them")
    return Check("ghes rate limit", "ok", reason)


def heroku(config: Config, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks of Heroku."""
    from fourkeys.sources import heroku as source  # noqa: PLC0415 - as above

    if not config.heroku_apps:
        return
    settings = config.sources.heroku
    found = source.look(settings, settings.token(environment), config.heroku_apps)
    left = "" if found.left is None else f", {found.left} requests left"
    yield Check("heroku", "ok", f"{settings.url} accepts the key{left}")
    yield from (failed(f"heroku app {app}", error) for app, error in found.missing.items())


def incidents(config: Config, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yield the check of the incident database."""
    from fourkeys.sources import incidents as source  # noqa: PLC0415 - as above

    settings = config.sources.incidents
    url = settings.url(environment)
    named = [service.name for service in config.services if service.incident_keys]
    if url:
        yield Check("incidents", "ok", f"{source.look(settings, url)} can be read")
        if not named:
            fix = "write incident_keys into [[services]]"
            yield Check("incidents keys", "warn", "no service has incident_keys: incidents are not read", fix)
    elif named:
        reason = f"no database, but {', '.join(named)} have incident_keys: no incidents are read"
        yield Check("incidents", "warn", reason, f"set {settings.url_env}")


def requests(config: Config) -> Iterator[Check]:
    """Yield the check of request logs."""
    from fourkeys.sources import requests as source  # noqa: PLC0415 - as above

    if not config.sources.requests.files:
        return
    files = source.find(config.sources.requests.files)
    if closed := [name for name in files if name != "-" and not os.access(name, os.R_OK)]:
        yield Check("requests", "fail", f"{closed[0]} may not be read", "let this user read it")
    else:
        yield Check("requests", "ok", f"{len(files)} files")

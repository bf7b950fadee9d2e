"""What a server says of itself, of who asks, and of the repositories that there are: no rows, only a look."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fourkeys.errors import AuthenticationError, NotFoundError, SourceError, UnreachableError
from fourkeys.http import HASTE
from fourkeys.sources.ghes._api import PER_PAGE, graphql_url
from fourkeys.sources.ghes._app import App
from fourkeys.sources.ghes._open import Identity, open_client
from fourkeys.window import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from fourkeys.config import Ghes
    from fourkeys.http import Client, Network

_LONGEST = 90
_ANY = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks, as the server sees it.

    Attributes:
        login: of the account; a GitHub App has none.
        scopes: of a classic token; None where the server does not tell, as for fine-grained tokens and Apps.
        expires_at: end of the token, as the server writes it; None for none.
    """

    login: str = "a GitHub App"
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen; an error stands where something could not be.

    Attributes:
        version: of the server; empty where it does not say.
        account: who asks, or why that is refused.
        at: the server's clock.
        seen_at: ours, at the same moment.
        limit: requests that are left of how many; None without limits.
        graphql: why GraphQL gives no answer; None where it does.
        missing: repositories that cannot be read, and why.
    """

    version: str
    account: Account | SourceError
    at: datetime | None
    seen_at: datetime
    limit: tuple[int, int] | None = None
    graphql: SourceError | None = None
    missing: dict[str, SourceError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that the token can see.

    Attributes:
        name: as owner/name.
        description: what its owner says it is.
        team: that administers or maintains it, where the token may know.
        pushed_at: last push; None for an empty one.
        has_releases: it has published releases.
        environments: of its newest deployments.
    """

    name: str
    description: str = ""
    team: str = ""
    pushed_at: datetime | None = None
    has_releases: bool = False
    environments: tuple[str, ...] = ()


def look(
    settings: Ghes,
    token: Identity,
    repositories: Sequence[str] = (),
    *,
    network: Network | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Look:
    """Ask a server for its version, our account, its clock and limits, GraphQL, and each of *repositories*.

    Raises:
        ConfigError: a certificate or key cannot be used.
        SourceError: the server gives no usable answer at all.
    """

    async def run() -> Look:
        async with AsyncExitStack() as stack:
            client = await open_client(
                stack, settings, token, clock, network=network, transport=transport, patience=HASTE
            )
            async with asyncio.timeout(_LONGEST):
                return await _look(client, repositories, clock, is_app=isinstance(token, App))

    try:
        return asyncio.run(run())
    except TimeoutError:
        what = f"{settings.url}: not all answers came within {_LONGEST} s"
        raise UnreachableError(what, "a rate limit may hold us, or the server is slow: look again later") from None


def survey(
    settings: Ghes,
    token: Identity,
    organizations: Sequence[str] = (),
    *,
    network: Network | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> list[Repository]:
    """Return the repositories of *organizations*, or all that are the account's to see, by name.

    Archived ones and forks are left out.

    Raises:
        ConfigError: a certificate or key cannot be used.
        SourceError: the server refuses, or does not know one of *organizations*.
    """

    async def run() -> list[Repository]:
        async with AsyncExitStack() as stack:
            client = await open_client(stack, settings, token, clock, network=network, transport=transport)
            mine = "/installation/repositories" if isinstance(token, App) else "/user/repos"
            paths = [f"/orgs/{name}/repos" for name in organizations] or [mine]
            found = {each["full_name"]: each for path in paths for each in await _all(client, path)}
            chosen = [each for _, each in sorted(found.items()) if not (each.get("archived") or each.get("fork"))]
            return await asyncio.gather(*(_repository(client, each) for each in chosen))

    return asyncio.run(run())


async def _look(client: Client, repositories: Sequence[str], clock: Callable[[], datetime], *, is_app: bool) -> Look:
    try:
        answer = await client.get("/meta", _ANY.decode)
    except AuthenticationError as error:
        return Look("", error, None, clock())
    said = answer.value if isinstance(answer.value, dict) else {}
    version = str(said.get("installed_version") or answer.headers.get("x-github-enterprise-version") or "")
    seen_at = clock()
    account, limit, graphql = await asyncio.gather(_account(client, is_app=is_app), _limit(client), _graphql(client))
    missing = await asyncio.gather(*(_missing(client, name) for name in repositories))
    lost = {name: error for name, error in zip(repositories, missing, strict=True) if error}
    return Look(version, account, answer.date, seen_at, limit, graphql, lost)


async def _account(client: Client, *, is_app: bool) -> Account | SourceError:
    if is_app:
        return Account()
    try:
        answer = await client.get("/user", _ANY.decode)
    except SourceError as error:
        return error
    scopes = answer.headers.get("x-oauth-scopes")
    ends = answer.headers.get("github-authentication-token-expiration")
    names = tuple(filter(None, (part.strip() for part in scopes.split(",")))) if scopes is not None else None
    return Account(str(answer.value.get("login")), names, _end(ends))


def _end(text: str | None) -> datetime | None:
    """Read `2026-12-01 09:30:00 UTC` or `2026-12-01 09:30:00 +0900`."""
    try:
        return datetime.strptime((text or "").replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


async def _limit(client: Client) -> tuple[int, int] | None:
    try:
        rate = (await client.get("/rate_limit", _ANY.decode)).value["resources"]["core"]
        return int(rate["remaining"]), int(rate["limit"])
    except (SourceError, KeyError, TypeError, ValueError):
        return None


async def _graphql(client: Client) -> SourceError | None:
    try:
        answer = await client.post(graphql_url(client.base), {"query": "query { __typename }"}, _ANY.decode)
    except SourceError as error:
        return error
    errors = answer.value.get("errors") if isinstance(answer.value, dict) else [{"message": "no JSON object"}]
    return (
        SourceError(f"{client.host}: GraphQL: {errors[0].get('message')}", "see the server's message")
        if errors
        else None
    )


async def _missing(client: Client, name: str) -> SourceError | None:
    error = await _refusal(client, f"/repos/{name}")
    owner = name.partition("/")[0]
    if isinstance(error, NotFoundError):
        unknown = [await _refusal(client, f"/{kind}/{owner}") for kind in ("orgs", "users")]
        if all(isinstance(each, NotFoundError) for each in unknown):
            return NotFoundError(f"{client.host}: no organization or account {owner}", "check the name")
    return error


async def _refusal(client: Client, path: str) -> SourceError | None:
    try:
        await client.get(path, _ANY.decode)
    except SourceError as error:
        return error
    return None


async def _all(client: Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    url: str | None = f"{path}?per_page={PER_PAGE}"
    while url:
        answer = await client.get(url, _ANY.decode)
        page = answer.value
        found += page.get("repositories", []) if isinstance(page, dict) else page
        url = answer.links.get("next")
    return found


async def _repository(client: Client, record: dict[str, Any]) -> Repository:
    name = record["full_name"]
    releases, deployments, teams = await asyncio.gather(
        *(_some(client, f"/repos/{name}/{what}") for what in ("releases", "deployments", "teams"))
    )
    pushed = record.get("pushed_at")
    rights = {"admin": 0, "maintain": 1, "push": 2}
    near = sorted((rights[each["permission"]], each["slug"]) for each in teams if each.get("permission") in rights)
    return Repository(
        name,
        " ".join(str(record.get("description") or "").split()),
        near[0][1] if near else "",
        datetime.fromisoformat(pushed) if pushed else None,
        any(not each.get("draft") for each in releases),
        tuple(sorted({str(each.get("environment")) for each in deployments})),
    )


async def _some(client: Client, path: str) -> list[dict[str, Any]]:
    """Return the first page of a listing; nothing where the token may not see it."""
    try:
        page = (await client.get(f"{path}?per_page={PER_PAGE}", _ANY.decode)).value
    except (AuthenticationError, NotFoundError):
        return []
    return page if isinstance(page, list) else []


__all__ = ["Account", "Look", "Repository", "look", "survey"]

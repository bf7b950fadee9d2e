"""What Heroku says of our key and of each app: no rows, only a look."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from fourkeys.errors import SourceError
from fourkeys.http import HASTE
from fourkeys.sources.heroku._api import open_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from fourkeys.config import Heroku
    from fourkeys.http import Client

_ANY = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        left: requests that are left now; None where Heroku does not say.
        missing: apps that cannot be read, and why.
    """

    left: int | None
    missing: dict[str, SourceError] = field(default_factory=dict)


def look(
    settings: Heroku, token: str | None, apps: Sequence[str], *, transport: httpx.AsyncBaseTransport | None = None
) -> Look:
    """Ask Heroku for our limits, and for each of *apps*.

    Raises:
        ConfigError: there is no API key.
        SourceError: it refuses the key, or gives no usable answer.
    """

    async def run() -> Look:
        async with open_client(settings, token, transport, HASTE) as client:
            left = (await client.get("/account/rate-limits", _ANY.decode)).value.get("remaining")
            errors = await asyncio.gather(*(_refusal(client, app) for app in apps))
        return Look(left, {app: error for app, error in zip(apps, errors, strict=True) if error})

    return asyncio.run(run())


async def _refusal(client: Client, app: str) -> SourceError | None:
    try:
        await client.get(f"/apps/{app}", _ANY.decode)
    except SourceError as error:
        return error
    return None


__all__ = ["Look", "look"]

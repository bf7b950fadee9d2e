"""A GitHub App as a credential: a signed statement buys a token for an hour, again and again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fourkeys.errors import AuthenticationError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fourkeys.http import Client

_EARLY = timedelta(minutes=10)
"""How long before its end a token is replaced: a page that is asked for with it must still come."""
_STATEMENT = timedelta(minutes=9)
_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class App:
    """An installation of a GitHub App.

    Attributes:
        app_id: numeric id or client id of the App.
        installation_id: numeric id of its installation.
        private_key_path: file with its private key, PEM.
    """

    app_id: str
    installation_id: str
    private_key_path: str = field(repr=False)


class Statement:
    """The App itself: a JSON Web Token that it signs, good for nothing but buying tokens."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self._app, self._clock = app, clock

    async def headers(self) -> Mapping[str, str]:
        """Return a statement that holds for some minutes.

        Raises:
            ConfigError: the key cannot be read or used, or PyJWT is not installed.
        """
        try:
            import jwt  # noqa: PLC0415 - only Apps need it
        except ImportError:
            raise ConfigError(
                "a GitHub App needs PyJWT and cryptography", "pip install 'fourkeys[app]', or use a token"
            ) from None
        now = self._clock()
        claims = {"iat": now - _SKEW, "exp": now + _STATEMENT, "iss": self._app.app_id}
        try:
            signed = jwt.encode(claims, _read(self._app.private_key_path), algorithm="RS256")
        except (OSError, ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigError(
                f"the private key {self._app.private_key_path} cannot be used: {type(error).__name__}",
                "GITHUB_APP_PRIVATE_KEY_PATH names the PEM file that the App's settings page gave",
            ) from None
        return {"authorization": f"Bearer {signed}"}

    def refused(self) -> None:
        """The next statement is a new one anyway."""


def _read(path: str) -> str:
    return Path(path).expanduser().read_text(encoding="utf-8")


class _Token(msgspec.Struct):
    token: str
    expires_at: datetime


class Installation:
    """An installation of an App: its token is bought when it is needed, and again before it runs out.

    Args:
        app: whose installation it is.
        buyer: sends the statement; its base is the REST API.
        clock: the time.
    """

    def __init__(self, app: App, buyer: Client, clock: Callable[[], datetime]) -> None:
        self._app, self._buyer, self._clock = app, buyer, clock
        self._token: _Token | None = None
        self._buying = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """Return the token as a header.

        Raises:
            AuthenticationError: the server does not accept the App or its installation.
        """
        async with self._buying:
            if self._token is None or self._token.expires_at - self._clock() < _EARLY:
                self._token = await self._buy()
        return {"authorization": f"Bearer {self._token.token}"}

    def refused(self) -> None:
        """Buy another token before the next request."""
        self._token = None

    async def _buy(self) -> _Token:
        path = f"/app/installations/{self._app.installation_id}/access_tokens"
        try:
            answer = await self._buyer.post(path, {}, msgspec.json.Decoder(_Token).decode)
        except AuthenticationError as error:
            raise AuthenticationError(
                f"{error.message}: GitHub App {self._app.app_id}",
                "check the App's id, its private key, the installation's id, and this machine's clock",
            ) from None
        return answer.value

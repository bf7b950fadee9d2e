"""Who we are, to a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Credential(Protocol):
    """Something that a server accepts for who we are; its secret is in no message and no repr."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of one request; what has run out is renewed first."""

    def refused(self) -> None:
        """Take note that the server answered 401 to the latest headers."""


class Bearer:
    """A token that does not run out."""

    __slots__ = ("_headers",)

    def __init__(self, token: str) -> None:
        self._headers = {"authorization": f"Bearer {token}"}

    async def headers(self) -> Mapping[str, str]:
        """Return the token as a header."""
        return self._headers

    def refused(self) -> None:
        """There is no other token."""


class Nobody:
    """No credential at all."""

    async def headers(self) -> Mapping[str, str]:
        """Return no header."""
        return {}

    def refused(self) -> None:
        """There is nothing to renew."""

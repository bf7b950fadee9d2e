"""What an HTTP answer means: a value, a place to go on at, another attempt, or an error that names the next step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Generic, TypeVar

import httpx
import msgspec

from fourkeys.errors import UNREADABLE, AuthenticationError, NotFoundError, SourceError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_REDIRECTS = frozenset({301, 302, 307, 308})
_TRANSIENT = frozenset({408, 500, 502, 503, 504})
_LIMITED = frozenset({403, 429})
_DIGITS = 15
_LINK = re.compile(r'<([^>]*)>\s*;\s*rel="?(\w+)"?')


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the client waits, in seconds, and how often it tries.

    Attributes:
        connect: for a connection.
        idle: for the next byte of an answer.
        attempt: for one attempt, from first byte to last.
        attempts: tries of one request; what a server asks to wait for is not counted.
        pause: upper bound of the first random pause; it doubles with every try.
        longest: upper bound of any random pause.
        refusals: tries after a refused token, as servers and faults refuse good ones now and then.
        unknown: pause where a server says "too many" and not how long.
        bearable: longest pause that a server may ask for; a limit of GitHub's is over within the hour.
    """

    connect: float = 10
    idle: float = 20
    attempt: float = 60
    attempts: int = 10
    pause: float = 0.5
    longest: float = 20
    refusals: int = 3
    unknown: float = 60
    bearable: float = 7200


HASTE = Patience(connect=5, idle=10, attempt=20, attempts=2, pause=0.2, refusals=1, unknown=1)
"""For a look, which somebody waits for."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A whole, decoded answer.

    Attributes:
        value: the decoded body; an empty list with status 304, not modified.
        url: where it came from, after redirects.
        status: HTTP status.
        headers: of the answer.
        date: the server's clock; None where it does not say.
    """

    value: T
    url: str
    status: int
    headers: httpx.Headers
    date: datetime | None

    @property
    def links(self) -> dict[str, str]:
        """Addresses of the `Link` header by relation: next, last ..."""
        return {relation: url for url, relation in _LINK.findall(self.headers.get("link", ""))}


class Again(Exception):  # noqa: N818 - no error: it asks for another attempt
    """An attempt failed in a way that another one may not.

    Attributes:
        cause: what went wrong, in words, without secrets.
        wait: seconds that the server asks for; None leaves it to chance.
        limit: how many attempts this kind of failure is worth.
    """

    def __init__(self, cause: str, limit: int, wait: float | None = None, final: SourceError | None = None) -> None:
        super().__init__(cause)
        self.cause, self.limit, self.wait, self.final = cause, limit, wait, final


class GoneError(NotFoundError):
    """410: the server says that what was asked for is not there on purpose."""


class RefusedError(SourceError):
    """A refusal with a status of its own meaning, such as 409 or 422.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


def judge(
    response: httpx.Response, url: str, where: str, decode: Callable[[bytes], T], patience: Patience
) -> Answer[T] | str:
    """Turn a response into a decoded answer, or the address that it redirects to.

    Args:
        response: with its body read.
        url: that it answers.
        where: host, method and path, for messages.
        decode: raises `msgspec.DecodeError` for what is not the JSON that it should be, and `Again` for an answer
            that says in its body to come back later.
        patience: how often each kind of failure is worth another attempt.

    Raises:
        Again: another attempt may succeed.
        SourceError: it will not.
    """
    status = response.status_code
    if status in _REDIRECTS and (location := response.headers.get("location")):
        return str(location)
    if response.is_success or status == httpx.codes.NOT_MODIFIED:
        try:
            value = decode(b"[]" if status == httpx.codes.NOT_MODIFIED else response.content)
        except Again as again:
            again.wait = _bearable(_asked_to_wait(response, patience.unknown), where, patience)
            raise
        except UNREADABLE as error:
            raise Again(f"not the JSON that it should be ({error})", patience.attempts) from None
        return Answer(value, url, status, response.headers, _date(response))
    if status in _TRANSIENT:
        raise Again(f"status {status}", patience.attempts)
    if status in _LIMITED and (wait := _asked_to_wait(response, patience.unknown)) is not None:
        raise Again("rate limited", patience.attempts, _bearable(wait, where, patience))
    message = _message(response)
    if status == httpx.codes.UNAUTHORIZED:
        refused = AuthenticationError(
            f"{where}: the token was refused (401 {message})", "give a valid token; `fourkeys doctor` checks it"
        )
        raise Again("status 401", patience.refusals, final=refused)
    if status == httpx.codes.FORBIDDEN:
        raise AuthenticationError(
            f"{where}: not allowed (403 {message})", "give the token read access to this, or leave it out"
        )
    if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        kind = GoneError if status == httpx.codes.GONE else NotFoundError
        raise kind(f"{where}: not found ({status} {message})", "check the name, and that the token may read it")
    raise RefusedError(f"{where}: refused ({status} {message})", "see the server's message", status)


def _bearable(wait: float | None, where: str, patience: Patience) -> float | None:
    """Return a wait that a server asks for; raises UnreachableError for one that nobody would sit through."""
    if wait is not None and wait > patience.bearable:
        raise UnreachableError(f"{where}: rate limited, for {wait / 3600:,.1f} hours", "run it again then")
    return wait


def _asked_to_wait(response: httpx.Response, unknown: float) -> float | None:
    """Return the seconds that a rate limit asks for, or None if this is no rate limit."""
    headers = response.headers
    now = _date(response)
    after = headers.get("retry-after", "")
    if _is_number(after):
        return float(after)
    if now and (until := _http_date(after)):
        return max(0.0, (until - now).total_seconds())
    if headers.get("x-ratelimit-remaining") == "0" and _is_number(reset := headers.get("x-ratelimit-reset", "")):
        return max(0.0, int(reset) - now.timestamp()) + 1 if now else unknown
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or "rate limit" in _message(response).lower():
        return unknown
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _date(response: httpx.Response) -> datetime | None:
    return _http_date(response.headers.get("date", ""))


def _message(response: httpx.Response) -> str:
    """Return what the server says went wrong, in one short line."""
    try:
        body = msgspec.json.decode(response.content)
    except UNREADABLE:
        return ""
    text = body.get("message") if isinstance(body, dict) else None
    return " ".join(text.split())[:200] if isinstance(text, str) else ""

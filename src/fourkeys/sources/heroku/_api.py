"""The door to the Heroku Platform API: pages of releases, and the commits behind slugs and images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from fourkeys.errors import ConfigError, NotFoundError
from fourkeys.http import Bearer, Client
from fourkeys.streams import Number  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    import httpx

    from fourkeys.config import Heroku
    from fourkeys.http import Patience

MOST = 1000
"""Releases in one answer; more are refused."""

_RAW = msgspec.json.Decoder(list[msgspec.Raw])
_FOLDERS = {"slug": "slugs", "oci-image": "oci-images"}


def open_client(
    settings: Heroku, token: str | None, transport: httpx.AsyncBaseTransport | None, patience: Patience | None
) -> Client:
    """Return the client for Heroku.

    Raises:
        ConfigError: there is no API key.
    """
    if not token:
        raise ConfigError(f"no API key for {settings.url}", f"set {settings.token_env}")
    return Client(
        settings.url,
        credentials=[Bearer(token)],
        headers={"accept": "application/vnd.heroku+json; version=3"},
        transport=transport,
        concurrency=settings.concurrency,
        patience=patience,
    )


class Reference(msgspec.Struct):
    """A thing that another one names."""

    id: str | None = None
    name: str | None = None
    email: str | None = None


class Artifact(msgspec.Struct):
    """A slug or an image."""

    id: str
    type: str = "slug"


class Release(msgspec.Struct):
    """A release, as a listing has it."""

    id: str | None = None
    version: Number | None = None
    status: str | None = None
    current: bool | None = None
    description: str | None = None
    slug: Reference | None = None
    artifacts: list[Artifact] | None = None
    app: Reference | None = None
    user: Reference | None = None
    created_at: str | None = None
    updated_at: str | None = None

    @property
    def artifact(self) -> Artifact | None:
        """What it brings into service: the slug, or the first of its artifacts."""
        if self.slug and self.slug.id:
            return Artifact(self.slug.id)
        return self.artifacts[0] if self.artifacts else None


class _Built(msgspec.Struct):
    """The part of a slug or an image that says what it was built from."""

    commit: str | None = None


_RELEASES = msgspec.json.Decoder(list[Release])
_BUILT = msgspec.json.Decoder(_Built)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the listing.

    Attributes:
        releases: in the order of versions.
        at: Heroku's clock.
        warnings: what did not fit in a record.
    """

    releases: list[Release]
    at: datetime
    warnings: list[str] = field(default_factory=list)


class Api:
    """Heroku.

    Args:
        client: whose base is the API.
        clock: the time, where Heroku does not say its own.

    Attributes:
        started_at: Heroku's clock at its first answer; None before.
        latest_at: Heroku's clock at its latest answer.
    """

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self._client, self._clock = client, clock
        self.started_at: datetime | None = None
        self.latest_at: datetime | None = None

    async def releases(self, app: str, after: int) -> AsyncIterator[Page]:
        """Yield the releases of an app after a version, oldest first."""
        wanted, asked = f"version ]{after}..; order=asc,max={MOST}", set[str]()
        while wanted and wanted not in asked:
            asked.add(wanted)
            warnings: list[str] = []

            def decode(body: bytes, warnings: list[str] = warnings) -> list[Release]:
                return _decode(body, warnings)

            answer = await self._client.get(f"/apps/{app}/releases", decode, headers={"range": wanted})
            yield Page(answer.value, self._seen(answer.date), warnings)
            wanted = answer.headers.get("next-range", "")

    async def commit(self, app: str, artifact: Artifact) -> str:
        """Return the commit that an artifact was built from; empty where Heroku does not know it any more."""
        folder = _FOLDERS.get(artifact.type)
        if folder is None:
            return ""
        try:
            answer = await self._client.get(f"/apps/{app}/{folder}/{artifact.id}", _BUILT.decode)
        except NotFoundError:
            return ""
        self._seen(answer.date)
        return answer.value.commit or ""

    def _seen(self, date: datetime | None) -> datetime:
        moment = date or self._clock()
        self.started_at = self.started_at or moment
        self.latest_at = moment
        return moment


def _decode(body: bytes, warnings: list[str]) -> list[Release]:
    """Decode a page; what does not fit in a record becomes NULL and a warning."""
    try:
        return _RELEASES.decode(body)
    except msgspec.ValidationError:
        return [_lenient(item, warnings) for item in _RAW.decode(body)]


def _lenient(item: msgspec.Raw, warnings: list[str]) -> Release:
    data = msgspec.json.decode(item)
    if not isinstance(data, dict):
        warnings.append("a release that is no object")
        return Release()
    values = {}
    for part in msgspec.structs.fields(Release):
        try:
            values[part.name] = msgspec.convert(data.get(part.name), part.type)
        except msgspec.ValidationError as error:
            warnings.append(f"v{data.get('version')}: {part.name} does not fit: {error}")
    return Release(**values)

"""The tables `[sources.*]`: where outside systems are, and how their words are read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from fourkeys.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
LogFormat = Literal["ndjson", "csv", "combined"]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: what it does not know, it refuses."""


class Ghes(Strict, frozen=True):
    """A GitHub Enterprise Server.

    Attributes:
        url: base of the REST API, `https://HOST/api/v3`.
        token_env: environment variable that holds the token.
        token_file: file that holds the token.
        token_command: command that prints the token.
        lag_minutes: how far before the watermark a run starts to read again.
        concurrency: most requests in flight at once.
        branches: read besides the default branch, in the repositories that have them.
        ca_file: certificates of a private authority, PEM; without it the system's and `SSL_CERT_FILE`.
        client_certificate: our own certificate, PEM, where the server asks for one.
        client_key: its key, PEM; without it the key is in the same file.
        proxy: address of a proxy; without it `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
        pseudonymise: keyed hashes stand for people, for who noted something on an incident as well; the key is in
            `FOURKEYS_HASH_KEY`.
    """

    url: str = ""
    token_env: str = "GITHUB_API_TOKEN"  # noqa: S105 - the name of a variable
    token_file: str | None = None
    token_command: tuple[str, ...] | None = None
    lag_minutes: Amount = 15
    concurrency: Count = 24
    branches: tuple[str, ...] = ()
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    pseudonymise: bool = False

    def token(self, environment: Mapping[str, str]) -> str | None:
        """Return the token, or None where there is none: `token_command`, then `token_file`, then the environment.

        Raises:
            ConfigError: the command failed or the file cannot be read.
        """
        return _secret("token", self.token_command, self.token_file, self.token_env, environment)


class Heroku(Strict, frozen=True):
    """The Heroku Platform API.

    Attributes:
        url: base of the API.
        token_env: environment variable that holds the API key.
        token_file: file that holds the API key.
        token_command: command that prints the API key.
        overlap: how many of the newest releases of an app every run reads again.
        concurrency: most requests in flight at once.
    """

    url: str = "https://api.heroku.com"
    token_env: str = "HEROKU_API_KEY"  # noqa: S105 - the name of a variable
    token_file: str | None = None
    token_command: tuple[str, ...] | None = None
    overlap: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 20
    concurrency: Count = 8

    def token(self, environment: Mapping[str, str]) -> str | None:
        """Return the API key, or None where there is none: as `Ghes.token` does."""
        return _secret("token", self.token_command, self.token_file, self.token_env, environment)


class IncidentTable(Strict, frozen=True):
    """Where incidents are.

    Attributes:
        table: name, with its schema if it needs one.
        query: one SELECT instead of a table.
        columns: our columns to the database's; what is not named is NULL. `cause` is a column of the bot's that names
            a commit or a deployment. For a query that names its columns as we do, it may be empty.
    """

    table: str = "incidents"
    query: str = ""
    columns: dict[str, str] = msgspec.field(
        default_factory=lambda: {
            "incident_id": "id",
            "title": "title",
            "service_key": "service",
            "severity": "severity",
            "started_at": "opened_at",
            "detected_at": "detected_at",
            "resolved_at": "resolved_at",
            "status": "status",
            "cause": "deploy_ref",
            "updated_at": "updated_at",
        }
    )


class EventTable(Strict, frozen=True):
    """Where the events of incidents are; an empty table and query: nowhere.

    Attributes:
        table: as for incidents.
        query: as for incidents.
        columns: as for incidents.
    """

    table: str = "incident_events"
    query: str = ""
    columns: dict[str, str] = msgspec.field(
        default_factory=lambda: {
            "event_id": "id",
            "incident_id": "incident_id",
            "event_type": "event_type",
            "actor": "actor",
            "message": "message",
            "created_at": "created_at",
        }
    )


class Incidents(Strict, frozen=True):
    """The database behind an incident bot.

    Attributes:
        name: stands in the column `source`.
        url_env: environment variable that holds the database's URL, with its password.
        url_file: file that holds the URL.
        url_command: command that prints the URL.
        timezone: IANA zone of timestamps that have no offset; without it such a timestamp is an error.
        records: where incidents are.
        events: where their events are.
        states: the bot's words for states, to open, resolved or reopened.
        kind_names: the bot's words for kinds, to the ones that we write.
        kinds: only incidents of these kinds, in our words, are read; empty: all.
        timeout_seconds: most seconds for one statement.
        chunk_rows: rows in memory at once.
    """

    name: str = "bot"
    url_env: str = "INCIDENT_DATABASE_URL"
    url_file: str | None = None
    url_command: tuple[str, ...] | None = None
    timezone: str | None = None
    records: IncidentTable = IncidentTable()
    events: EventTable = EventTable()
    states: dict[str, str] = msgspec.field(default_factory=lambda: {"mitigated": "open", "closed": "resolved"})
    kind_names: dict[str, str] = msgspec.field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    timeout_seconds: Amount = 60
    chunk_rows: Count = 5000

    def url(self, environment: Mapping[str, str]) -> str | None:
        """Return the database's URL, or None where there is none: as `Ghes.token` does."""
        return _secret("url", self.url_command, self.url_file, self.url_env, environment)


class LogFields(Strict, frozen=True):
    """Names of the fields of a request log in NDJSON or CSV.

    Attributes:
        time: when the request was; RFC 3339, or seconds since 1970.
        service: the log's word for the service.
        status: HTTP status.
        duration: how long it took; it may be missing.
    """

    time: str = "ts"
    service: str = "service"
    status: str = "status"
    duration: str = "duration_ms"


class Requests(Strict, frozen=True):
    """Request logs.

    Attributes:
        files: files and globs that are read unless others are named.
        format: ndjson, csv or combined; without it, the name of a file or its first line tells.
        service: service of logs that do not name it.
        fields: names of the fields.
        duration_unit: unit of durations in the log.
        timezone: IANA zone of times that have no offset; without it such a time is an error.
        failed: statuses of failed requests: 5xx, 429, 500-599.
        lag_minutes: how far before the watermark a run starts to count again.
    """

    files: tuple[str, ...] = ()
    format: LogFormat | None = None
    service: str = ""
    fields: LogFields = LogFields()
    duration_unit: Literal["s", "ms", "us", "ns"] = "ms"
    timezone: str | None = None
    failed: tuple[str, ...] = ("5xx",)
    lag_minutes: Amount = 60

    @property
    def failed_statuses(self) -> frozenset[int]:
        """The statuses that `failed` names.

        Raises:
            ConfigError: a word of it is none.
        """
        return frozenset(status for word in self.failed for status in _statuses(word))


class Sources(Strict, frozen=True):
    """The outside systems."""

    ghes: Ghes = Ghes()
    heroku: Heroku = Heroku()
    incidents: Incidents = Incidents()
    requests: Requests = Requests()


TABLES = (Ghes, Heroku, IncidentTable, EventTable, Incidents, LogFields, Requests, Sources)
"""All tables, for hints at the nearest known field."""


def _statuses(word: str) -> range:
    if match := re.fullmatch(r"([1-5])xx", word):
        return range(int(match[1]) * 100, int(match[1]) * 100 + 100)
    if match := re.fullmatch(r"(\d{3})(?:-(\d{3}))?", word):
        return range(int(match[1]), int(match[2] or match[1]) + 1)
    raise ConfigError(f"sources.requests.failed: {word!r} is no status", "write 5xx, 429 or 500-599")


def _secret(
    kind: str, command: tuple[str, ...] | None, file: str | None, variable: str, environment: Mapping[str, str]
) -> str | None:
    """Return a secret from a command, a file or the environment, in this order."""
    if command:
        return _run(f"{kind}_command", command)
    if file:
        return _read(f"{kind}_file", file)
    return environment.get(variable) or None


def _run(name: str, command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)  # noqa: S603 - the user's own
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ConfigError(f"{name} {command[0]!r} failed: {type(error).__name__}", "run it by hand") from None
    return done.stdout.strip()


def _read(name: str, file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"{name} {file!r}: {cause}", "check the path and its permissions") from None

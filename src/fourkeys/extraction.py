"""Reading the outside systems, each by its own `extract`, into CSV files; what the catalog names by default."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import msgspec

from fourkeys.catalog import needed
from fourkeys.config import Config, Ghes, is_repository
from fourkeys.errors import ConfigError, PartialError
from fourkeys.files import Output
from fourkeys.streams import STREAMS, Stream
from fourkeys.window import Watermark, Window

if TYPE_CHECKING:
    from fourkeys.http import Network
    from fourkeys.sources.ghes import Repository

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*").fullmatch

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Errand:
    """What every source is told.

    Attributes:
        config: all of it.
        environment: where secrets are.
        out: a folder, or an open file for one stream.
        report: takes lines of progress.
        window: half-open; an explicit start is a backfill.
        watermarks: what is stored already, by stream and partition.
    """

    config: Config
    environment: Mapping[str, str]
    out: Path | IO[bytes]
    report: Report
    window: Window = field(default_factory=Window)
    watermarks: Mapping[tuple[str, str], Watermark] = field(default_factory=dict)

    def output(self, only: Stream) -> Output:
        """Return where the rows go; *only* is the stream of an open file."""
        return Output(self.out) if isinstance(self.out, Path) else Output.stdout(only, self.out)


@dataclass(frozen=True, slots=True)
class People:
    """How people appear.

    Attributes:
        with_emails: e-mail addresses may be written.
        pseudonymise: keyed hashes stand for people, configured or not; the key is in `FOURKEYS_HASH_KEY`.
        detail: users come with their profiles, at one request for each.
    """

    with_emails: bool = False
    pseudonymise: bool = False
    detail: bool = False


def ghes(
    errand: Errand,
    streams: Sequence[Stream] = (),
    repositories: Sequence[str] = (),
    organizations: Sequence[str] = (),
    people: People | None = None,
    roots: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Read GitHub Enterprise Server.

    Raises:
        ConfigError: no address, or nothing to read.
        PartialError: some repositories failed; what the others gave is written.
        SourceError: nothing could be read.
    """
    from fourkeys.sources import ghes as source  # noqa: PLC0415 - loading needs no HTTP client

    settings, people = errand.config.sources.ghes, people or People()
    streams = streams or needed(errand.config.services)
    if not settings.url:
        raise ConfigError("no address of a GitHub Enterprise Server", "set GITHUB_API_URL=https://HOST/api/v3")
    chosen = tuple(repositories) or (() if organizations else errand.config.repositories)
    if not chosen and not organizations and any("repository" in each.key for each in streams):
        raise ConfigError("no repository to read", "give --repo OWNER/NAME or --org, or write [[services]]")
    _refuse(chosen, is_repository, "repository", "write OWNER/NAME")
    _refuse(organizations, _NAME, "organization", "write its name alone")
    plan = source.Plan(
        tuple(streams),
        chosen,
        tuple(organizations),
        errand.window,
        errand.watermarks,
        roots or {},
        settings.branches,
        with_emails=people.with_emails,
        pseudonymise_key=_hash_key(errand.environment) if people.pseudonymise or settings.pseudonymise else None,
        detail=people.detail,
    )
    with errand.output(streams[0]) as output:
        identity = source.credentials(settings, errand.environment)
        source.extract(settings, identity, plan, output, errand.report, network=network(settings))
    _raise_failures(output)


def network(settings: Ghes) -> Network:
    """Return the way to GitHub Enterprise Server."""
    from fourkeys.http import Network  # noqa: PLC0415 - as above

    return Network(settings.ca_file, settings.client_certificate, settings.client_key, settings.proxy)


def survey(settings: Ghes, environment: Mapping[str, str], organizations: Sequence[str] = ()) -> list[Repository]:
    """Return the repositories that our token can see, of *organizations* or all; nothing without a token.

    Raises:
        ConfigError: the credentials do not fit.
        SourceError: the server refuses, or does not know one of *organizations*.
    """
    from fourkeys.sources import ghes as source  # noqa: PLC0415 - as above

    identity = source.credentials(settings, environment)
    return source.survey(settings, identity, organizations, network=network(settings)) if identity else []


def heroku(errand: Errand, apps: Sequence[str] = (), known_commits: Callable[[str], str | None] | None = None) -> None:
    """Read the releases of Heroku apps.

    Raises:
        ConfigError: no key, or no app.
        PartialError: some apps failed; what the others gave is written.
        SourceError: nothing could be read.
    """
    from fourkeys.sources import heroku as source  # noqa: PLC0415 - as above

    settings = errand.config.sources.heroku
    chosen = tuple(apps) or errand.config.heroku_apps
    if not chosen:
        raise ConfigError("no Heroku app to read", "give --app NAME, or write heroku_apps into [[services]]")
    _refuse(chosen, _NAME, "Heroku app", "write its name, or its id")
    plan = source.Plan(
        chosen,
        errand.window,
        errand.watermarks,
        known_commits or (lambda _: None),
        errand.environment.get("FOURKEYS_HASH_KEY"),
    )
    with errand.output(STREAMS["heroku_releases"]) as output:
        source.extract(settings, settings.token(errand.environment), plan, output, errand.report)
    _raise_failures(output)


def incidents(errand: Errand, streams: Sequence[Stream] = ()) -> None:
    """Read the incident bot's database.

    Raises:
        ConfigError: no database, or its settings do not fit.
        SourceError: it cannot be read.
    """
    from fourkeys.sources import incidents as source  # noqa: PLC0415 - as above

    settings = errand.config.sources.incidents
    chosen = tuple(streams) or (STREAMS["incidents"], STREAMS["incident_events"])
    keys = [key for service in errand.config.services for key in service.incident_keys]
    hash_key = _hash_key(errand.environment) if errand.config.sources.ghes.pseudonymise else None
    plan = source.Plan(chosen, errand.window, keys, hash_key)
    with errand.output(chosen[0]) as output:
        source.extract(settings, settings.url(errand.environment), plan, output, errand.report)
    _raise_failures(output)


def requests(
    errand: Errand,
    files: Sequence[str] = (),
    log_format: Literal["ndjson", "csv", "combined"] | None = None,
    service: str | None = None,
) -> None:
    """Count request logs; what is not given is as configured.

    Raises:
        ConfigError: no files, or they do not fit the configuration.
        SourceError: a file cannot be read.
    """
    from fourkeys.sources import requests as source  # noqa: PLC0415 - as above

    settings = errand.config.sources.requests
    settings = msgspec.structs.replace(
        settings, format=log_format or settings.format, service=service or settings.service
    )
    plan = source.Plan(tuple(files), errand.window, errand.watermarks)
    with errand.output(STREAMS["request_counts"]) as output:
        source.extract(settings, plan, output, errand.report)


def configured(config: Config, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sources that the catalog and the configuration name, in the order in which they are read."""
    has_incidents = any(service.incident_keys for service in config.services)
    wanted = {
        "ghes": bool(config.sources.ghes.url and config.repositories),
        "heroku": bool(config.heroku_apps),
        "incidents": has_incidents and bool(config.sources.incidents.url(environment)),
        "requests": bool(config.sources.requests.files),
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def _hash_key(environment: Mapping[str, str]) -> str:
    key = environment.get("FOURKEYS_HASH_KEY")
    if not key:
        raise ConfigError("no key to hash people with", "set FOURKEYS_HASH_KEY to a long random text, and keep it")
    return key


def _raise_failures(output: Output) -> None:
    failures = [failure for entry in output.entries.values() for failure in entry.failures]
    if failures:
        parts = "; ".join(dict.fromkeys(f"{each.partition or each.stream}: {each.message}" for each in failures))
        raise PartialError(f"not all was read: {parts}", failures[0].hint or "run it again: it goes on from there")


def _refuse(names: Iterable[str], fits: Callable[[str], object], what: str, hint: str) -> None:
    """Raise ConfigError for the first name that may not become a part of an address."""
    if wrong := next((name for name in names if not fits(name)), None):
        raise ConfigError(f"{wrong!r} is the name of no {what}", hint)

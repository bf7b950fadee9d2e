"""`fourkeys.toml` and the environment, as typed and frozen configuration.

`parse` is pure: a mapping and an environment in, a `Config` out. `load` finds and reads the file.
Precedence: flag, environment, file, default. Secrets are never in the file: it names where they are.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from fourkeys.config._catalog import DeploymentsFrom, Override, Service
from fourkeys.config._sources import (
    TABLES,
    Amount,
    Count,
    EventTable,
    Ghes,
    Heroku,
    Incidents,
    IncidentTable,
    LogFields,
    Requests,
    Share,
    Sources,
    Strict,
)
from fourkeys.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


_SITE = re.compile(r"https?://(?!api\.)[^/]+").fullmatch
_ADDRESS = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[!-~]*)?").fullmatch
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+").fullmatch


class Metrics(Strict, frozen=True):
    """How figures are cut and linked.

    Attributes:
        timezone: IANA zone in which days and ISO weeks are cut.
        incident_link_hours: an incident without a stated cause is linked to the deployment before it, up to this long.
        environment: the environment that the keys are about.
        hotfix_labels: labels of pull requests that make a deployment rework.
        hotfix_branches: prefixes of branch names that do the same.
        request_window_minutes: how long before and after a deployment its requests are compared.
        request_minimum: requests that each side must have.
        request_z: how many standard deviations apart the two rates of failed requests must be.
        request_rate_increase: by how much the rate must rise at least, from 0 to 1.
        stale_hours: age from which on data are stale: `status`, `doctor` and the report name the figures.
        availability_target: share of requests that should not fail, such as 0.999; None for no target.
    """

    timezone: str = "UTC"
    incident_link_hours: Amount = 24
    environment: str = "production"
    hotfix_labels: tuple[str, ...] = ("hotfix",)
    hotfix_branches: tuple[str, ...] = ("hotfix/", "hotfix-")
    request_window_minutes: Count = 30
    request_minimum: Count = 100
    request_z: Amount = 4
    request_rate_increase: Share = 0.01
    stale_hours: Amount = 36
    availability_target: Share | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.timezone)


class Warehouse(Strict, frozen=True):
    """Where tables and views live; all but the address is for BigQuery.

    Attributes:
        url: `duckdb:///path` or `bigquery://project/dataset`.
        location: where BigQuery makes new datasets, such as `asia-northeast1`; US by default.
        billing_project: project that pays for jobs; the project of the address by default.
        service_account: key file of the account to be; by default what `gcloud auth` or the machine provides.
        impersonate: e-mail address of a service account to act as.
        maximum_bytes_billed: a query that would read more fails and costs nothing.
        via: `gs://bucket/prefix` that files pass through on their way.
    """

    url: str = "duckdb:///fourkeys.duckdb"
    location: str | None = None
    billing_project: str | None = None
    service_account: str | None = None
    impersonate: str | None = None
    maximum_bytes_billed: Annotated[int, msgspec.Meta(gt=0)] | None = None
    via: str | None = None


class DataStudio(Strict, frozen=True):
    """The dashboard in Data Studio.

    Attributes:
        template_report_id: id of the report that `fourkeys dashboard link` copies; empty for none.
    """

    template_report_id: str = ""


class Lineage(Strict, frozen=True):
    """Who is told of every run, in OpenLineage's words.

    Attributes:
        openlineage_url: where events are posted, such as `http://marquez:5000/api/v1/lineage`; empty for nowhere.
        key_env: environment variable that holds the server's API key.
        namespace: of jobs and datasets.
    """

    openlineage_url: str = ""
    key_env: str = "OPENLINEAGE_API_KEY"
    namespace: str = "fourkeys"


class Config(Strict, frozen=True):
    """All of the configuration."""

    metrics: Metrics = Metrics()
    warehouse: Warehouse = Warehouse()
    sources: Sources = Sources()
    datastudio: DataStudio = DataStudio()
    lineage: Lineage = Lineage()
    services: tuple[Service, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def repositories(self) -> tuple[str, ...]:
        """The GHES repositories of all services, in order, each once."""
        return tuple(dict.fromkeys(name for service in self.services for name in service.repositories))

    @property
    def heroku_apps(self) -> tuple[str, ...]:
        """The Heroku apps of all services, in order, each once."""
        return tuple(
            dict.fromkeys(app for service in self.services for apps in service.heroku_apps.values() for app in apps)
        )


def parse(data: Mapping[str, object], environment: Mapping[str, str], name: str = "fourkeys.toml") -> Config:
    """Turn the file's *data* and the *environment* into a `Config`.

    Raises:
        ConfigError: something is unknown, of the wrong type or out of range; the message says where.
    """
    try:
        config = msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {_where(str(error))}", _nearest(str(error))) from None
    _check(config, name)
    sources = msgspec.structs.replace(
        config.sources,
        ghes=msgspec.structs.replace(
            config.sources.ghes, url=_address(environment, "GITHUB_API_URL", config.sources.ghes.url, name, "ghes")
        ),
        heroku=msgspec.structs.replace(
            config.sources.heroku,
            url=_address(environment, "HEROKU_API_URL", config.sources.heroku.url, name, "heroku"),
        ),
    )
    url = environment.get("FOURKEYS_WAREHOUSE") or config.warehouse.url
    warehouse = msgspec.structs.replace(config.warehouse, url=url)
    return msgspec.structs.replace(config, sources=sources, warehouse=warehouse)


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration from *path*, `$FOURKEYS_CONFIG`, or `fourkeys.toml` here; without any, use defaults.

    Raises:
        ConfigError: a file that was asked for is not there, or the file does not fit.
    """
    asked = path or (Path(environment["FOURKEYS_CONFIG"]) if environment.get("FOURKEYS_CONFIG") else None)
    file = asked or Path("fourkeys.toml")
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors write a mark at the beginning
    except FileNotFoundError:
        if asked:
            raise ConfigError(f"{file}: no such file", "`fourkeys init` writes one") from None
        return parse({}, environment)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}", "it must be a readable UTF-8 file") from None
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: not TOML: {error}", "mend the line that it names") from None
    return parse(data, environment, str(file))


def is_repository(name: str) -> bool:
    """Whether *name* is owner/name as GitHub allows it; only such a name becomes a part of an address."""
    return bool(_REPOSITORY(name)) and not {".", ".."} & set(name.split("/"))


def _address(environment: Mapping[str, str], variable: str, default: str, name: str, source: str) -> str:
    """Return a base address, from the environment first, without a final slash."""
    url = (environment.get(variable) or default).rstrip("/")
    if url and not _ADDRESS(url):
        hint = "write https://HOST/api/v3" if source == "ghes" else "write https://HOST"
        raise ConfigError(f"{name}: sources.{source}.url {url!r} is no address", hint)
    if source == "ghes" and _SITE(url):
        raise ConfigError(f"{name}: sources.ghes.url {url!r} is not the API's address", f"write {url}/api/v3")
    return url


def _check(config: Config, name: str) -> None:
    """Raise ConfigError for what types alone cannot say."""
    zones = {
        "metrics.timezone": config.metrics.timezone,
        "sources.incidents.timezone": config.sources.incidents.timezone,
        "sources.requests.timezone": config.sources.requests.timezone,
    }
    for key, zone in zones.items():
        try:
            _ = ZoneInfo(zone) if zone is not None else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(
                f"{name}: {key} {zone!r} is no time zone", "write an IANA name such as Asia/Tokyo"
            ) from None
    try:
        _ = config.sources.requests.failed_statuses
    except ConfigError as error:
        raise ConfigError(f"{name}: {error.message}", error.hint) from None
    seen: set[str] = set()
    for service in config.services:
        where = f"{name}: service {service.name!r}"
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", service.name):
            raise ConfigError(f"{where}: not a valid name", "lower-case letters, digits and hyphens, at most 63")
        if service.name in seen:
            raise ConfigError(f"{where}: stands twice", "names are unique")
        seen.add(service.name)
        for repository in service.repositories:
            if not is_repository(repository):
                raise ConfigError(f"{where}: repository {repository!r} is not owner/name", "write it as owner/name")
    _check_overrides(config, name, seen)


def _check_overrides(config: Config, name: str, services: Collection[str]) -> None:
    """Raise ConfigError for marks that name nothing."""
    for override in config.overrides:
        where = f"{name}: override of {override.deployment or override.incident or 'nothing'!r}"
        if override.service not in services:
            raise ConfigError(
                f"{where}: unknown service {override.service!r}", f"known are {', '.join(sorted(services))}"
            )
        if not override.incident and (not override.deployment or override.failed is None):
            raise ConfigError(f"{where}: says nothing", "write deployment and failed, or incident and deployment")


def _where(message: str) -> str:
    """Rewrite msgspec's message: `Expected int, got str - at $.metrics.x` to `metrics.x: expected int, got str`."""
    text, _, path = message.partition(" - at `$")
    place = path.rstrip("`").lstrip(".")
    return f"{place}: {text[:1].lower()}{text[1:]}" if place else text[:1].lower() + text[1:]


def _nearest(message: str) -> str:
    """For an unknown field, name the nearest known one."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    if not unknown:
        return "see `fourkeys init` for a commented example"
    tables = (Metrics, Warehouse, DataStudio, Lineage, Service, Override, Config, *TABLES)
    known = {field for table in tables for field in table.__struct_fields__}
    near = difflib.get_close_matches(unknown[1], sorted(known), 1)
    return f"did you mean {near[0]!r}?" if near else "see `fourkeys init` for a commented example"


__all__ = [
    "Config",
    "DataStudio",
    "DeploymentsFrom",
    "EventTable",
    "Ghes",
    "Heroku",
    "IncidentTable",
    "Incidents",
    "Lineage",
    "LogFields",
    "Metrics",
    "Override",
    "Requests",
    "Service",
    "Sources",
    "Warehouse",
    "is_repository",
    "load",
    "parse",
]

"""From the configuration to an open warehouse: credentials, project that pays, limits."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import google.auth
from google.auth import credentials, impersonated_credentials
from google.cloud import bigquery
from google.oauth2 import service_account

from fourkeys.errors import ConfigError, WarehouseError
from fourkeys.warehouses.bigquery import _statements as sql_of
from fourkeys.warehouses.bigquery._bucket import Bucket
from fourkeys.warehouses.bigquery._door import Door
from fourkeys.warehouses.bigquery._errors import told
from fourkeys.warehouses.bigquery._rehearsal import Rehearsal, Step
from fourkeys.warehouses.bigquery._warehouse import BigQuery, parse_url
from fourkeys.window import Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fourkeys.config import Warehouse

_SCOPES = ["https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/devstorage.read_write"]
_EMULATOR = "BIGQUERY_EMULATOR_HOST"
"""Google's own variable for the address of an emulator; who sets it needs no credentials."""
_EVER = Watermark("ghes_commits", "owner/name", datetime(2000, 1, 1, tzinfo=UTC), "{}")
"""Stands for any watermark where a statement that stores some is rehearsed."""


def connect(settings: Warehouse, now: Callable[[], datetime], *, read_only: bool = False) -> BigQuery:
    """Open `bigquery://project/dataset`; nothing is sent before it is needed.

    Raises:
        ConfigError: the address does not fit.
        WarehouseError: there are no credentials.
    """
    project, dataset = parse_url(settings.url)
    return BigQuery(_door(settings, project, now), project, dataset, read_only=read_only)


def rehearse(settings: Warehouse, now: Callable[[], datetime], say: Callable[[str], None]) -> BigQuery:
    """Open a warehouse that writes nothing and tells every statement; without credentials, the statements alone."""
    project, dataset = parse_url(settings.url)
    door = None
    try:
        door = _door(settings, project, now)
    except WarehouseError as error:
        say(f"-- {error.message}: the statements alone, as for empty datasets")
    return BigQuery(Rehearsal(door, lambda step: say(str(step))), project, dataset)


def verify(settings: Warehouse, now: Callable[[], datetime], work: Callable[[BigQuery], object]) -> list[Step]:
    """Let BigQuery say, of every statement that fourkeys sends, whether it takes it: on the user's own project.

    Nothing is written. A statement is dry-run: BigQuery resolves it against the tables that are there and tells the
    bytes. Only what *work* reads in order to know what to do is read in earnest. Load jobs cannot be tried this way.

    Args:
        settings: where the warehouse is, and as whom.
        now: the clock.
        work: what a night does after loading, such as `lambda warehouse: pipeline.build(warehouse, config, now())`.

    Raises:
        ConfigError: the address or the location does not fit.
        WarehouseError: there are no credentials, or BigQuery cannot be asked at all.
    """
    project, dataset = parse_url(settings.url)
    steps: list[Step] = []
    door = Rehearsal(_door(settings, project, now), steps.append, anew=True)
    warehouse = BigQuery(door, project, dataset)
    try:
        warehouse.locate()
        door.run([*sql_of.tables(warehouse.names["raw"]), *sql_of.loads(warehouse.names["raw"])], watermarks=[_EVER])
        work(warehouse)
    finally:
        door.close()
    return list({step.text: step for step in steps}.values())


def _door(settings: Warehouse, project: str, now: Callable[[], datetime]) -> Door:
    with told(settings.url):
        identity = _identity(settings, os.environ)
        paying = settings.billing_project or project
        client = bigquery.Client(paying, identity, location=settings.location)
    bucket = Bucket(_storage(paying, identity), settings.via) if settings.via else None
    return Door(client, settings.url, now, settings.maximum_bytes_billed, bucket)


def _identity(settings: Warehouse, environment: Mapping[str, str]) -> Any:
    """Return who we are: a key file, or what the environment says; then the account that we act for."""
    if environment.get(_EMULATOR):
        return credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]
    if settings.service_account:
        try:
            identity = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                settings.service_account, scopes=_SCOPES
            )
        except (OSError, ValueError) as error:
            what = f"[warehouse].service_account {settings.service_account}: {type(error).__name__}"
            raise ConfigError(what, "it must be the path of a readable key file of a service account") from None
    else:
        identity, _ = google.auth.default(scopes=_SCOPES)
    if settings.impersonate:
        identity = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
            identity, settings.impersonate, _SCOPES
        )
    return identity


def _storage(project: str, identity: Any) -> Any:
    from google.cloud import storage  # type: ignore[attr-defined]  # noqa: PLC0415 - only who uses a bucket needs it

    return storage.Client(project, identity)

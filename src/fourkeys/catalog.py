"""The catalog: what its services need, and as tables the services and the resources that belong to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fourkeys.streams import STREAMS, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from fourkeys.config import Override, Service

Row = dict[str, "str | bool | datetime | None"]

_ALWAYS = (
    *("repositories", "issues", "issue_comments", "users", "labels", "issue_events", "releases", "commits"),
    *("pull_requests", "pull_request_commits", "pull_request_reviews"),
)
_DEPLOYMENTS = ("deployments", "deployment_statuses")
_FILES = ("pull_request_files",)
SOMETIMES = tuple(STREAMS[f"ghes_{name}"] for name in (*_DEPLOYMENTS, *_FILES))
"""The streams of GHES that only some catalogs need."""


def needed(services: Iterable[Service]) -> tuple[Stream, ...]:
    """Return the streams of GHES that are read unless others are named: all that the mart makes of this catalog.

    Deployments are read where a service is deployed by them; files of pull requests, at one request for each, where a
    service is a part of a repository.
    """
    services = tuple(services)
    deployments = any(service.deployments_from == "deployments" for service in services)
    files = any(service.paths for service in services)
    names = (*_ALWAYS, *(_DEPLOYMENTS if deployments else ()), *(_FILES if files else ()))
    return tuple(STREAMS[f"ghes_{name}"] for name in names)


def service_rows(services: Iterable[Service]) -> Iterator[Row]:
    """Yield the rows of the stream `services`."""
    for service in services:
        yield {
            "service": service.name,
            "owner": service.owner,
            "system": service.system,
            "description": service.description,
            "deployments_from": service.deployments_from,
            "include_prereleases": service.include_prereleases,
        }


def resource_rows(services: Iterable[Service]) -> Iterator[Row]:
    """Yield the rows of the stream `service_resources`: one per service, source, resource, environment and path."""
    for service in services:
        for repository in service.repositories:
            for prefix in service.paths or ("",):
                yield _resource(service, "ghes", repository, path_prefix=prefix)
        for environment, apps in service.heroku_apps.items():
            for app in apps:
                yield _resource(service, "heroku", app, environment=environment)
        for key in service.incident_keys:
            yield _resource(service, "incidents", key)
        for key in service.request_keys:
            yield _resource(service, "requests", key)


def override_rows(overrides: Iterable[Override]) -> Iterator[Row]:
    """Yield the rows of the table `overrides`."""
    for override in overrides:
        yield {
            "service": override.service,
            "environment": override.environment,
            "deployment_id": override.deployment,
            "source": override.source,
            "incident_id": override.incident,
            "is_failed": override.failed,
            "recovered_at": override.recovered_at,
            "reason": override.reason,
        }


def _resource(service: Service, source: str, resource: str, environment: str = "", path_prefix: str = "") -> Row:
    return {
        "service": service.name,
        "source": source,
        "resource": resource,
        "environment": environment,
        "path_prefix": path_prefix,
    }

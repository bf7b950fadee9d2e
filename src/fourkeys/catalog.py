"""The catalog as tables: the services, and the resources that belong to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from fourkeys.config import Override, Service

Row = dict[str, "str | bool | datetime | None"]


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

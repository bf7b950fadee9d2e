"""The tables `[[services]]` and `[[overrides]]`."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads annotations when it runs
from typing import Literal

import msgspec

from fourkeys.config._sources import Strict

DeploymentsFrom = Literal["heroku", "releases", "deployments", "merges", "csv"]


class Service(Strict, frozen=True):
    """A service: the dimension of every figure.

    Attributes:
        name: RFC 1123 label, unique.
        owner: team that owns it.
        repositories: GHES repositories as owner/name.
        deployments_from: where its deployments come from.
        paths: prefixes in a monorepo; a change counts if it touches one of them.
        heroku_apps: environment to apps.
        incident_keys: the incident bot's words for it.
        request_keys: the request log's words for it.
    """

    name: str
    owner: str = ""
    system: str | None = None
    description: str | None = None
    repositories: tuple[str, ...] = ()
    deployments_from: DeploymentsFrom = "releases"
    include_prereleases: bool = False
    paths: tuple[str, ...] = ()
    heroku_apps: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    incident_keys: tuple[str, ...] = ()
    request_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a repository that stands twice; GitHub does not tell capitals apart.

        Raises:
            ValueError: with the repository.
        """
        seen: set[str] = set()
        for repository in self.repositories:
            if repository.lower() in seen:
                raise ValueError(f"repository {repository!r} stands twice")
            seen.add(repository.lower())


class Override(Strict, frozen=True):
    """What somebody marks by hand; it wins over all rules.

    Attributes:
        service: of the deployment.
        deployment: by its id or tag; empty where an incident belongs to none.
        environment: of the deployment; empty for the measured one.
        failed: the deployment failed, or did not; left out where the mark only says where an incident belongs.
        incident: that belongs to the deployment.
        source: where the incident comes from; empty for any.
        recovered_at: when the failed deployment recovered; left out to leave it to the rules.
        reason: why.
    """

    service: str
    deployment: str = ""
    environment: str = ""
    failed: bool | None = None
    incident: str = ""
    source: str = ""
    recovered_at: datetime | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a time without an offset, which would be read as UTC.

        Raises:
            ValueError: with an example.
        """
        if self.recovered_at and self.recovered_at.tzinfo is None:
            raise ValueError("recovered_at needs an offset, such as 2026-03-04T13:00:00+09:00")

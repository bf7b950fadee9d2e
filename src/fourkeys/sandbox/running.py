"""The sandbox: the simulated company, running behind real servers on loopback."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Self

from fourkeys.sandbox.clock import WINDOW
from fourkeys.sandbox.company import Company, Source
from fourkeys.sandbox.heroku import HerokuDoor
from fourkeys.sandbox.server import GhesDoor, Servers
from fourkeys.sandbox.traffic import KEY, SERVICE
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from pathlib import Path
    from types import TracebackType

    from fourkeys.sandbox.ledger import Figure
    from fourkeys.sandbox.plans import Plan

TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but the sandbox

_INCIDENTS = """\
[sources.incidents]
kind_names = { outage = "service" }
kinds = ["service"]

[sources.incidents.records.columns]
incident_id = "id"
title = "title"
service_key = "service"
kind = "kind"
severity = "severity"
started_at = "opened_at"
detected_at = "detected_at"
resolved_at = "resolved_at"
status = "status"
change_related = "change_related"
cause = "deploy_ref"
updated_at = "updated_at"
"""


class Sandbox:
    """A simulated company behind HTTP servers on loopback, from `with` to the end of its block.

    Attributes:
        directory: where its files go.
        company: the company itself.
        window: first day and end (exclusive) of the answer, as local dates.
    """

    def __init__(self, directory: Path, seed: int = 4, latency: float = 0.0, sources: Collection[Source] = ()) -> None:
        """Simulate the company.

        Args:
            directory: where files go.
            seed: another seed is another company.
            latency: seconds that each answer of a server takes.
            sources: what is played beside GHES: heroku, incidents, requests.
        """
        self.directory, self._latency = directory, latency
        self.company = Company.simulate(seed, sources)
        self.window: tuple[date, date] = WINDOW
        self._servers: Servers | None = None
        self._ghes_url = self._heroku_url = ""

    def __enter__(self) -> Self:
        """Start the servers."""
        self._servers = Servers()
        address = self._servers.serve(lambda base: GhesDoor(self.company, base, TOKEN, self._latency).application())
        self._ghes_url = f"{address}/api/v3"
        if self.company.apps:
            self._heroku_url = self._servers.serve(
                lambda _: HerokuDoor(self.company.apps, self.company.now, TOKEN, self._latency).application()
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the servers."""
        if self._servers:
            self._servers.stop()

    @property
    def config_text(self) -> str:
        """A `fourkeys.toml` for the running servers."""
        head = f'[metrics]\ntimezone = "Asia/Tokyo"\n\n[sources.ghes]\nurl = "{self._ghes_url}"\n'
        if self._heroku_url:
            head += f'\n[sources.heroku]\nurl = "{self._heroku_url}"\n'
        if self.company.bot:
            head += f"\n{_INCIDENTS}"
        if self.company.traffic:
            head += f'\n[sources.requests]\nfiles = ["{self._log.as_posix()}"]\n'
        return head + "".join(_service(plan, self.company) for plan in self.company.plans)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that go with the configuration."""
        environment = {"GITHUB_API_URL": self._ghes_url, "GITHUB_API_TOKEN": TOKEN}
        if self._heroku_url:
            environment |= {"HEROKU_API_URL": self._heroku_url, "HEROKU_API_KEY": TOKEN}
        if self.company.bot:
            environment["INCIDENT_DATABASE_URL"] = f"sqlite:///{self._database}"
        return environment

    @property
    def _log(self) -> Path:
        return self.directory.absolute() / "requests.ndjson.gz"

    @property
    def _database(self) -> Path:
        return self.directory.absolute() / "incidents.sqlite"

    def write_files(self) -> list[Path]:
        """Write what no server gives, and return the paths.

        That is `deployments.csv`, and where they are played the incident bot's `incidents.sqlite` and the request log
        `requests.ndjson.gz`.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, STREAMS["deployments"].header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.company.deployment_rows)
        self.directory.mkdir(parents=True, exist_ok=True)
        files = [self.directory / "deployments.csv"]
        files[0].write_text(text.getvalue(), encoding="utf-8")
        if self.company.bot:
            files.append(self._database)
            self.company.bot.write(self._database)
        if self.company.traffic:
            files.append(self._log)
            self.company.traffic.write(self._log)
        return files

    def answer(self) -> list[dict[str, Figure]]:
        """Return what `fourkeys metrics --by total --format json` must say about the window."""
        return self.company.answer(self.window)


def _service(plan: Plan, company: Company) -> str:
    lines = []
    if plan.deployments_from == "heroku":
        apps = {app.environment: app.name for app in company.apps}
        lines.append(f'heroku_apps = {{ production = ["{apps["production"]}"], staging = ["{apps["staging"]}"] }}')
    if company.bot:
        lines.append(f'incident_keys = ["{plan.service}"]')
    if company.traffic and plan.service == SERVICE:
        lines.append(f'request_keys = ["{KEY}"]')
    return f"""
[[services]]
name = "{plan.service}"
owner = "{plan.owner}"
description = "{plan.description}"
repositories = ["{plan.repository}"]
deployments_from = "{plan.deployments_from}"
""" + "".join(f"{line}\n" for line in lines)

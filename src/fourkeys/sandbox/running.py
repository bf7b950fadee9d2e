"""The sandbox: the simulated company, running behind real servers on loopback."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Self

from fourkeys.sandbox.clock import WINDOW
from fourkeys.sandbox.company import Company
from fourkeys.sandbox.server import GhesDoor, Servers
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path
    from types import TracebackType

    from fourkeys.sandbox.ledger import Figure
    from fourkeys.sandbox.plans import Plan

TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but the sandbox


class Sandbox:
    """A simulated company behind HTTP servers on loopback, from `with` to the end of its block.

    Attributes:
        directory: where its files go.
        company: the company itself.
        window: first day and end (exclusive) of the answer, as local dates.
    """

    def __init__(self, directory: Path, seed: int = 4, latency: float = 0.0) -> None:
        self.directory, self._latency = directory, latency
        self.company = Company.simulate(seed)
        self.window: tuple[date, date] = WINDOW
        self._servers: Servers | None = None
        self._ghes_url = ""

    def __enter__(self) -> Self:
        """Start the servers."""
        self._servers = Servers()
        address = self._servers.serve(lambda base: GhesDoor(self.company, base, TOKEN, self._latency).application())
        self._ghes_url = f"{address}/api/v3"
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
        head = f"""\
[metrics]
timezone = "Asia/Tokyo"

[sources.ghes]
url = "{self._ghes_url}"
"""
        return head + "".join(_service(plan) for plan in self.company.plans)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that go with the configuration."""
        return {"GITHUB_API_URL": self._ghes_url, "GITHUB_API_TOKEN": TOKEN}

    def write_files(self) -> list[Path]:
        """Write the files that no server gives: `deployments.csv`; return their paths."""
        text = io.StringIO()
        writer = csv.DictWriter(text, STREAMS["deployments"].header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.company.deployment_rows)
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / "deployments.csv"
        file.write_text(text.getvalue(), encoding="utf-8")
        return [file]

    def answer(self) -> list[dict[str, Figure]]:
        """Return what `fourkeys metrics --by total --format json` must say about the window."""
        return self.company.answer(self.window)


def _service(plan: Plan) -> str:
    return f"""
[[services]]
name = "{plan.service}"
owner = "{plan.owner}"
description = "{plan.description}"
repositories = ["{plan.repository}"]
deployments_from = "{plan.deployments_from}"
"""

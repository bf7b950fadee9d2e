"""What to link again: which lines only grew since the last time, and which repositories must be swept; pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fourkeys.mart.link import Deployment


class Line(NamedTuple):
    """What is swept together: the deployments of one service to one environment from one repository."""

    service: str
    environment: str
    repository: str


class Stored(NamedTuple):
    """A row of `deployment_links`, but for its place."""

    service: str
    environment: str
    deployment_id: str
    repository: str | None
    sha: str | None
    declared_kind: str | None
    kind: str
    base: str
    previous_deployment_id: str | None
    undoes_deployment_id: str | None

    @property
    def line(self) -> Line:
        """The line that the deployment belongs to."""
        return Line(self.service, self.environment, self.repository or "")


@dataclass(slots=True)
class Plan:
    """What to do with the repositories: `extended` holds the stored links of a line, `swept` none."""

    extended: dict[Line, list[Stored]] = field(default_factory=dict)
    swept: set[str] = field(default_factory=set)


def plan_of(
    lines: dict[Line, list[Deployment]],
    stored: dict[Line, list[Stored]],
    unknown: Collection[tuple[str, str | None]],
    filled: Collection[str],
) -> Plan:
    """Tell, by what is stored, which lines only grew and which repositories must be swept."""
    plan = Plan(swept={line.repository for line in stored if line not in lines})
    for line, deployments in lines.items():
        links = stored.get(line, [])
        if len(links) == len(deployments) and all(map(_same, links, deployments)) and line.repository not in filled:
            continue
        last = (line.repository, links[-1].sha) if links else None
        grew = len(links) < len(deployments) and all(map(_same, links, deployments))
        if grew and last and last[1] and last not in unknown and line.repository not in filled:
            plan.extended[line] = links
        else:
            plan.swept.add(line.repository)
    plan.extended = {line: links for line, links in plan.extended.items() if line.repository not in plan.swept}
    return plan


def by_line(stored: Iterable[Stored]) -> dict[Line, list[Stored]]:
    """Group stored links by their lines, each in its order."""
    lines: dict[Line, list[Stored]] = defaultdict(list)
    for row in stored:
        lines[row.line].append(row)
    return lines


def _same(link: Stored, deployment: Deployment) -> bool:
    """Whether a stored link is of this deployment, as it is told now."""
    return (link.deployment_id, link.sha, link.declared_kind) == (
        deployment.deployment_id,
        deployment.sha,
        deployment.declared_kind,
    )

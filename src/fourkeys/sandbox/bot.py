"""The incident bot: what goes wrong in production, and the database in which the bot keeps it.

The incidents are written down after the year is played, because only then it is known which deployment was live:

    plain           begins soon after a deployment and names nothing: linked by time
    two             two at once, of one deployment: it failed once
    rollout         begins while a deployment is still being rolled out
    named_sha       begins days later and names the commit of the deployment that is to blame
    named_short     the same with an abbreviated sha
    named_tag       the same with the tag of the release
    later           begins more than a day after the last deployment: nobody is to blame
    unrelated       begins soon after a deployment, but has nothing to do with a change
    reopened        is closed, comes back, and is closed for good
    open            is still open
    midnight        begins before and ends after midnight in Tokyo
    dirty           is closed before it began: somebody typed the wrong date
    security        begins soon after a deployment, but is of a kind that is left out
    stranger        is about something that no catalog knows
"""

from __future__ import annotations

import itertools
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox.clock import TOKYO, Dice, local
from fourkeys.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fourkeys.sandbox.ledger import Ledger, Shipment
    from fourkeys.sandbox.model import Repository

SCRIPT = """
    shop           2025-10-20  plain
    notifications  2025-11-11  rollout
    shop           2025-12-01  named_tag
    ledger         2025-12-08  two
    checkout       2026-01-12  plain
    checkout       2026-01-28  security
    search         2026-02-02  plain
    catalog        2026-02-09  named_short
    shop           2026-02-24  later
    notifications  2026-03-16  midnight
    checkout       2026-03-30  unrelated
    search         2026-04-06  dirty
    catalog        2026-05-11  reopened
    printer        2026-05-07  stranger
    ledger         2026-05-25  named_sha
    search         2026-06-15  unrelated
    shop           2026-06-22  reopened
    checkout       2026-08-24  named_short
    catalog        2026-08-31  open
    search         2026-09-07  open
"""
"""Which service has which kind of incident, from the first fitting deployment on or after a day."""

_DDL = """
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY, title TEXT NOT NULL, service VARCHAR(100) NOT NULL, kind VARCHAR(20) NOT NULL,
  severity VARCHAR(10) NOT NULL, opened_at VARCHAR(32) NOT NULL, detected_at VARCHAR(32), mitigated_at VARCHAR(32),
  resolved_at VARCHAR(32), status VARCHAR(20) NOT NULL, change_related BOOLEAN, updated_at VARCHAR(32) NOT NULL,
  slack_channel VARCHAR(100) NOT NULL, deploy_ref VARCHAR(64)
);
CREATE TABLE incident_events (
  id INTEGER PRIMARY KEY, incident_id INTEGER NOT NULL, event_type VARCHAR(30) NOT NULL, actor VARCHAR(100),
  message TEXT, created_at VARCHAR(32) NOT NULL
);
"""
_TITLES = (
    "5xx above 2 %",
    "決済画面でエラーが多発",
    "🔥 it is down",
    '=ALERT: queue is "stuck", disk full',
    "Slow\nsince lunch",
)
_ROOM = timedelta(hours=7)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Incident:
    """An incident as the bot keeps it; `steps` are (kind, time) of its events, oldest first.

    The bot's words for kinds are `outage` and `security`.
    """

    service: str
    opened_at: datetime
    resolved_at: datetime | None
    kind: str = "outage"
    change_related: bool | None = None
    deploy_ref: str | None = None
    steps: list[tuple[str, datetime]] = field(default_factory=list)


class Bot:
    """Lets incidents happen to the services, tells their ledgers, and keeps the database.

    Attributes:
        incidents: in the order of their times.
    """

    def __init__(self, seed: int, ledgers: Mapping[str, Ledger], repositories: Mapping[str, Repository]) -> None:
        self._dice, self._ledgers, self._repositories = Dice(seed, "incidents"), ledgers, repositories
        self.incidents: list[Incident] = []
        for line in SCRIPT.strip().splitlines():
            service, day, kind = line.split()
            self._happen(service, local(f"{day} 00:00"), kind)
        self.incidents.sort(key=lambda incident: incident.opened_at)

    def _happen(self, service: str, since: datetime, kind: str) -> None:
        length = timedelta(minutes=self._dice.between(25, 300))
        if kind == "stranger":
            self._note(service, since + timedelta(hours=11), length, None, counts=False)
        elif kind in {"later", "dirty", "midnight", "unrelated", "security"}:
            self._unblamed(self._ledgers[service], since, kind, length)
        else:
            self._blamed(self._ledgers[service], since, kind, length)

    def _blamed(self, ledger: Ledger, since: datetime, kind: str, length: timedelta) -> None:
        """Let an incident happen that a deployment is to blame for."""
        cause, service = _fitting(ledger, since, _ROOM), ledger.service
        soon = self._soon(cause)
        if kind == "rollout":
            self._note(service, cause.at - timedelta(seconds=70), length, cause)
        elif kind.startswith("named"):
            self._note(service, cause.at + 2 * _DAY + length, length, cause, ref=self._name(cause, kind))
        else:
            self._note(service, soon, None if kind == "open" else length, cause, reopened=kind == "reopened")
        if kind == "two":
            self._note(service, soon + timedelta(minutes=31), length * 2, cause)

    def _unblamed(self, ledger: Ledger, since: datetime, kind: str, length: timedelta) -> None:
        """Let an incident happen that no deployment is to blame for."""
        soon = kind in {"unrelated", "security"}
        before, service = _fitting(ledger, since, _ROOM if soon else 3 * _DAY), ledger.service
        if kind == "security":
            self._note(service, self._soon(before), length, None, kind=kind, counts=False)
        elif kind == "unrelated":
            self._note(service, self._soon(before), length, None, change_related=False)
        elif kind == "midnight":
            day = datetime.combine((before.at + timedelta(hours=25)).astimezone(TOKYO).date(), time(), TOKYO)
            self._note(service, day + timedelta(hours=23, minutes=30), timedelta(minutes=75), None)
        else:
            wrong = timedelta(hours=-3)
            self._note(service, before.at + timedelta(hours=29), wrong if kind == "dirty" else length, None)

    def _soon(self, shipment: Shipment) -> datetime:
        return shipment.at + timedelta(minutes=self._dice.between(3, 50), seconds=self._dice.between(1, 59))

    def _name(self, cause: Shipment, kind: str) -> str:
        if kind == "named_tag":
            tags = {sha: tag for r in self._repositories.values() for tag, sha in r.tags.items()}
            return tags[cause.sha]
        return cause.sha[:8] if kind == "named_short" else cause.sha

    def _note(
        self,
        service: str,
        opened: datetime,
        length: timedelta | None,
        cause: Shipment | None,
        *,
        kind: str = "outage",
        change_related: bool | None = None,
        ref: str | None = None,
        reopened: bool = False,
        counts: bool = True,
    ) -> None:
        """Write an incident down: for the bot's database and, where it counts, in the service's ledger."""
        resolved = opened + length if length else None
        steps = [("declared", opened)]
        if resolved:
            steps.append(("resolved", resolved))
        if resolved and reopened:
            again = resolved + timedelta(hours=2)
            resolved = again + timedelta(hours=3, minutes=20)
            steps += [("reopened", again), ("resolved", resolved)]
        self.incidents.append(Incident(service, opened, resolved, kind, change_related, ref, steps))
        if counts:
            self._ledgers[service].incident(opened, resolved, cause)

    def write(self, file: Path) -> None:
        """Write the database, a new SQLite file."""
        file.unlink(missing_ok=True)
        dice = Dice("bot")
        with sqlite3.connect(file) as connection:
            connection.executescript(_DDL)
            for number, i in enumerate(self.incidents, 1):
                latest = max(at for _, at in i.steps)
                title, severity = f"{dice.pick(_TITLES)} ({i.service})", dice.pick(("SEV1", "SEV2", "SEV3"))
                row = (
                    number, title, i.service, i.kind, severity,
                    rfc3339(i.opened_at), rfc3339(i.opened_at + timedelta(minutes=2)) if number % 4 else None, None,
                    rfc3339(i.resolved_at) if i.resolved_at else None, "resolved" if i.resolved_at else "open",
                    i.change_related, rfc3339(latest), f"#inc-{number}", i.deploy_ref,
                )  # fmt: skip
                marks = ",".join("?" * len(row))
                connection.execute(f"INSERT INTO incidents VALUES ({marks})", row)  # noqa: S608 - question marks
                for place, (kind, at) in enumerate(i.steps):
                    event = (number * 10 + place, number, kind, "aoki", None if place else "見ています", rfc3339(at))
                    connection.execute("INSERT INTO incident_events VALUES (?, ?, ?, ?, ?, ?)", event)
        connection.close()


def _fitting(ledger: Ledger, since: datetime, room: timedelta) -> Shipment:
    """Find the first new version from *since* on that is live for longer than *room* before the next one."""
    counted = [s for s in ledger.shipments if s.kind != "redeployment"]
    pairs = itertools.pairwise(counted)
    return next(
        s for s, after in pairs if s.at >= since and s.samples and s.kind == "forward" and after.at - s.at > room
    )

"""The simulated company: its accounts, its repositories, and the answer that it knows.

Everything follows from the seed: the same bytes on every machine and every Python, whatever the hash seed and the
time of day. What happens in it is written in `plans.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from fourkeys.sandbox import benchmark, words
from fourkeys.sandbox.bot import Bot
from fourkeys.sandbox.clock import NOW, START, WINDOW, Dice, after_work, days, is_workday, local_date, moment
from fourkeys.sandbox.model import Repository, User
from fourkeys.sandbox.plans import PLANS, Plan
from fourkeys.sandbox.story import Story
from fourkeys.sandbox.talk import Talk
from fourkeys.sandbox.traffic import SERVICE, Traffic

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from fourkeys.sandbox.heroku_apps import App
    from fourkeys.sandbox.ledger import Figure, Ledger
    from fourkeys.sandbox.releases import Row

Source = Literal["heroku", "incidents", "requests"]
SOURCES: tuple[Source, ...] = get_args(Source)
"""The outside systems beside GHES."""
ORGANIZATION = "acme"
_ISSUES_PER_DAY = 0.44


@dataclass(frozen=True, slots=True)
class Company:
    """A company behind a GitHub Enterprise Server.

    Attributes:
        people: accounts, by id.
        repositories: by full name.
        plans: the services on paper.
        ledgers: the notes of each service, in the order of the plans.
        deployment_rows: rows of the stream `deployments`, in the order of time.
        apps: Heroku apps.
        bot: the incident bot; None where it is not played.
        traffic: the request log; None where it is not played.
        now: the servers' clock.
    """

    people: tuple[User, ...]
    repositories: dict[str, Repository]
    plans: tuple[Plan, ...] = ()
    ledgers: tuple[Ledger, ...] = ()
    deployment_rows: tuple[Row, ...] = ()
    apps: tuple[App, ...] = ()
    bot: Bot | None = None
    traffic: Traffic | None = None
    now: datetime = NOW

    @classmethod
    def simulate(cls, seed: int = 4, sources: Collection[Source] = SOURCES) -> Company:
        """Play the year of `plans.PLANS` with the *sources* that are wanted beside GHES.

        Without heroku, the service there writes its deployments down by hand; without incidents or requests, none of
        them happen. Commits, pull requests and deployments are the same.
        """
        people, repositories, ledgers, rows, apps = words.people(), {}, {}, [], []
        plans = [_played(plan, sources) for plan in PLANS]
        for place, plan in enumerate(plans):
            dice = Dice(seed, plan.service, "issues")
            opened = [
                after_work(moment(day, 9, 30, dice.between(1, 59)), dice.below(560))
                for day in days(START, local_date(NOW))
                if is_workday(day) and dice.chance(_ISSUES_PER_DAY)
            ]
            telling = Story(plan, 101 + 10 * place, people, seed).tell(opened)
            if plan.deployments_from == "merges":
                telling.releaser.record_pipeline(telling.ledger.shipments)
            talk = Talk(telling.forge, people, Dice(seed, plan.service, "talk"))
            for number, at in zip(telling.issues, opened, strict=True):
                talk.issue(number, at)
            for draft in telling.drafts:
                talk.pull(draft)
            heads = {d.head: d.shas[-1] for d in telling.drafts if not d.merged and d.ended > NOW}
            created = moment(START, 10) - timedelta(days=41)
            repositories[plan.repository] = telling.forge.finish(plan.description, plan.language, created, heads)
            ledgers[plan.service] = telling.ledger
            rows.extend(telling.releaser.rows)
            if pipeline := telling.releaser.pipeline:
                pipeline.finish(telling.forge.tip())
                apps += [pipeline.production, pipeline.staging]
        repositories |= {repository.full_name: repository for repository in _others()}
        rows.sort(key=lambda row: (str(row["finished_at"]), str(row["deployment_id"])))
        bot = Bot(seed, ledgers, repositories) if "incidents" in sources else None
        traffic = Traffic(ledgers[SERVICE], seed) if "requests" in sources else None
        return cls(people, repositories, tuple(plans), tuple(ledgers.values()), tuple(rows), tuple(apps), bot, traffic)

    @classmethod
    def benchmark(
        cls,
        *,
        issues: int = 5_000,
        pulls: int = 2_000,
        comments: int = 10_000,
        commits: int = 20_000,
        events: int = 10_000,
        releases: int = 100,
        labels: int = 60,
    ) -> Company:
        """Make one large plain repository, acme/widgets, cheaply; *pulls* of the *issues* are pull requests."""
        people = words.people()
        size = benchmark.Size(issues, pulls, comments, commits, events, releases, labels)
        repository = benchmark.repository(f"{ORGANIZATION}/widgets", size, people)
        return cls(people, {repository.full_name: repository})

    @classmethod
    def crowd(cls, count: int) -> Company:
        """Make *count* small repositories: acme/r0000 and so on."""
        people, size = words.people(), benchmark.Size(3, 1, 4, 5, 4, 1, 2)
        names = [f"{ORGANIZATION}/r{number:04}" for number in range(count)]
        made = [benchmark.repository(name, size, people, 1_000 + place) for place, name in enumerate(names)]
        return cls(people, {repository.full_name: repository for repository in made})

    def answer(self, window: tuple[date, date] = WINDOW) -> list[dict[str, Figure]]:
        """Return the keys of every service, by name, for the local days of *window* (end exclusive)."""
        return [ledger.answer(*window) for ledger in sorted(self.ledgers, key=lambda ledger: ledger.service)]


def _played(plan: Plan, sources: Collection[Source]) -> Plan:
    """Return the plan as it can be played: what is on Heroku is written down by hand where there is no Heroku."""
    away = plan.deployments_from == "heroku" and "heroku" not in sources
    return replace(plan, deployments_from="csv") if away else plan


def _others() -> list[Repository]:
    """Return repositories that belong to no service: one with a single page of text, and one without a commit."""
    created = moment(START, 10)
    return [
        Repository(171, f"{ORGANIZATION}/handbook", "How we work 📖", None, "main", created, created),
        Repository(181, f"{ORGANIZATION}/blank", "", None, "main", created, created),
    ]

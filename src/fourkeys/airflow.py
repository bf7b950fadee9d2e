"""The nightly DAG for Airflow 2.10 and 3: wiring only, all the work is the command line's.

A file in the DAG folder makes it, and its sister for runs that people start:

    from fourkeys.airflow import Job, manual_dag, nightly_dag

    job = Job(folder="/srv/fourkeys")
    nightly, manual = nightly_dag(job), manual_dag(job)

Every task is a few `fourkeys` commands in bash, so that people, cron and Airflow share one contract, and fourkeys lives
in a virtual environment of its own. Nothing is read or asked when the file is parsed. See docs/nightly.md.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.timetables.interval import CronDataIntervalTimetable

try:
    from airflow.sdk import DAG, Param, task
except ImportError:
    from airflow.decorators import task
    from airflow.models.dag import DAG
    from airflow.models.param import Param

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HEROKU = "heroku"
SOURCES = ("ghes", HEROKU, "incidents", "requests")
"""What is read, each by a task of its own; one that is not configured is skipped."""

DONE = "done"
"""Id of the last task: what sensors of other DAGs wait for."""

_SKIP = 99
_TIME = r"^([0-9]+[mhdw]|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?)$"


@dataclass(frozen=True, slots=True)
class Job:
    """How the commands run, every night and by hand.

    Attributes:
        folder: working directory of every task, with `fourkeys.toml`; relative paths in it begin here.
        data: where CSV files go, each source in a folder of its own.
        command: the program, if it is not on the path.
        environment: variables besides the worker's own. Secrets are better kept in the worker's.
        sources: which are read.
        parallel: how many sources are read at once; more than 1 needs a warehouse that takes several writers: BigQuery.
        retries: how often a task is tried again; the pause doubles from one try to the next, up to an hour.
        retry_delay: the first pause.
        timeout: most time for one try of one task; a run may take four times as long.
        pool: of Airflow's pools. One slot of its own keeps the two DAGs from opening one DuckDB file at once.
        slack_connection: Airflow connection of a Slack webhook that hears how runs end; needs
            `apache-airflow-providers-slack`.
        on_success: called when a run succeeded.
        on_failure: called when a run failed.
        tags: of the DAG.
    """

    folder: str
    data: str = "fourkeys-data"
    command: str = "fourkeys"
    environment: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[str] = SOURCES
    parallel: int = 1
    retries: int = 2
    retry_delay: timedelta = timedelta(minutes=5)
    timeout: timedelta = timedelta(hours=6)
    pool: str = "default_pool"
    slack_connection: str | None = None
    on_success: Callable[[Any], None] | None = None
    on_failure: Callable[[Any], None] | None = None
    tags: Sequence[str] = ("fourkeys",)


def nightly_dag(
    job: Job, *, dag_id: str = "fourkeys_nightly", schedule: str = "0 2 * * *", timezone: str = "UTC"
) -> DAG:
    """Return the DAG that reads what is new, up to the end of its data interval.

    What was read is stored with the data, so that the night after a missed night reads both, and running any interval
    again, in any order, changes nothing.

    Args:
        job: how the commands run.
        dag_id: of the DAG.
        schedule: cron; the data interval goes from one tick to the next, on Airflow 3 too.
        timezone: IANA zone of the schedule.
    """
    return _dag(dag_id, job, CronDataIntervalTimetable(schedule, timezone=timezone))


def manual_dag(job: Job, *, dag_id: str = "fourkeys_manual") -> DAG:
    """Return the DAG that people start, with the parameters `since` and `until`.

    With `since` it is a backfill, which moves no watermark; without, it goes on where the last run ended.

    Args:
        job: how the commands run.
        dag_id: of the DAG.
    """
    words = {"since": "From here on: RFC 3339, a date, or an age such as 2d", "until": "Up to here, exclusive"}
    params = {
        name: Param(None, type=["null", "string"], pattern=_TIME, description=text)  # noqa: AIR311 - see the imports
        for name, text in words.items()
    }
    return _dag(dag_id, job, None, params)


def source_command(job: Job, source: str, since: str | None = None, until: str | None = None) -> str:
    """Return the bash that reads one source and loads what it gave, also where only a part could be read."""
    program, out = shlex.quote(job.command), shlex.quote(f"{job.data}/{source}")
    return f"""set -euo pipefail
configured=$({program} sources)
grep -qx {shlex.quote(source)} <<< "$configured" || exit {_SKIP}
code=0
{program} extract {shlex.quote(source)}{_flags(since, until)} --out {out} --quiet || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"
{program} load {out} --quiet
exit "$code"
"""


def deployed_command(job: Job, since: str | None = None, until: str | None = None) -> str:
    """Return the bash that reads deployed commits which no source gave: of branches that were never merged."""
    program, out = shlex.quote(job.command), shlex.quote(f"{job.data}/ghes-deployed")
    return f"""set -euo pipefail
configured=$({program} sources)
grep -qx ghes <<< "$configured" || exit {_SKIP}
{program} extract deployed{_flags(since, until)} --out {out} --quiet
[ ! -e {out}/manifest.json ] || {program} load {out} --quiet
"""


def _flags(since: str | None, until: str | None) -> str:
    return "".join(f" --{flag} {shlex.quote(time)}" for flag, time in (("since", since), ("until", until)) if time)


def _dag(dag_id: str, job: Job, schedule: Any, params: Any = None) -> DAG:
    with DAG(
        dag_id=dag_id,
        description="The four keys of software delivery: extract, load, build",
        schedule=schedule,
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=4 * job.timeout,
        default_args={
            "retries": job.retries,
            "retry_delay": job.retry_delay,
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(hours=1),
            "execution_timeout": job.timeout,
            "pool": job.pool,
        },
        params=params,
        tags=list(job.tags),
        on_success_callback=_callbacks(job, job.on_success, "done"),
        on_failure_callback=_callbacks(job, job.on_failure, "failed"),
    ) as dag:
        _tasks(job)
    return dag


def _tasks(job: Job) -> None:
    """Put the tasks into the open DAG: sources, deployed commits, build, done."""
    bash: dict[str, Any] = {"cwd": job.folder, "env": dict(job.environment), "append_env": True}

    # Context comes as arguments, because a run without a logical date has no data interval to render in a template.
    @task.bash(
        task_id="source",
        map_index_template="{{ task.op_kwargs.name }}",
        max_active_tis_per_dagrun=job.parallel,
        **bash,
    )
    def source(name: str, params: Any = None, data_interval_end: Any = None) -> str:
        return source_command(job, name, **_window(params, data_interval_end))

    @task.bash(task_id="deployed", trigger_rule="none_failed", **bash)
    def deployed(params: Any = None, data_interval_end: Any = None) -> str:
        return deployed_command(job, **_window(params, data_interval_end))

    @task.bash(task_id="build", trigger_rule="all_done", **bash)
    def build() -> str:
        return f"{shlex.quote(job.command)} build --quiet"

    # Runs only where nothing failed, so that a source's failure is the run's, and no sensor goes on.
    @task.bash(task_id=DONE, trigger_rule="none_failed", **bash)
    def done() -> str:
        return f"{shlex.quote(job.command)} status"

    # Heroku abbreviates commits: what GHES gave says which they are, and saves asking Heroku about each.
    sources = source.expand(name=[name for name in job.sources if name != HEROKU])
    read, commits, last = [sources], deployed(), done()
    if HEROKU in job.sources:
        heroku = source.override(task_id=HEROKU, trigger_rule="all_done", map_index_template=None)(HEROKU)
        sources >> heroku
        read.append(heroku)
    read >> commits >> build() >> last
    [*read, commits] >> last


def _window(params: Any, end: Any) -> dict[str, str]:
    """Return what the commands read: a person's window, or up to the end of the data interval."""
    window = dict(params or {})
    return window if "until" in window or not end else {**window, "until": end.isoformat()}


def _callbacks(job: Job, given: Callable[[Any], None] | None, word: str) -> list[Any]:
    """Return what is called at the end of a run: the one that is given, and Slack's notifier where it is wanted."""
    callbacks = [given] if given else []
    if job.slack_connection:
        from airflow.providers.slack.notifications.slack_webhook import (  # noqa: PLC0415 - a provider that few need
            SlackWebhookNotifier,
        )

        # The text is made here, not by a template: `airflow dags test` of Airflow 3 has no DAG that could render one.
        def tell(context: Any) -> None:
            text = f"{context['dag'].dag_id} {word}: {context['run_id']}"
            SlackWebhookNotifier(slack_webhook_conn_id=job.slack_connection, text=text).notify(context)

        callbacks.append(tell)
    return callbacks


__all__ = ["DONE", "SOURCES", "Job", "deployed_command", "manual_dag", "nightly_dag", "source_command"]

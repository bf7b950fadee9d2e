"""Run by Airflow's own Python: parse a DAG folder; print as JSON what its DAGs are and what parsing them touched."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from airflow.models.dag import DAG as _DAG  # noqa: F401 - what Airflow loads before it reads any file

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag

OUTSIDE = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "sqlite3.", "urllib.")
"""Audit events of the network, other programs and databases."""
HERE = (sys.prefix, sys.base_prefix, "/usr/share/zoneinfo", str(Path(__file__).parents[2] / "src"))
"""Where files are code or time zones."""

touched: list[str] = []


def notice(event: str, arguments: tuple[Any, ...]) -> None:
    """Note down what is outside of the process; and files that are neither code nor the DAG file."""
    if event.startswith(OUTSIDE) and event != "socket.__new__":
        touched.append(f"{event} {arguments!r}")
    if event == "open" and not str(arguments[0]).startswith((*HERE, sys.argv[1])):
        touched.append(f"open {arguments[0]}")


def described(dag: Any) -> dict[str, Any]:
    """Return what Airflow knows about a DAG."""
    return {
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "timeout": dag.dagrun_timeout.total_seconds(),
        "tasks": {
            task.task_id: {
                "mapped": hasattr(task, "partial_kwargs"),
                "rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
                "retries": task.retries,
                "backoff": bool(task.retry_exponential_backoff),
                "timeout": task.execution_timeout.total_seconds(),
                "after": sorted(task.upstream_task_ids),
            }
            for task in dag.tasks
        },
    }


start = time.process_time()
bag = DagBag(sys.argv[1])
seconds = time.process_time() - start
for name in [name for name in sys.modules if name.split(".")[0] == "fourkeys"]:
    del sys.modules[name]
sys.addaudithook(notice)
DagBag(sys.argv[1])  # once more: what the first time loaded of Airflow is not ours
found = list(touched)
print(  # noqa: T201 - its answer
    json.dumps(
        {
            "seconds": seconds,
            "errors": bag.import_errors,
            "touched": found,
            "dags": {name: described(dag) for name, dag in bag.dags.items()},
        }
    )
)

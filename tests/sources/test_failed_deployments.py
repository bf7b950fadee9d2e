"""Failed deployments, rule by rule, against what the replay knows: which of its deployments were bad.

Run it with `-s` to see the table.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fourkeys import config, pipeline
from fourkeys.files import Output
from fourkeys.sources import heroku, incidents
from fourkeys.streams import STREAMS
from fourkeys.warehouses.duckdb import DuckDB
from fourkeys.window import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from conftest import Replay

pytestmark = pytest.mark.shared

PROGRAM = """
import json, sys
from replay import incidents, requests
from replay.core import MINUTE, iso
from replay.corpus import load
from replay.model import World
world = World([load(sys.argv[1])])
incidents.write_sqlite(sys.argv[2], world, world.now)
(repo,) = world.repos
shas = [commit.sha for commit in repo.commits]
say = lambda kind, **row: print(json.dumps({"kind": kind, **row}))
for commit in repo.commits:
    say("ghes_commits", host="h", repository=repo.full_name, sha=commit.sha,
        parents=json.dumps([shas[p] for p in commit.parents]), authored_at=iso(commit.adate),
        committed_at=iso(commit.cdate))
spans = []
for release in repo.heroku:
    if release.deployment:
        say("truth", version=release.version, bad=release.deployment.bad and not release.deployment.failed)
    if release.slug:
        start, end = release.created - 32 * MINUTE, release.created + 32 * MINUTE
        spans = spans[:-1] + [(spans[-1][0], end)] if spans and start < spans[-1][1] else spans + [(start, end)]
windows = requests.error_windows(repo)
requests.error_windows = lambda _: windows
for start, end in spans:
    for row in requests.minutes(repo, start, end, 60):
        for status, count, errors in (("2xx", row["status_2xx"], 0), ("5xx", row["status_5xx"], row["status_5xx"])):
            say("request_counts", service_key=row["service"], minute=row["ts"], status_class=status, requests=count,
                errors=errors)
"""


JUDGED = """
with all_deployments as (
    select
        deployment_id, cast(substr(ref, 2) as int) as version,
        last_value(if(is_redeployment, null, cast(substr(ref, 2) as int)) ignore nulls) over (order by position)
            as original
    from main.int_deployments
),
said as (
    select undone.undoes_deployment_id as deployment_id
    from main.int_deployments as undone
    inner join raw.heroku_releases as releases on undone.ref = concat('v', releases.version)
    where releases.kind = 'rollback'
)
select version, original, failed_by, deployment_id in (select deployment_id from said) as is_said
from all_deployments inner join main.deployments using (deployment_id)
"""


class Found(NamedTuple):
    """How well bad deployments are found.

    Attributes:
        found: deployments that are called failed.
        right: those of them that the replay calls bad.
        precision: right / found.
        recall: right / all that are bad.
    """

    found: int
    right: int
    precision: float
    recall: float


def compared(found: Collection[int], bad: Collection[int]) -> Found:
    """Compare versions that are called failed with those that are bad."""
    right = len(set(found) & set(bad))
    return Found(len(found), right, right / max(len(found), 1), right / len(bad))


@pytest.fixture(scope="module")
def judged(
    shared: Path, replays: Callable[..., Replay], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[int, set[str]], set[int]]:
    """Return the rules of every deployment but redeployments, by version, and the versions of the bad ones."""
    folder, name = tmp_path_factory.mktemp("judged"), "alphagov__content-store"
    rows: dict[str, list[dict[str, Any]]] = {}
    done = subprocess.run(
        [os.environ.get("FOURKEYS_REPLAY_PYTHON", sys.executable), "-c", PROGRAM,
         str(shared / "corpora" / f"{name}.jsonl.gz"), str(folder / "bot.sqlite")],
        cwd=shared / "replay", capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        row = json.loads(line)
        rows.setdefault(row.pop("kind"), []).append(row)
    app = "content-store"
    commits = {row["sha"] for row in rows["ghes_commits"]}
    known = {sha[:8]: sha for sha in commits}.get
    with Output(folder / "heroku") as output:
        settings = config.Heroku(url=f"{replays(name, '--no-warm').base}/heroku")
        heroku.extract(settings, "key", heroku.Plan((app,), known_commits=known), output, lambda _: None)
    with Output(folder / "incidents") as output:
        url = f"sqlite:///{folder / 'bot.sqlite'}"
        incidents.extract(config.Incidents(), url, incidents.Plan(), output, lambda _: None)
    for stream in ("ghes_commits", "request_counts"):
        write(folder / "given" / f"{stream}.csv", rows[stream])
    service = {
        "name": app, "repositories": ["alphagov/content-store"], "deployments_from": "heroku",
        "heroku_apps": {"production": [app]}, "incident_keys": [app], "request_keys": [app],
    }  # fmt: skip
    warehouse, parsed = DuckDB(":memory:"), config.parse({"services": [service]}, {})
    pipeline.load(warehouse, [folder / each for each in ("heroku", "incidents", "given")], lambda _: None)
    pipeline.build(warehouse, parsed, utc_now())
    deployments = list(warehouse._connection.execute(JUDGED).fetchall())
    rules = {
        version: {
            "older commit" if rule == "rollback" and not is_said else rule
            for rule in (failed_by or "").split(",")
            if rule
        }
        for version, original, failed_by, is_said in deployments
        if version == original
    }
    originals = {version: original for version, original, *_ in deployments}
    return rules, {originals[row["version"]] for row in rows["truth"] if row["bad"] and row["version"] in originals}


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as a stream's CSV."""
    file.parent.mkdir(exist_ok=True)
    header = [column for column in STREAMS[file.stem].header if column in rows[0]]
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, header)
        writer.writeheader()
        writer.writerows(rows)


def test_precision_and_recall(judged: tuple[dict[int, set[str]], set[int]]) -> None:
    """Requests, names and rollbacks are right nine times in ten; together the rules miss hardly any bad deployment.

    A bad redeployment counts as the deployment that it repeats. A deployment of an older commit is a rollback to us and
    stands apart, because the replay deploys some without anything being wrong.
    """
    rules, bad = judged
    names = ("incident_named", "incident_time", "rollback", "older commit", "requests")
    table = {name: compared([v for v, its in rules.items() if name in its], bad) for name in names}
    table["any but older"] = compared([v for v, its in rules.items() if its - {"older commit"}], bad)
    sys.stdout.write(f"\n{len(rules)} deployments, {len(bad)} of them bad\n")
    for name, (found, right, precision, recall) in table.items():
        sys.stdout.write(f"{name:15} {found:4} found {right:4} right precision {precision:.1%} recall {recall:.1%}\n")

    assert table["requests"].precision > 0.9
    assert table["requests"].recall > 0.75
    assert table["incident_named"].precision > 0.9
    assert 1.0 == table["rollback"].precision
    assert table["any but older"].recall > 0.9

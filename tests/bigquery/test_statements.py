"""Every statement that is sent to BigQuery, recorded from the fake, on Google's own analyzer (`make test-sql`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("zetasql", reason="needs the dependency group `sql`: make test-sql")

from conftest_bigquery import NOW, new_warehouse
from fake_bigquery import FakeBigQuery
from statement_analyzer import Analyzer
from typer.testing import CliRunner
from zetasql_engine import Refused

from fourkeys import config, pipeline
from fourkeys.cli._app import app
from fourkeys.mart.explain import FIGURES
from fourkeys.mart.views import models, views
from fourkeys.streams import DERIVED, STREAMS
from fourkeys.warehouses.bigquery._statements import add_columns
from fourkeys.window import Watermark

pytestmark = pytest.mark.zetasql

TOML = """
[sources.ghes]
url = "https://ghe.example.com/api/v3"
[warehouse]
url = "bigquery://{project}/company"
[[services]]
name = "web"
owner = "team"
repositories = ["o/r"]
deployments_from = "csv"
"""
SHA = "d" * 40
COMMITS = 'host,repository,sha,parents\nh,o/r,a,[]\nh,o/r,b,"[""a""]"\nh,o/r,c,"[""b""]"\n'
DEPLOYED = "service,deployment_id,sha,finished_at\nweb,1,a,2025-12-01T00:00:00Z\nweb,2,b,2025-12-02T00:00:00Z\n"
NIGHTS = (
    {"ghes_commits": COMMITS, "deployments": DEPLOYED},
    {"deployments": f"{DEPLOYED}web,3,c,2025-12-03T00:00:00Z\n"},
    {"deployments": f"{DEPLOYED}web,3,c,2025-12-03T00:00:00Z\nweb,4,{SHA},2025-12-04T00:00:00Z\n"},
    {"ghes_commits": f'{COMMITS}h,o/r,{SHA},"[""c""]"\n'},
)
"""All there is to link: the first deployments, one more, one of an unknown commit, that commit."""
GONE = """create or replace view `test-project`.`company`.gone (`a` options (description = 'a'))
options (description = 'a', labels = [('managed_by', 'fourkeys')]) as select 1 as a"""
"""A view of an older version."""
READERS = (
    ["metrics"], ["metrics", "--by", "week", "--service", "web", "--owner", "team"], ["check"], ["status"],
    *(["explain", metric, "--service", "web", "--period", "2025-12"] for metric in FIGURES),
)  # fmt: skip


class Recorded:
    """Statements in the order in which they were sent, with the types of their positional parameters.

    The names of staging tables are all made one.
    """

    def __init__(self, fake: FakeBigQuery) -> None:
        self.sent: dict[str, tuple[str, ...]] = {}
        run = fake.engine._statement

        def record(text: str, named: Any, values: list[Any]) -> Any:
            kinds = {str: "STRING", int: "INT64", float: "FLOAT64"}
            one = re.sub(r"(staging_\w+_)[0-9a-f]{24}", rf"\g<1>{'0' * 24}", text)
            self.sent.setdefault(one, tuple(kinds[type(value)] for value in values))
            return run(text, named, values)

        fake.engine._statement = record  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, ...]]]:
    """Do everything that fourkeys does with a warehouse: load every stream, link, build, read, upgrade, clear away."""
    folder, patch = tmp_path_factory.mktemp("company"), pytest.MonkeyPatch()
    with FakeBigQuery() as fake:
        patch.setenv("BIGQUERY_EMULATOR_HOST", fake.url)
        (folder / "fourkeys.toml").write_text(TOML.format(project=fake.project))
        settings = config.load(folder / "fourkeys.toml", {})
        statements, warehouse = Recorded(fake), new_warehouse(fake)
        for name, stream in STREAMS.items():
            (folder / f"{name}.csv").write_text(",".join(stream.header) + "\n")
            warehouse.load(stream, folder / f"{name}.csv", [Watermark(name, "o/r", NOW, "{}")])
        for night in NIGHTS:
            for name, text in night.items():
                (folder / f"{name}.csv").write_text(text)
                warehouse.load(STREAMS[name], folder / f"{name}.csv")
            pipeline.build(warehouse, settings, NOW)
        for reader in READERS:
            done = CliRunner().invoke(app, [*reader, "--config", str(folder / "fourkeys.toml")])
            assert done.exit_code == 0 or reader == ["check"], (reader, done.exception)
        report = ["report", "--out", str(folder / "report.html"), "--config", str(folder / "fourkeys.toml")]
        assert CliRunner().invoke(app, report).exit_code == 0
        fake.engine.datasets["company_raw"].tables["ghes_labels"].labels["columns"] = "older"
        fake.engine.run(GONE, [])
        upgraded = new_warehouse(fake)
        pipeline.build(upgraded, settings, NOW)
        upgraded.close()
        warehouse.close()
        yield statements.sent
    patch.undo()


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    """BigQuery's analyzer."""
    return Analyzer("test-project")


def tables_for(statement: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return raw tables, views and the staging tables that a statement reads, each with its columns."""
    raw = {name: {c.name: c.type.bigquery for c in s.columns} for name, s in (STREAMS | DERIVED).items()}
    mart = {name: {c: its.type for c, its in model.columns.items()} for name, model in models().items()}
    for name, stream in re.findall(r"\b(staging_(\w+)_[0-9a-f]{24})\b", statement):
        raw[name] = raw[stream]
    return {"company_raw": raw, "company": mart | {"gone": {"a": "INT64"}}}


def kind_of(statement: str) -> str:
    """Return the words with which a statement begins, up to the first name."""
    statement = re.sub(r"^(--.*\n|\s)*", "", statement)
    found = re.match(r"create or replace \w+|(?:create|alter|drop|merge|delete|insert|begin|commit) \w+|\w+", statement)
    assert found
    return found[0]


def test_every_statement_is_bigquerys(recorded: dict[str, tuple[str, ...]], analyzer: Analyzer) -> None:
    """Google's analyzer takes each of them as it was sent; how many there are of each kind is written down."""
    kinds: Counter[str] = Counter()
    refused = {}
    for statement, positional in recorded.items():
        try:
            analyzer.resolve(statement, tables_for(statement), positional)
            kinds[kind_of(statement)] += 1
        except Refused as error:
            refused[statement] = str(error)

    print(f"{sum(kinds.values())} statements: {dict(sorted(kinds.items()))}")  # noqa: T201 - for the docs: pytest -rP
    materialized = sum(model.materialized == "table" for model in models().values())
    least = {
        "create schema": 2,
        "create table": len(STREAMS | DERIVED),
        "create or replace table": materialized,
        "create or replace view": len(views()) - materialized,
        "merge into": len(STREAMS) + 1,
        "alter table": 2,
    }
    others = "drop view", "drop table", "delete from", "insert into", "begin transaction", "commit transaction"

    assert {} == refused
    assert {} == {kind: number for kind, number in least.items() if kinds[kind] < number}
    assert [] == [kind for kind in (*others, "select", "with") if not kinds[kind]]


NUMBERED = """merge into `test-project`.`company_raw`.services as a using (select 1 as service) as b
on a.service = b.service when matched then delete"""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("create schema s options (descriptin = 'x')", "Unknown option: descriptin"),
        (NUMBERED, "No matching signature for operator ="),
        ("drop table `test-project`.`company_raw`.services cascade", "CASCADE"),
        (add_columns("`test-project`.`company_raw`", STREAMS["services"])[0].replace(" exists", ""), "Syntax error"),
    ],
)  # fmt: skip
def test_what_bigquery_refuses(analyzer: Analyzer, statement: str, said: str) -> None:
    """A statement with a slip is refused: unknown options, types that do not fit, words that are not BigQuery's."""
    with pytest.raises(Refused, match=said):
        analyzer.resolve(statement, tables_for(statement))

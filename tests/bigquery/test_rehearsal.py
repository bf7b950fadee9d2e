"""Statements that are tried and not run: `fourkeys build --dry-run`, and what `fourkeys doctor` asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest_bigquery import NOW

from fourkeys import config, pipeline
from fourkeys.config import Warehouse
from fourkeys.errors import WarehouseError
from fourkeys.mart.views import views
from fourkeys.streams import DERIVED, STREAMS
from fourkeys.warehouses import bigquery
from fourkeys.warehouses.bigquery import _connect

if TYPE_CHECKING:
    from fake_bigquery import FakeBigQuery

SETTINGS = config.parse(
    {"services": [{"name": "web", "repositories": ["o/r"], "deployments_from": "csv"}]}, environment={}
)
FILES = {
    "ghes_commits": 'host,repository,sha,parents\nh,o/r,a,[]\nh,o/r,b,"[""a""]"\n',
    "deployments": "service,deployment_id,sha,finished_at\nweb,1,a,2025-12-05T00:00:00Z\nweb,2,b,2025-12-06T00:00:00Z",
}


@pytest.fixture
def project(fake: FakeBigQuery, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Settings of a warehouse on the fake, found as emulators are."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", fake.url)
    return Warehouse(url=f"bigquery://{fake.project}/company")


@pytest.fixture
def built(open_warehouse: Any, tmp_path: Path) -> None:
    """A company that is loaded and built."""
    warehouse = open_warehouse()
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text)
        warehouse.load(STREAMS[name], tmp_path / f"{name}.csv")
    pipeline.build(warehouse, SETTINGS, NOW)


def build(warehouse: bigquery.BigQuery) -> object:
    """Do what a night does after loading."""
    return pipeline.build(warehouse, SETTINGS, NOW)


@pytest.mark.usefixtures("built")
def test_every_statement_is_verified(fake: FakeBigQuery, project: Warehouse) -> None:
    """Tables, merges of all streams, watermarks and views are dry-run, none is refused, and nothing is written."""
    ran = list(fake.engine.statements)
    steps = bigquery.verify(project, lambda: NOW, build)

    assert [] == [step for step in steps if step.refusal]
    asked = [step.text for step in steps if step.bytes is not None]
    assert len(STREAMS) + 1 == sum(text.startswith("merge into") for text in asked)
    assert len(STREAMS) + len(DERIVED) == sum(text.startswith("create table") for text in asked)
    assert len(views()) == sum(text.startswith("create or replace") for text in asked)
    written = fake.engine.statements[len(ran) :]
    assert [] == [text for text in written if not text.startswith(("select", "with"))]
    assert [] == [job for job in fake.jobs.values() if job["configuration"].get("dryRun")]


def test_a_new_project_waits_for_its_first_build(fake: FakeBigQuery, project: Warehouse) -> None:
    """Where nothing is made yet, all that is refused waits for what `fourkeys build` makes; nothing is made."""
    steps = bigquery.verify(project, lambda: NOW, build)
    refused = [step for step in steps if step.refusal]

    assert len(refused) > len(STREAMS)
    assert [] == [step for step in refused if not step.waits]
    assert {} == fake.engine.datasets


@pytest.mark.usefixtures("built")
def test_a_refusal_is_told(fake: FakeBigQuery, project: Warehouse) -> None:
    """A statement that BigQuery does not take is told with its reason; the others are asked all the same."""
    calls: list[str] = []

    def refuse(_number: int, name: str) -> str | None:
        calls.append(name)
        return "accessDenied" if calls.count("jobs.insert query") == 3 and name == "jobs.insert query" else None

    fake.fault = refuse
    steps = bigquery.verify(project, lambda: NOW, build)
    (refused,) = [step for step in steps if step.refusal]

    assert refused.refusal
    assert "accessDenied" in refused.refusal.message
    assert "roles/bigquery.dataEditor" in refused.refusal.hint
    assert not refused.waits
    assert str(refused).startswith("-- bytes unknown: bigquery://")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials nothing can be verified, and the error says how to get some."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(_connect.google.auth, "default", _no_credentials)
    with pytest.raises(WarehouseError) as caught:
        bigquery.verify(Warehouse(url="bigquery://test-project/company"), lambda: NOW, build)

    assert "gcloud auth application-default login" in caught.value.hint


def _no_credentials(**_: Any) -> None:
    raise _connect.google.auth.exceptions.DefaultCredentialsError

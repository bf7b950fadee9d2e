"""From the configuration to a project: who we are, who pays, where the data is, what is the most that it may cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest_bigquery import NOW
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from typer.testing import CliRunner

from fourkeys.cli._app import app
from fourkeys.config import Warehouse
from fourkeys.errors import ConfigError, UsageError, WarehouseError
from fourkeys.streams import STREAMS
from fourkeys.warehouses.bigquery import _connect, connect, parse_url

if TYPE_CHECKING:
    from fake_bigquery import FakeBigQuery

URL = "bigquery://test-project/company"
ADC = AnonymousCredentials()
"""Stands for what `gcloud auth application-default login` leaves."""


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be somebody on this machine."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(_connect.google.auth, "default", lambda scopes: (ADC, "elsewhere"))


@pytest.fixture
def project(fake: FakeBigQuery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A configuration for the fake, found as emulators are."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", fake.url)
    file = tmp_path / "fourkeys.toml"
    file.write_text(
        f'[sources.ghes]\nurl = "https://ghe.example.com/api/v3"\n[warehouse]\nurl = "{URL}"\n[[services]]\n'
        'name = "web"\nrepositories = ["o/r"]\ndeployments_from = "csv"\n'
    )
    return file


def client(**settings: Any) -> Any:
    """Return the client behind a warehouse that is connected with *settings*."""
    return connect(Warehouse(url=URL, **settings), lambda: NOW)._door._client


@pytest.mark.usefixtures("logged_in")
def test_what_the_machine_provides() -> None:
    """Without settings it is the application default, and the project of the address pays."""
    found = client()

    assert ("test-project", ADC, None) == (found.project, found._credentials, found.location)


@pytest.mark.usefixtures("logged_in")
def test_another_project_pays() -> None:
    """Jobs run in the billing project and in the location; tables stay in the project of the address."""
    warehouse = connect(Warehouse(url=URL, billing_project="payer", location="asia-northeast1"), lambda: NOW)
    client: Any = warehouse._door._client

    assert ("payer", "asia-northeast1") == (client.project, client.location)
    assert "`test-project`.`company_raw`" == warehouse.names["raw"]


def test_a_service_account(tmp_path: Path) -> None:
    """A key file says who we are; no other credentials are looked for."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    document = {
        "type": "service_account", "client_email": "loader@test-project.example", "private_key": key.decode(),
        "token_uri": "http://127.0.0.1:1/token",
    }  # fmt: skip
    (tmp_path / "key.json").write_text(json.dumps(document))
    found = client(service_account=str(tmp_path / "key.json"))._credentials

    assert "loader@test-project.example" == found.service_account_email
    assert "https://www.googleapis.com/auth/bigquery" in found.scopes


@pytest.mark.parametrize("text", [None, "{}", "no JSON"])
def test_a_bad_key_file(tmp_path: Path, text: str | None) -> None:
    """A key file that is missing or none is told with its path."""
    file = tmp_path / "key.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=r"service_account .*key\.json"):
        client(service_account=str(file))


@pytest.mark.usefixtures("logged_in")
def test_impersonation() -> None:
    """Who we are acts for another account, for BigQuery and Cloud Storage alone."""
    found = client(impersonate="loader@test-project.example")._credentials

    assert "loader@test-project.example" == found.service_account_email
    assert isinstance(found._source_credentials, AnonymousCredentials)
    assert ["bigquery", "devstorage.read_write"] == [scope.rpartition("/")[2] for scope in found._target_scopes]


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any, the error says how to get some."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(_connect.google.auth, "default", raising(DefaultCredentialsError()))
    with pytest.raises(WarehouseError, match="no credentials of Google") as caught:
        client()

    assert "gcloud auth application-default login" in caught.value.hint


def test_refused_credentials(open_warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that may not act for the other is told as such, not as a stack of calls."""
    warehouse = open_warehouse()
    monkeypatch.setattr(warehouse._door._client, "get_dataset", raising(RefreshError("unable to impersonate")))
    with pytest.raises(WarehouseError, match="credentials were refused: unable to impersonate"):
        warehouse.watermarks()


@pytest.mark.parametrize("url", ["bigquery://p", "bigquery://Project/d", "bigquery://project/d-ash", "bigquery://"])
def test_an_address_that_is_none(url: str) -> None:
    """An address names a project and a dataset."""
    with pytest.raises(ConfigError) as caught:
        parse_url(url)

    assert repr(url) in caught.value.message
    assert "write bigquery://project/dataset" == caught.value.hint


def test_datasets_stay_where_they_are(fake: FakeBigQuery, open_warehouse: Any, labels: Path) -> None:
    """Jobs run where the datasets are; a location that says otherwise is told, and nothing is moved or made."""
    open_warehouse(location="EU").load(STREAMS["ghes_labels"], labels)
    open_warehouse().load(STREAMS["ghes_labels"], labels)
    with pytest.raises(ConfigError, match=r"company_raw in EU, company in EU; \[warehouse\].location is US"):
        open_warehouse(location="US").load(STREAMS["ghes_labels"], labels)

    assert {"EU"} == {job["jobReference"]["location"] for job in fake.jobs.values()}


def test_a_cap_on_what_is_read(fake: FakeBigQuery, open_warehouse: Any, labels: Path) -> None:
    """Every query carries the cap; one that would read more fails, costs nothing, and names the setting."""
    open_warehouse().load(STREAMS["ghes_labels"], labels)
    warehouse = open_warehouse(maximum_bytes_billed=250)
    sql = f"select name from {warehouse.names['raw']}.ghes_labels"
    with pytest.raises(WarehouseError, match="limit for bytes billed: 250") as caught:
        warehouse.query(sql)

    assert "[warehouse].maximum_bytes_billed" in caught.value.hint
    assert 3 == len(open_warehouse(maximum_bytes_billed=300).query(sql))


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("accessDenied", "roles/bigquery.dataEditor"),
        ("quotaExceeded", "a quota of the project is used up"),
        ("notFound", "run `fourkeys build` first"),
    ],
)
def test_refusals_say_what_to_do(fake: FakeBigQuery, open_warehouse: Any, reason: str, hint: str) -> None:
    """What the API refuses for good is told with the next step."""
    fake.fault = lambda _, name: reason if name == "jobs.query" else None
    with pytest.raises(WarehouseError) as caught:
        open_warehouse(read_only=True).query("select 1")

    assert hint in caught.value.hint
    assert caught.value.message.startswith("bigquery://test-project/company: ")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("datasets.get company_raw", "backendError"),
        ("tables.insert", "rateLimitExceeded"),
        ("jobs.insert load", "backendError"),
        ("jobs.insert query", "rateLimitExceeded"),
        ("jobs.get", "backendError"),
        ("jobs.list", "rateLimitExceeded"),
    ],
)
def test_what_passes_is_asked_again(
    fake: FakeBigQuery, open_warehouse: Any, labels: Path, call: str, reason: str
) -> None:
    """A 503, or a limit on the rate, of any call is waited out; the rows are there once."""
    refused = iter([reason])
    fake.fault = lambda _, name: next(refused, None) if name == call else None
    loaded = open_warehouse().load(STREAMS["ghes_labels"], labels)

    assert (3, 3, 0) == (loaded.read, loaded.new, loaded.changed)
    assert fake.calls.count(call) >= 2


def test_dry_run_tells_statements_and_bytes(project: Path, fake: FakeBigQuery) -> None:
    """`build --dry-run` prints what a build would send, with bytes, and writes nothing."""
    built = CliRunner().invoke(app, ["build", "--config", str(project), "--quiet"])
    ran = len(fake.engine.statements)
    done = CliRunner().invoke(app, ["build", "--dry-run", "--config", str(project)])

    assert (0, 0) == (built.exit_code, done.exit_code)
    for text in ("create or replace table `test-project`.`company`.deployments", "begin transaction;",
                 "insert into `test-project`.`company_raw`.services", "-- a load job, free: services.csv"):  # fmt: skip
        assert text in done.stdout
    assert "bytes unknown" not in done.stdout
    assert "-- 100 bytes\nselect" in done.stdout or "-- 0 bytes\nselect" in done.stdout
    assert [] == [text for text in fake.engine.statements[ran:] if not text.startswith(("select", "with"))]


def test_dry_run_without_credentials(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials every statement is told all the same, tables and datasets too, and why there are no bytes."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST")
    monkeypatch.setattr(_connect.google.auth, "default", raising(DefaultCredentialsError()))
    done = CliRunner().invoke(app, ["build", "--dry-run", "--config", str(project)])

    assert 0 == done.exit_code
    assert done.stdout.startswith("-- bigquery://test-project/company: no credentials of Google: the statements alone")
    assert "create schema if not exists `test-project`.`company_raw`" in done.stdout
    assert "create table if not exists `test-project`.`company_raw`.ghes_commits" in done.stdout
    assert "create or replace table `test-project`.`company`.deployments" in done.stdout
    assert " bytes\n" not in done.stdout


def test_dry_run_is_bigquerys(tmp_path: Path) -> None:
    """On DuckDB there is nothing to save."""
    (tmp_path / "fourkeys.toml").write_text('[warehouse]\nurl = "duckdb:///x.duckdb"\n')
    done = CliRunner().invoke(app, ["build", "--dry-run", "--config", str(tmp_path / "fourkeys.toml")])

    assert isinstance(done.exception, UsageError)


def raising(error: Exception) -> Any:
    """Return a function that raises *error*."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail

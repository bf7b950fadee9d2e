"""The report as a file, and what it is made of; no browser needed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from company import HOSTILE, NOW, SILENT, TODAY

from fourkeys import config, pipeline
from fourkeys.cli import main
from fourkeys.mart import views
from fourkeys.mart.metrics import Query, measure
from fourkeys.report import _files, _page, write_report
from fourkeys.warehouses.duckdb import DuckDB

if TYPE_CHECKING:
    from conftest import Built

SCRIPTS = {name: _files.page_file(f"{name}.js") for name in _page.SCRIPTS}


def data_of(page: str) -> dict[str, Any]:
    """Return what the page was given."""
    packed = re.search(r'<script type="application/gzip" id="data">([^<]*)</script>', page)
    assert packed
    return dict(json.loads(gzip.decompress(base64.b64decode(packed[1]))))


@pytest.fixture(scope="module")
def page(built: Built) -> str:
    """The page's source."""
    return built.page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(page: str) -> dict[str, Any]:
    """What the page was given."""
    return data_of(page)


def test_the_page_is_the_same_again(built: Built, warehouse: DuckDB, tmp_path: Path) -> None:
    """The same warehouse at the same time gives the same bytes, and their number is returned."""
    size = write_report(warehouse, built.settings, NOW, tmp_path / "deep" / "again.html")

    assert built.page.read_bytes() == (tmp_path / "deep" / "again.html").read_bytes()
    assert built.page.stat().st_size == size


def test_only_our_own_script_and_style_may_run(page: str) -> None:
    """The policy names the hashes of the one script and the one style, and allows nothing else."""
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy
    assert script
    assert style
    hashes = [base64.b64encode(hashlib.sha256(each[1].encode()).digest()).decode() for each in (script, style)]

    assert (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    ) == policy[1]
    assert 2 == page.count("<script")
    assert HOSTILE not in page


def test_windows_equal_metrics(built: Built, warehouse: DuckDB, data: dict[str, Any]) -> None:
    """The figures of every window, and of the one before it, are those of `measure`, for every service."""
    periods = {each["id"]: each for each in data["periods"]}
    assert ["28d", "90d", "365d"] == [each for each in data["windows"] if not each.endswith("-previous")]
    compared = 0
    for name in ("28d", "90d", "365d"):
        start, end = (date.fromisoformat(periods[name][edge]) for edge in ("from", "to"))
        assert TODAY == end
        for window, first, last in ((name, start, end), (f"{name}-previous", start - (end - start), start)):
            for row in measure(warehouse, built.settings.metrics, Query(start=first, end=last), NOW):
                shown = data["windows"][window][row["service"]]
                for figure in set(shown) & set(row):
                    wanted = row[figure] if row[figure] is None else pytest.approx(row[figure], abs=1e-6)
                    assert wanted == shown[figure], (window, row["service"], figure)
                    compared += 1

    assert 3 * 2 * 7 * 14 == compared


def test_series_equal_metrics(built: Built, warehouse: DuckDB, data: dict[str, Any]) -> None:
    """The weeks of a service are those of `measure`, one after the other without a gap."""
    service = built.company.names[1]
    one = data["series"]["week"][service]
    start = date.fromisoformat(one["start"])
    rows = measure(warehouse, built.settings.metrics, Query((service,), None, start, TODAY, "week"), NOW)

    assert len(rows) == len(one["deployments"])
    for figure in ("deployments", "lead_time_hours_median", "change_failure_rate", "deployment_rework_rate"):
        wanted = [row[figure] if row[figure] is None else pytest.approx(row[figure], abs=1e-6) for row in rows]
        assert wanted == one[figure], figure


def test_rollups_come_from_their_views(warehouse: DuckDB, data: dict[str, Any]) -> None:
    """An owner's and the company's months are rows of their views; nobody added services up."""
    owners = warehouse.query("select * from main.four_keys_owner_monthly where owner = 'team-01' order by period_start")
    company = warehouse.query("select * from main.four_keys_company_monthly order by period_start")
    month = data["series"]["month"]

    for rows, scope in ((owners, "owner:team-01"), (company, "company")):
        wanted = [row["lead_time_hours_median"] for row in rows]
        assert [None if each is None else pytest.approx(each, abs=1e-6) for each in wanted] == month[scope][
            "lead_time_hours_median"
        ]


def test_nothing_to_measure_is_null(data: dict[str, Any]) -> None:
    """A service that was never deployed has counts of 0, and null for rates, medians and scores."""
    row = data["windows"]["90d"][SILENT]

    assert (0, None, None, None, None) == (
        row["deployments"],
        row["change_failure_rate"],
        row["lead_time_hours_median"],
        row["deployment_frequency_score"],
        row["change_failure_score"],
    )
    assert row["is_partial"]


def test_nobody_is_on_the_page(data: dict[str, Any]) -> None:
    """No column of a table names a person."""
    columns = {name for table in data["tables"].values() for name in table}

    assert not [name for name in columns if re.search(r"login|author|user|actor|email|creator|merged_by", name)]


def test_stages_of_windows_are_those_of_the_view(warehouse: DuckDB, built: Built) -> None:
    """The query for windows, over months, gives the rows of `pull_request_stages`."""
    text = _files.page_file("lead_time_stages_of_windows.sql")
    months = "(select 'month' as grain, service, period_start, period_end from main.int_periods where grain = 'month')"
    values = views.settings(built.settings.metrics, NOW)
    found = warehouse.query(views.render(text, warehouse.names, values, months))
    wanted = warehouse.query(
        "select grain, service, period_start, stage, pull_requests, hours_median, hours_p90 "
        "from main.pull_request_stages where grain = 'month' and position <= 4 "
        "and period_start >= (select min(period_start) from main.int_periods) "
        "order by grain, service, period_start, stage"
    )
    known = {(row["service"], row["period_start"]) for row in found}

    assert [row for row in wanted if (row["service"], row["period_start"]) in known] == found
    assert len(found) > 100


def test_waiting_pull_requests_are_those_of_the_week(warehouse: DuckDB, data: dict[str, Any]) -> None:
    """As many pull requests wait as the newest week of merges_and_deployments says, up to 20 a service."""
    weeks = warehouse.query(
        "select service, undeployed_pull_requests as n from main.merges_and_deployments "
        "qualify row_number() over (partition by service order by period_start desc) = 1"
    )
    waiting = data["tables"]["undeployed_pull_requests"]["service"]

    assert {row["service"]: min(row["n"], 20) for row in weeks if row["n"]} == {
        service: waiting.count(service) for service in set(waiting) - {SILENT}
    }


def test_both_languages_have_the_same_words() -> None:
    """Whatever the page says in English it says in Japanese, with the same values in it."""
    english, japanese = (json.loads(_files.page_file(f"words.{language}.json")) for language in ("en", "ja"))

    assert set(english) == set(japanese)
    assert [] == [
        key for key in english if set(re.findall(r"{\w+}", english[key])) != set(re.findall(r"{\w+}", japanese[key]))
    ]


def test_every_check_has_words() -> None:
    """Each data-quality check is explained, and no explanation has lost its check."""
    words = json.loads(_files.page_file("words.en.json"))
    sql = next(view.text for view in views.views() if view.name == "data_quality")

    assert {f"check_{name}" for name in re.findall(r"'(\w+)' as name", sql)} == {
        key for key in words if key.startswith("check_")
    }


def test_every_rule_has_words() -> None:
    """Each rule by which a deployment failed is explained, and no explanation has lost its rule."""
    words = json.loads(_files.page_file("words.en.json"))
    rules = views.models()["int_failures"].columns["failed_by"].description.partition("sorted: ")[2].split(", ")

    assert {f"rule_{name}" for name in rules} == {key for key in words if key.startswith("rule_")}


def test_every_word_is_known() -> None:
    """Each word that the script asks for by name is written down."""
    asked = {key for text in SCRIPTS.values() for key in re.findall(r'\bsay\("(\w+)"[,)]', text)}

    assert len(asked) > 60
    assert set() == asked - set(json.loads(_files.page_file("words.en.json")))


def test_scripts_are_small_and_build_no_markup() -> None:
    """No part is longer than 300 lines, and none turns text into markup or code."""
    for name, text in SCRIPTS.items():
        assert 300 >= len(text.splitlines()), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|fetch\(", text
        )


def test_an_empty_catalog_has_a_page(tmp_path: Path) -> None:
    """Without services the page says so instead of failing."""
    warehouse = DuckDB(":memory:")
    settings = config.parse({}, {})
    pipeline.build(warehouse, settings, NOW)
    write_report(warehouse, settings, NOW, tmp_path / "empty.html")
    found = data_of((tmp_path / "empty.html").read_text(encoding="utf-8"))

    assert [] == found["scopes"]
    assert ["28d", "90d", "365d"] == [each["id"] for each in found["periods"]]


def fourkeys(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    command = [sys.executable, "-m", "fourkeys", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_writes_a_page(built: Built, tmp_path: Path) -> None:
    """`fourkeys report` writes the file it is told, in the language and with the period that were asked for."""
    asked = ("--from", "2026-05-01", "--to", "2026-06-15", "--lang", "ja", "--out", "out.html")
    done = fourkeys("report", "--config", str(built.config_file), *asked, cwd=tmp_path)
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    period = data_of(text)["periods"][0]

    assert (0, "") == (done.returncode, done.stdout), done.stderr
    assert '<html lang="ja">' in text
    assert ("asked", "2026-05-01", "2026-06-15") == (period["id"], period["from"], period["to"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--from", "2026-05-01", "--to", "2026-05-01"), 2, "is not before --to"),
        (("--to", "2026-05-01"), 2, "--to needs --from"),
        (("--out", "/proc/no/such.html"), 1, "--out"),
    ],
)
def test_the_command_says_what_is_wrong(
    built: Built,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    """What does not fit is named, with the next step."""
    monkeypatch.setattr(sys, "argv", ["fourkeys", "report", "--config", str(built.config_file), *arguments])
    with pytest.raises(SystemExit) as ended:
        main()

    assert code == ended.value.code
    assert says in capsys.readouterr().err


def test_a_release_of_heroku_has_its_page(tmp_path: Path) -> None:
    """A deployment by Heroku links to the release in Heroku's dashboard; what has no page has no link."""
    header = "app_id,version,id,app_name,status,first_terminal_status,kind,commit_sha,created_at,updated_at"
    row = "a1,7,0b5c,shop-eu,succeeded,succeeded,deploy,abc,2026-09-01T00:00:00Z,2026-09-01T00:00:00Z"
    (tmp_path / "heroku_releases.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    written = "service,deployment_id,sha,finished_at\nown,d1,abc,2026-09-01T00:00:00Z\n"
    (tmp_path / "deployments.csv").write_text(written, encoding="utf-8")
    heroku = {"name": "shop", "deployments_from": "heroku", "heroku_apps": {"production": ["shop-eu"]}}
    settings = config.parse({"services": [heroku, {"name": "own", "deployments_from": "csv"}]}, {})
    warehouse = DuckDB(":memory:")
    pipeline.load(warehouse, [tmp_path], lambda _: None)
    pipeline.build(warehouse, settings, NOW)
    rows = warehouse.query("select service, url from main.deployments order by service")

    assert [("own", None), ("shop", "https://dashboard.heroku.com/apps/shop-eu/activity/releases/0b5c")] == [
        (row["service"], row["url"]) for row in rows
    ]

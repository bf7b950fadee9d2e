"""The configuration file and the environment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from fourkeys import config
from fourkeys.errors import ConfigError


def test_the_environment_wins_over_the_file() -> None:
    """GITHUB_API_URL and FOURKEYS_WAREHOUSE replace what the file says."""
    data = {"sources": {"ghes": {"url": "https://old.example/api/v3"}}, "warehouse": {"url": "duckdb:///old"}}
    parsed = config.parse(
        data, {"GITHUB_API_URL": "https://ghe.example/api/v3/", "FOURKEYS_WAREHOUSE": "duckdb:///new"}
    )

    assert "https://ghe.example/api/v3" == parsed.sources.ghes.url
    assert "duckdb:///new" == parsed.warehouse.url


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ({"servces": []}, "servces", "did you mean 'services'"),
        ({"metrics": {"timezon": "UTC"}}, "timezon", "did you mean 'timezone'"),
        ({"metrics": {"timezone": "Mars/Olympus"}}, "Mars/Olympus", "IANA"),
        ({"services": [{"name": "No Name"}]}, "No Name", "lower-case"),
        ({"services": [{"name": "a"}, {"name": "a"}]}, "twice", "unique"),
        ({"services": [{"name": "a", "repositories": ["x"]}]}, "owner/name", "owner/name"),
        ({"services": [{"name": "a", "deployments_from": "magic"}]}, "services", ""),
        ({"overrides": [{"service": "x", "deployment": "1", "failed": True}]}, "unknown service 'x'", "known are"),
        ({"services": [{"name": "a"}], "overrides": [{"service": "a"}]}, "says nothing", "deployment"),
        ({"services": [{"name": "a", "repositories": ["x/y", "X/Y"]}]}, "'X/Y' stands twice", ""),
        (
            {"overrides": [{"service": "a", "deployment": "1", "recovered_at": datetime(2026, 3, 4, 13)}]},  # noqa: DTZ001
            "needs an offset",
            "",
        ),
        ({"metrics": {"incident_link_hours": "x"}}, "metrics.incident_link_hours", ""),
        ({"sources": {"ghes": {"url": "ghe.example"}}}, "ghe.example", "https://"),
        ({"sources": {"ghes": {"url": "https://ghe.example/"}}}, "not the API's", "https://ghe.example/api/v3"),
    ],
)
def test_what_does_not_fit_is_named(data: dict[str, object], message: str, hint: str) -> None:
    """What is unknown, of a wrong type or out of range is refused by name, with the next step."""
    with pytest.raises(ConfigError) as caught:
        config.parse(data, {})

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_an_api_may_have_a_host_of_its_own() -> None:
    """github.com and ghe.com answer at the root of a host that begins with `api.`."""
    assert "https://api.github.com" == config.parse({}, {"GITHUB_API_URL": "https://api.github.com"}).sources.ghes.url


def test_without_a_file_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file at all is fine; a file that was asked for must be there."""
    monkeypatch.chdir(tmp_path)

    assert config.Config() == config.load(None, {})
    with pytest.raises(ConfigError, match="no such file"):
        config.load(Path("other.toml"), {})


def test_a_mark_at_the_beginning_of_the_file_is_no_text(tmp_path: Path) -> None:
    """As some editors on Windows write it."""
    file = tmp_path / "fourkeys.toml"
    file.write_text('[metrics]\ntimezone = "Asia/Tokyo"\n', encoding="utf-8-sig")

    assert "Asia/Tokyo" == config.load(file, {}).metrics.timezone


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    """A file that is not TOML is refused with the place."""
    file = tmp_path / "fourkeys.toml"
    file.write_text("[metrics\n")

    with pytest.raises(ConfigError, match="line 1"):
        config.load(file, {})


def test_tokens_come_from_a_command_a_file_or_the_environment(tmp_path: Path) -> None:
    """The command is asked first, then the file, then the named variable."""
    file = tmp_path / "token"
    file.write_text("from-file\n")
    environment = {"GHE_TOKEN": "from-environment"}

    assert "from-environment" == config.Ghes(token_env="GHE_TOKEN").token(environment)
    assert "from-file" == config.Ghes(token_file=str(file), token_env="GHE_TOKEN").token(environment)
    assert "from-command" == config.Ghes(token_command=("echo", "from-command"), token_file=str(file)).token({})
    assert None is config.Ghes().token({})


def test_a_failing_token_command_says_nothing_of_its_output(tmp_path: Path) -> None:
    """What a failed command printed may be a secret, so it is not repeated."""
    with pytest.raises(ConfigError) as caught:
        config.Ghes(token_command=("sh", "-c", "echo s3cret; exit 1")).token({})

    assert "s3cret" not in caught.value.message + caught.value.hint


def test_the_other_sources_have_addresses_and_words() -> None:
    """HEROKU_API_URL wins over the file; failed statuses are words; the database's URL is named, never written."""
    data = {
        "sources": {
            "heroku": {"url": "https://old.example"},
            "requests": {"failed": ["5xx", "429"]},
            "incidents": {"url_env": "BOT_DATABASE", "records": {"table": "cases"}},
        }
    }
    parsed = config.parse(data, {"HEROKU_API_URL": "https://heroku.example/"}).sources

    assert "https://heroku.example" == parsed.heroku.url
    assert {429, *range(500, 600)} == parsed.requests.failed_statuses
    assert "sqlite:///bot.db" == parsed.incidents.url({"BOT_DATABASE": "sqlite:///bot.db"})
    assert ("cases", "opened_at") == (parsed.incidents.records.table, parsed.incidents.records.columns["started_at"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"requests": {"failed": ["bad"]}}, "'bad'"),
        ({"incidents": {"timezone": "Mars/Olympus"}}, "sources.incidents.timezone"),
        ({"requests": {"format": "xml"}}, "sources.requests.format"),
        ({"heroku": {"url": "api.heroku.com"}}, "sources.heroku.url"),
    ],
)
def test_what_does_not_fit_in_a_source_is_named(table: dict[str, object], message: str) -> None:
    """A value that a source cannot take is refused with its place."""
    with pytest.raises(ConfigError) as caught:
        config.parse({"sources": table}, {})

    assert message in caught.value.message

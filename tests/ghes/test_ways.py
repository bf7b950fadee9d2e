"""The ways in which servers and wishes differ: renamed, empty, without GraphQL, other links; windows, options, Apps."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fourkeys import config
from fourkeys.errors import ConfigError
from fourkeys.files import Manifest, Output, read_manifest
from fourkeys.sources.ghes import App, Plan, credentials, extract
from fourkeys.streams import STREAMS
from fourkeys.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Replay

csv.field_size_limit(sys.maxsize)
NAME = "Shopify/toxiproxy"
GHES = tuple(s for s in STREAMS.values() if s.source == "ghes")
SLOW = ("ghes_pull_request_files", "ghes_workflow_jobs", "ghes_deployment_statuses")
MOST = tuple(s for s in GHES if s.name not in SLOW)
PULLS = tuple(STREAMS[f"ghes_pull_request{end}"] for end in ("s", "_commits", "_reviews"))
Tables = dict[str, list[dict[str, str]]]


def read(replay: Replay, out: Path, plan: Plan, token: Any = None, **options: Any) -> tuple[Tables, Manifest]:
    """Extract and return the rows, without the time at which they were read, and the manifest."""
    with Output(out) as output:
        extract(config.Ghes(url=replay.api), token, plan, output, lambda _: None, **options)
    manifest = read_manifest(out)
    assert manifest
    found = {}
    for name, entry in manifest.streams.items():
        with (out / entry.file).open(newline="", encoding="utf-8") as file:
            found[name] = sorted(
                ({key: value for key, value in row.items() if key != "extracted_at"} for row in csv.DictReader(file)),
                key=lambda row: list(row.values()),
            )
    return found, manifest


@pytest.fixture(scope="module")
def replay(replays: Callable[..., Replay]) -> Replay:
    """Return a server of one repository that has had another name, beside an empty one."""
    return replays("Shopify__toxiproxy", "--no-warm", "--alias", f"old/name={NAME}", "--empty-repo", "Shopify/nothing")


@pytest.fixture(scope="module")
def plain(replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return what an ordinary full read gives."""
    return read(replay, tmp_path_factory.mktemp("plain"), Plan(MOST, (NAME,)))[0]


@pytest.mark.shared
def test_a_renamed_repository_keeps_its_name_and_is_read_by_its_id(
    replay: Replay, plain: Tables, tmp_path: Path, recorder: Callable[..., Any]
) -> None:
    """The old name stands in the rows, a warning tells the new one, and the redirect is followed once, not always."""
    transport = recorder()
    found, manifest = read(replay, tmp_path, Plan(MOST, ("old/name",)), transport=transport)

    renamed = {
        name: [row | ({"repository": NAME} if "repository" in row else {}) for row in rows]
        for name, rows in found.items()
    }
    assert {name: len(rows) for name, rows in plain.items()} == {name: len(rows) for name, rows in renamed.items()}
    assert plain["ghes_issues"] == renamed["ghes_issues"]
    assert ("old/name is now called Shopify/toxiproxy; its rows keep the old name",) == (
        manifest.streams["ghes_repositories"].warnings
    )
    assert 1 == sum("/repos/old/name" in str(request.url) for request in transport.requests)


@pytest.mark.shared
def test_an_empty_repository_has_no_rows_and_no_failures(replay: Replay, tmp_path: Path) -> None:
    """A repository without a commit is read like any other, and again."""
    found, manifest = read(replay, tmp_path, Plan(MOST, ("Shopify/nothing",)))
    marks = {(m.stream, m.partition): m for entry in manifest.streams.values() for m in entry.watermarks}
    _, again = read(replay, tmp_path, Plan(MOST, ("Shopify/nothing",), watermarks=marks))

    assert {"ghes_repositories", "ghes_users", "ghes_labels"} >= {name for name, rows in found.items() if rows}
    for each in (manifest, again):
        assert [] == [failure for entry in each.streams.values() for failure in entry.failures]


@pytest.mark.shared
def test_an_organization_is_all_its_repositories(replay: Replay, plain: Tables, tmp_path: Path) -> None:
    """The repositories of an organization are read as if each was named; one that is named too is read once."""
    found, manifest = read(replay, tmp_path, Plan(MOST, (NAME,), organizations=("Shopify",)))

    assert {NAME, "Shopify/nothing"} == {row["repository"] for row in found["ghes_repositories"]}
    assert plain["ghes_issues"] == [row for row in found["ghes_issues"] if row["repository"] == NAME]
    assert not any(entry.failures for entry in manifest.streams.values())


@pytest.mark.shared
def test_an_unknown_organization_is_a_failure_of_its_own(replay: Replay, tmp_path: Path) -> None:
    """What is known is read; the organization that is not is named."""
    labels = STREAMS["ghes_labels"]
    _, manifest = read(replay, tmp_path, Plan((labels,), (NAME,), organizations=("nobody",)))

    (failure,) = manifest.streams["ghes_labels"].failures
    assert ("nobody", True) == (failure.partition, "nobody" in failure.message)


@pytest.mark.shared
@pytest.mark.parametrize("flag", ["--cursor-links", "--named-links"])
def test_links_are_followed_as_they_are(
    replays: Callable[..., Replay], plain: Tables, tmp_path: Path, flag: str
) -> None:
    """Whether links carry cursors or page numbers, ids or names, the rows are the same."""
    other = replays("Shopify__toxiproxy", "--no-warm", flag)
    found, _ = read(other, tmp_path, Plan(MOST, (NAME,)))

    assert len(plain["ghes_issues"]) == len(found["ghes_issues"])
    assert [row["id"] for row in plain["ghes_issues"]] == [row["id"] for row in found["ghes_issues"]]
    assert {name: len(rows) for name, rows in found.items()} == {
        name: len([row for row in rows if row.get("repository") != "Shopify/nothing"]) for name, rows in plain.items()
    }


def without_graphql(request: httpx.Request) -> httpx.Response | None:
    """Answer as a server that has no GraphQL."""
    return httpx.Response(404, json={"message": "Not Found"}) if "graphql" in request.url.path else None


@pytest.mark.shared
def test_without_graphql_the_rows_are_the_same(
    replay: Replay, plain: Tables, tmp_path: Path, recorder: Callable[..., Any]
) -> None:
    """REST gives the same pull requests, commits and reviews, one by one, and a warning says so."""
    found, manifest = read(replay, tmp_path, Plan(PULLS, (NAME,)), transport=recorder(without_graphql))
    numbers = ("node_id", "html_url")  # GraphQL and REST word these differently on this server
    authors = ("author_login", "committer_login")  # GraphQL knows no account of a bot that commits

    for name, rows in found.items():
        left = numbers + (authors if name == "ghes_pull_request_commits" else ())
        assert [{k: v for k, v in row.items() if k not in left} for row in plain[name]] == [
            {k: v for k, v in row.items() if k not in left} for row in rows
        ]
    assert any("one by one" in warning for warning in manifest.streams["ghes_pull_requests"].warnings)


@pytest.mark.shared
def test_without_graphql_a_second_night_asks_for_little(
    replay: Replay, tmp_path: Path, recorder: Callable[..., Any]
) -> None:
    """A server without GraphQL is read incrementally too."""
    transport = recorder(without_graphql)
    _, first = read(replay, tmp_path, Plan(MOST, (NAME,)), transport=transport)
    marks = {(m.stream, m.partition): m for entry in first.streams.values() for m in entry.watermarks}
    again = recorder(without_graphql)
    found, second = read(replay, tmp_path, Plan(MOST, (NAME,), watermarks=marks), transport=again)

    assert len(again.requests) < 30 < len(transport.requests)
    assert not any(entry.failures for entry in second.streams.values())
    assert found["ghes_commits"] == []


@pytest.mark.shared
def test_a_backfill_reads_its_window_and_moves_no_watermark(replay: Replay, plain: Tables, tmp_path: Path) -> None:
    """Rows lie in the half-open window of their cursor; the manifest has the window and no watermarks."""
    since, until = datetime(2019, 3, 1, tzinfo=UTC), datetime(2021, 6, 1, tzinfo=UTC)
    window = Window(since, until)
    found, manifest = read(replay, tmp_path, Plan(MOST, (NAME,), window=window))

    for name in ("ghes_issues", "ghes_issue_comments", "ghes_issue_events", "ghes_pull_requests", "ghes_workflow_runs"):
        cursor = STREAMS[name].cursor or ""
        expected = [row for row in plain[name] if row[cursor] and "2019-03-01" <= row[cursor] < "2021-06-01"]
        assert expected
        assert expected == found[name], name
    landed = [row for row in plain["ghes_commits"] if "2019-03-01" <= row["committed_at"] < "2021-06-01"]
    assert {row["sha"] for row in landed} <= {row["sha"] for row in found["ghes_commits"]}
    assert all(row["committed_at"] < "2021-06-01" for row in found["ghes_commits"])
    for entry in manifest.streams.values():
        assert (since, until, ()) == (entry.since, entry.until, entry.watermarks)


@pytest.mark.shared
def test_the_end_of_the_window_caps_the_watermark(replay: Replay, tmp_path: Path) -> None:
    """A first read up to a moment goes on from that moment; both together are the whole."""
    issues, until = (STREAMS["ghes_issues"],), datetime(2020, 1, 1, tzinfo=UTC)
    before, manifest = read(replay, tmp_path, Plan(issues, (NAME,), window=Window(None, until)))
    marks = {(m.stream, m.partition): m for m in manifest.streams["ghes_issues"].watermarks}
    after, _ = read(replay, tmp_path, Plan(issues, (NAME,), watermarks=marks))
    whole, _ = read(replay, tmp_path, Plan(issues, (NAME,)))

    assert [until] == [mark.at for mark in marks.values()]
    assert all(row["updated_at"] < "2020-01-01" for row in before["ghes_issues"])
    keys = {row["id"] for row in before["ghes_issues"] + after["ghes_issues"]}
    assert {row["id"] for row in whole["ghes_issues"]} == keys


@pytest.mark.shared
def test_extra_roots_and_branches_bring_their_ancestry(replay: Replay, plain: Tables, tmp_path: Path) -> None:
    """A commit that Heroku deployed from a branch comes with its ancestors; what is unknown is a warning."""
    known = {row["sha"] for row in plain["ghes_commits"]}
    pulls = [row for row in plain["ghes_pull_request_commits"] if row["sha"] not in known]
    root, unknown = pulls[0]["sha"], "0" * 40
    commits = (STREAMS["ghes_commits"],)
    found, manifest = read(replay, tmp_path, Plan(commits, (NAME,), roots={NAME: [root, unknown]}))
    found_too, its_manifest = read(replay, tmp_path, Plan(commits, (NAME,), branches=("main", "nowhere")))

    assert known | {root} <= {row["sha"] for row in found["ghes_commits"]}
    assert len(found["ghes_commits"]) == len({row["sha"] for row in found["ghes_commits"]})
    assert any(unknown in warning for warning in manifest.streams["ghes_commits"].warnings)
    assert plain["ghes_commits"] == found_too["ghes_commits"]
    assert (f"{NAME}: there is no branch nowhere",) == its_manifest.streams["ghes_commits"].warnings


@pytest.mark.shared
def test_a_head_that_vanished_is_read_anew(replay: Replay, plain: Tables, tmp_path: Path) -> None:
    """After a force push that swept the last head away, the whole history is read again."""
    commits = (STREAMS["ghes_commits"],)
    _, manifest = read(replay, tmp_path, Plan(commits, (NAME,)))
    (mark,) = manifest.streams["ghes_commits"].watermarks
    assert mark.state
    head = max(plain["ghes_commits"], key=lambda row: row["committed_at"])["sha"]
    lost = replace(mark, state=mark.state.replace(head, "f" * 40))
    assert lost != mark
    found, _ = read(replay, tmp_path, Plan(commits, (NAME,), watermarks={(mark.stream, NAME): lost}))

    branch = {row["sha"] for row in replay.truth("commits", NAME)}
    assert branch == {row["sha"] for row in found["ghes_commits"]}
    assert all(row in plain["ghes_commits"] for row in found["ghes_commits"])


@pytest.mark.shared
def test_one_stream_to_stdout_is_the_files_bytes(replay: Replay, tmp_path: Path) -> None:
    """With one stream, an open file takes what the CSV would."""
    target, labels = io.BytesIO(), STREAMS["ghes_labels"]
    with Output.stdout(labels, target) as output:
        extract(config.Ghes(url=replay.api), None, Plan((labels,), (NAME,)), output, lambda _: None)
    read(replay, tmp_path, Plan((labels,), (NAME,)))
    columns = [line.rsplit(",", 1)[0] for line in target.getvalue().decode().splitlines()]

    assert columns == [line.rsplit(",", 1)[0] for line in (tmp_path / "ghes_labels.csv").read_text().splitlines()]


@pytest.mark.shared
def test_emails_are_written_only_when_asked_for(replay: Replay, plain: Tables, tmp_path: Path) -> None:
    """Without the option there is no address in any file; with it, commits and profiles have theirs."""
    streams = (STREAMS["ghes_commits"], STREAMS["ghes_users"])
    found, _ = read(replay, tmp_path, Plan(streams, (NAME,), with_emails=True, detail=True))

    assert not any("@users.example" in value for rows in plain.values() for row in rows for value in row.values())
    assert all("@" in row["author_email"] for row in found["ghes_commits"])
    assert any("@" in row["email"] for row in found["ghes_users"])


@pytest.mark.shared
def test_detail_brings_the_profiles(replay: Replay, tmp_path: Path) -> None:
    """Names and dates are those of each account's profile, e-mail addresses stay out."""
    found, manifest = read(replay, tmp_path, Plan((STREAMS["ghes_users"],), (NAME,), detail=True))
    expected = {str(row["id"]): (row["name"] or "", row["created_at"]) for row in replay.truth("users", NAME)}

    assert expected == {row["id"]: (row["name"], row["created_at"]) for row in found["ghes_users"]}
    assert {""} == {row["email"] for row in found["ghes_users"]}
    assert len(expected) < manifest.streams["ghes_users"].requests


@pytest.mark.shared
def test_pseudonyms_hide_people_and_keep_the_shape(replay: Replay, plain: Tables, tmp_path: Path) -> None:
    """No login is left in any column of people; the same person has the same pseudonym everywhere."""
    plan = Plan(MOST, (NAME,), pseudonymise_key="key", with_emails=True)
    found, _ = read(replay, tmp_path, plan)
    logins = {row["login"] for row in plain["ghes_users"]}
    columns = [
        (name, column)
        for name, rows in found.items()
        for column in (rows[0] if rows else ())
        if column == "login" or column.endswith("_login")
    ]

    assert logins.isdisjoint({row[column] for name, column in columns for row in found[name]})
    assert {row["login"] for row in found["ghes_users"]} >= {row["author_login"] for row in found["ghes_issues"]} - {""}
    for name in ("ghes_issues", "ghes_commits", "ghes_pull_request_reviews"):
        assert len({row["author_login"] for row in plain[name]}) == len({row["author_login"] for row in found[name]})
    bots = [row["login"] for row in plain["ghes_users"] if row["login"].endswith("[bot]")]
    assert len(bots) == len([row for row in found["ghes_users"] if row["login"].endswith("[bot]")])
    other, _ = read(replay, tmp_path, replace(plan, pseudonymise_key="other"))
    assert {row["login"] for row in other["ghes_users"]}.isdisjoint({row["login"] for row in found["ghes_users"]})


@pytest.fixture(scope="module")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a GitHub App's private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("app") / "key.pem"
    form = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


@pytest.mark.shared
def test_an_app_buys_its_tokens_and_renews_them_in_time(
    replays: Callable[..., Replay], private_key: Path, tmp_path: Path, recorder: Callable[..., Any]
) -> None:
    """A statement signed by the key buys a token below the REST base; near its end another one is bought mid-run."""
    guarded = replays("Shopify__toxiproxy", "--no-warm", "--token", "unknown")
    now = [datetime.now(UTC)]

    def clock() -> datetime:
        now[0] += timedelta(minutes=1)  # with every look at the clock: more than an hour passes in one run
        return now[0]

    transport = recorder()
    app = App("7", "11", str(private_key))
    found, manifest = read(guarded, tmp_path, Plan(MOST, (NAME,)), app, transport=transport, clock=clock)
    bought = [request for request in transport.requests if request.url.path.endswith("/access_tokens")]
    claims = jwt.decode(bought[0].headers["authorization"].removeprefix("Bearer "), options={"verify_signature": False})

    assert {"/api/v3/app/installations/11/access_tokens"} == {request.url.path for request in bought}
    assert ("7", True) == (claims["iss"], claims["exp"] - claims["iat"] <= 600)
    assert len(bought) >= 2
    assert len(found["ghes_issues"]) > 500
    assert not any(entry.failures for entry in manifest.streams.values())


def test_credentials_come_from_the_environment() -> None:
    """A token, or an App in full; both, or an App in part, are errors that name the variable."""
    app = {"GITHUB_APP_ID": "1", "GITHUB_APP_INSTALLATION_ID": "2", "GITHUB_APP_PRIVATE_KEY_PATH": "k.pem"}
    settings = config.Ghes(url="https://h/api/v3")

    assert credentials(settings, {}) is None
    assert credentials(settings, {"GITHUB_API_TOKEN": "t"}) == "t"
    assert credentials(settings, app) == App("1", "2", "k.pem")
    with pytest.raises(ConfigError, match="both"):
        credentials(settings, {**app, "GITHUB_API_TOKEN": "t"})
    with pytest.raises(ConfigError, match="GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY_PATH"):
        credentials(settings, {"GITHUB_APP_ID": "1"})


def test_a_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A missing or broken private key is a configuration error with the next step."""
    broken = tmp_path / "key.pem"
    broken.write_text("no key")
    for path in (broken, tmp_path / "none.pem"):
        settings, plan = config.Ghes(url="http://127.0.0.1:9/api/v3"), Plan(MOST, (NAME,))
        with pytest.raises(ConfigError, match=r"\.pem") as caught, Output(tmp_path / "o") as output:
            extract(settings, App("1", "2", str(path)), plan, output, lambda _: None)
        assert "GITHUB_APP_PRIVATE_KEY_PATH" in caught.value.hint


def test_without_an_address_nothing_is_tried(tmp_path: Path) -> None:
    """No address is a configuration error that says where to put one."""
    with pytest.raises(ConfigError, match="GitHub Enterprise Server") as caught, Output(tmp_path) as output:
        extract(config.Ghes(), None, Plan(MOST, (NAME,)), output, lambda _: None)

    assert "GITHUB_API_URL" in caught.value.hint

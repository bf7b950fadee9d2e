"""Every fault that the replay can inject, alone and together: complete and true, or a clear error."""

from __future__ import annotations

import csv
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from fourkeys import config
from fourkeys.errors import AuthenticationError, NotFoundError, UnreachableError
from fourkeys.files import Output, read_manifest
from fourkeys.http import Patience
from fourkeys.sources.ghes import Plan, extract
from fourkeys.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Replay
    from fourkeys.window import Watermark

csv.field_size_limit(sys.maxsize)
REPOSITORY = "Shopify/toxiproxy"
GHES = tuple(
    s
    for s in STREAMS.values()
    if s.source == "ghes"
    and s.name not in {"ghes_pull_request_files", "ghes_workflow_jobs", "ghes_deployment_statuses"}
)
QUICK = Patience(connect=2, idle=0.5, attempt=5, attempts=12, pause=0.02, longest=0.2, refusals=4, unknown=0.3)
Tables = dict[str, list[tuple[Any, ...]]]
TOGETHER = (
    "500%1;502%2;503%1;reset%2;truncate%2;malformed%2;slow:0.1%1;secondary:0%1;429:0%1;"
    "gqlerror%5~graphql;gqllimit%3~graphql;gqlpartial%5~graphql;hang@40|90"
)


@pytest.fixture(scope="module")
def replay(replays: Callable[..., Replay]) -> Replay:
    """Return a server of one small repository."""
    return replays("Shopify__toxiproxy", "--no-warm")


@pytest.fixture
def faults(replay: Replay) -> Iterator[Callable[..., None]]:
    """Inject faults, which end with the test."""
    yield lambda spec, seed=1: replay.admin("faults", {"spec": spec, "seed": seed, "streak": 2})
    replay.admin("faults", {"spec": ""})


@pytest.fixture(scope="module")
def truth(replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return what is read without faults."""
    return read(replay, tmp_path_factory.mktemp("truth"))


def read(replay: Replay, out: Path, marks: dict[tuple[str, str], Watermark] | None = None, **options: Any) -> Tables:
    """Extract everything and return the rows, sorted, without the time at which they were read."""
    plan = Plan(options.pop("streams", GHES), (REPOSITORY,), watermarks=marks or {})
    with Output(out) as output:
        settings = config.Ghes(url=replay.api)
        extract(settings, options.pop("token", None), plan, output, lambda _: None, patience=QUICK, **options)
    return tables(out)


def tables(out: Path) -> Tables:
    """Return the rows of all CSV files in a folder, sorted, without the time at which they were read."""
    found = {}
    for path in out.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            found[path.stem] = sorted(tuple(row[:-1]) for row in csv.reader(file))
    return found


@pytest.mark.shared
@pytest.mark.parametrize(
    "spec",
    [
        "500%5", "502%5", "503%5", "reset%5", "truncate%5", "malformed%5", "slow:0.2/20", "slow:2@5", "hang@3|30|60",
        "secondary:1@5|40", "429:1@5|40", "primary:1@20", "401@5|50", "gqlerror/3~graphql", "gqllimit/4~graphql",
        "gqlpartial/3~graphql",
    ],
)  # fmt: skip
def test_one_kind_of_fault_loses_nothing(
    replay: Replay, truth: Tables, faults: Callable[..., None], tmp_path: Path, spec: str
) -> None:
    """With any one fault the rows are those of an undisturbed read, and nothing is reported missing."""
    faults(spec)
    found = read(replay, tmp_path)

    assert {name: len(rows) for name, rows in truth.items()} == {name: len(rows) for name, rows in found.items()}
    assert truth == found
    assert sum(replay.admin("stats")["faults"].values()) > 0
    manifest = read_manifest(tmp_path)
    assert manifest
    assert not any(entry.failures for entry in manifest.streams.values())


@pytest.mark.shared
@pytest.mark.parametrize("seed", range(1, 6))
def test_all_faults_together_lose_nothing(
    replay: Replay, truth: Tables, faults: Callable[..., None], tmp_path: Path, seed: int
) -> None:
    """With all faults at once, the rows are those of an undisturbed read."""
    faults(TOGETHER, seed)

    assert truth == read(replay, tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize("spec", ["drift:60/3", "drift:7/1"])
def test_a_server_that_changes_meanwhile_is_caught_up_with(
    replays: Callable[..., Replay], tmp_path: Path, spec: str
) -> None:
    """What changed while pages were read is there after the next run; nothing is lost for ever."""
    moving = replays("Shopify__toxiproxy", "--no-warm", "--now", "2021-08-20T01:02:03Z")
    moving.admin("faults", {"spec": spec})
    read(moving, tmp_path / "first")
    first = read_manifest(tmp_path / "first")
    moving.admin("faults", {"spec": ""})
    assert first
    marks = {(m.stream, m.partition): m for entry in first.streams.values() for m in entry.watermarks}
    read(moving, tmp_path / "second", marks)
    read(moving, tmp_path / "whole")

    for stream in GHES:
        merged: dict[tuple[str, ...], list[str]] = {}
        for part in ("first", "second"):
            with (tmp_path / part / f"{stream.name}.csv").open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    key = tuple(row[name] for name in stream.key)
                    known = merged.get(key)
                    place = stream.header.index("updated_at") if "updated_at" in stream.header else -1
                    if known is None or list(row.values())[place] >= known[place]:
                        merged[key] = list(row.values())
        expected = tables(tmp_path / "whole")[stream.name]
        assert expected == sorted([tuple(row[:-1]) for row in merged.values()] + [stream.header[:-1]]), stream.name


@pytest.mark.shared
def test_a_token_that_ends_for_good_keeps_what_was_done(
    replay: Replay, faults: Callable[..., None], tmp_path: Path
) -> None:
    """When the token is revoked in the middle, what was read stays, and each missing part is named without it."""
    faults("401:sticky@60")
    read(replay, tmp_path, token="secret-token")
    manifest = read_manifest(tmp_path)
    assert manifest
    failures = [failure for entry in manifest.streams.values() for failure in entry.failures]

    assert failures
    assert {REPOSITORY} >= {failure.partition for failure in failures} - {""}
    assert all("401" in failure.message and "token" in failure.hint for failure in failures)
    assert "secret-token" not in (tmp_path / "manifest.json").read_text()
    assert {failure.stream for failure in failures}.isdisjoint(
        mark.stream for entry in manifest.streams.values() for mark in entry.watermarks if mark.partition == REPOSITORY
    )
    assert sum(entry.rows for entry in manifest.streams.values()) > 1000


@pytest.mark.shared
def test_a_wrong_token_is_one_clear_error(replays: Callable[..., Replay], tmp_path: Path) -> None:
    """A wrong token raises at once, names the host, and is not in the message; no file is left."""
    guarded = replays("Shopify__toxiproxy", "--no-warm", "--token", "right")
    with pytest.raises(AuthenticationError) as caught:
        read(guarded, tmp_path, token="wrong-one")

    assert "127.0.0.1" in caught.value.message
    assert "wrong-one" not in caught.value.message + caught.value.hint
    assert "doctor" in caught.value.hint
    assert not list(tmp_path.iterdir())
    assert read(guarded, tmp_path, token="right")


@pytest.mark.shared
def test_an_unknown_repository_is_named(replay: Replay, tmp_path: Path) -> None:
    """One unknown repository alone is an error; beside a known one it is a failure in the manifest."""
    settings, labels = config.Ghes(url=replay.api), STREAMS["ghes_labels"]
    with pytest.raises(NotFoundError, match="no/such"), Output(tmp_path) as output:
        extract(settings, None, Plan(GHES, ("no/such",)), output, lambda _: None, patience=QUICK)
    with Output(tmp_path) as output:
        extract(settings, None, Plan((labels,), (REPOSITORY, "no/such")), output, lambda _: None, patience=QUICK)

    manifest = read_manifest(tmp_path)
    assert manifest
    entry = manifest.streams["ghes_labels"]
    assert ["no/such"] == [failure.partition for failure in entry.failures]
    assert [REPOSITORY] == [mark.partition for mark in entry.watermarks]
    assert entry.rows > 0


def test_an_unreachable_host_is_one_clear_error_soon(tmp_path: Path) -> None:
    """A port where nobody listens is named within seconds."""
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"), Output(tmp_path) as output:
        extract(config.Ghes(url="http://127.0.0.1:9/api/v3"), None, Plan(GHES, ("o/r",)), output, lambda _: None)

    assert time.monotonic() - began < 10

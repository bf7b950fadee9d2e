"""Who runs: fourkeys and its peers, each peer in an environment of its own, installed by name of package."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LISTS = ("issues", "comments", "commits", "events", "releases", "labels")
PYGITHUB, TAP, OCTOKIT = "PyGithub==2.10.0", "meltanolabs-tap-github==1.30.1", "@octokit/rest@22.0.1 octokit@5.0.5"
_STREAMS = {
    "issue_comments": "comments", "pull_requests": "pulls", "issue_events": "events",
    **{name: name for name in ("issues", "commits", "releases", "labels")},
}  # fmt: skip
"""Streams of tap-github: what the others call them."""


@dataclass(frozen=True)
class Contender:
    """One way to read the repository.

    Attributes:
        name: as the tables show it.
        note: how it is asked.
        command: what runs; `{url}` is the REST base, `{folder}` an empty folder for its files.
        lists: what it reads.
        lenient: it needs the server's lenient mode.
        place: folder that it runs in; None: the empty one.
        streams: its standard output are Singer messages.
    """

    name: str
    note: str
    command: tuple[str, ...]
    lists: tuple[str, ...] = (*LISTS, "pulls")
    lenient: bool = False
    place: Path | None = None
    streams: bool = False

    def prepare(self, folder: Path, url: str) -> list[str]:
        """Empty *folder*, write there what the command reads, and return the command."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.streams:
            settings = {"api_url_base": url, "repositories": ["acme/widgets"], "start_date": "2020-01-01T00:00:00Z"}
            (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        return [part.format(url=url, folder=folder) for part in self.command]

    def rows(self, folder: Path) -> dict[str, tuple[int, int]]:
        """Return the rows and the different records that the run wrote, by list."""
        keys: dict[str, list[str]] = {name: [] for name in self.lists}
        if self.streams:
            with (folder / "stdout").open(encoding="utf-8") as lines:
                for message in map(json.loads, lines):
                    if message["type"] == "RECORD" and message["stream"] in _STREAMS:
                        keys[_STREAMS[message["stream"]]].append(_key(message["record"]))
        for name in self.lists if not self.streams else ():
            aliases = {"comments": "issue_comments", "events": "issue_events", "pulls": "pull_requests"}
            paths = (folder / f"{name}.csv", folder / f"ghes_{aliases.get(name, name)}.csv")
            path = next(path for path in paths if path.exists())
            with path.open(encoding="utf-8", newline="") as file:
                keys[name] = [_key(row) for row in csv.DictReader(file)]
        return {name: (len(found), len(set(found))) for name, found in keys.items()}


def _key(row: dict[str, object]) -> str:
    return str(next(row[name] for name in ("sha", "id", "name") if name in row))


def contenders(cache: Path) -> list[Contender]:
    """Return fourkeys and the peers, installed below *cache*; who cannot be installed is left out, and said."""
    ours = (sys.executable, "-m", "fourkeys", "extract", "ghes")
    tail = ("--repo", "acme/widgets", "--out", "{folder}", "--quiet")
    found = [
        Contender(
            "fourkeys", "6 lists, pull requests by GraphQL with reviews and sizes", (*ours, *LISTS, "pulls", *tail)
        ),
        Contender("fourkeys, 6 lists", "without pull requests", (*ours, *LISTS, *tail), LISTS),
    ]
    if python := _pip(cache / "pygithub", PYGITHUB):
        script = str(HERE / "pygithub_lists.py")
        found.append(Contender("PyGithub", "throttle off", (str(python), script, "{url}", "{folder}")))
    if python := _pip(cache / "tap-github", TAP):
        tap = str(python.with_name("tap-github"))
        catalog = _catalog(tap, cache / "tap-github")
        found.append(
            Contender(
                "meltanolabs-tap-github",
                "lenient server",
                (tap, "--config", "{folder}/config.json", "--catalog", str(catalog)),
                lenient=True,
                streams=True,
            )
        )
    if place := _npm(cache / "octokit", OCTOKIT):
        every = (*LISTS, "pulls")

        def octokit(name: str, note: str, library: str, mode: str, lists: tuple[str, ...] = every) -> Contender:
            command = ("node", str(HERE / "octokit_lists.mjs"), library, "{url}", "{folder}", mode, *lists)
            return Contender(name, note, command, lists, place=place)

        found += [
            octokit("octokit", "one list after another", "@octokit/rest", "sequential"),
            octokit("octokit, parallel", "7 lists at once", "@octokit/rest", "parallel"),
            octokit("octokit, parallel, safe", "7 lists at once; throttles and retries", "octokit", "parallel"),
            octokit("octokit, 6 lists", "6 lists at once", "@octokit/rest", "parallel", LISTS),
        ]
    return found


def _pip(place: Path, requirement: str) -> Path | None:
    """Make a virtual environment with *requirement*, unless it is there; return its Python."""
    python, marker = place / "venv" / "bin" / "python", place / "installed"
    if _is(marker, requirement):
        return python
    shutil.rmtree(place, ignore_errors=True)
    steps = [
        [sys.executable, "-m", "venv", str(place / "venv")],
        [str(python), "-m", "pip", "install", "-q", requirement],
    ]
    return python if _install(steps, requirement, marker) else None


def _npm(place: Path, requirement: str) -> Path | None:
    """Make a folder with the npm package *requirement*, unless it is there; return it."""
    marker = place / "installed"
    if _is(marker, requirement):
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "package.json").write_text("{}", encoding="utf-8")
    return (
        place
        if _install([["npm", "install", "--silent", "--prefix", str(place), *requirement.split()]], requirement, marker)
        else None
    )


def _is(marker: Path, requirement: str) -> bool:
    return marker.exists() and marker.read_text(encoding="utf-8") == requirement


def _install(steps: list[list[str]], requirement: str, marker: Path) -> bool:
    """Run the *steps*; say what is wrong if one fails."""
    print(f"installing {requirement}", file=sys.stderr)
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            print(f"{requirement} is left out: there is no {step[0]}", file=sys.stderr)
            return False
        if done.returncode:
            print(f"{requirement} is left out: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return False
    marker.write_text(requirement, encoding="utf-8")
    return True


def _catalog(tap: str, place: Path) -> Path:
    """Let tap-github write its catalog once, and choose the streams in it."""
    path = place / "catalog.json"
    if not path.exists():
        (place / "config.json").write_text('{"repositories": ["acme/widgets"]}', encoding="utf-8")
        command = [tap, "--config", str(place / "config.json"), "--discover"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB")}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        catalog = json.loads(done.stdout)
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = stream["tap_stream_id"] in _STREAMS
        path.write_text(json.dumps(catalog), encoding="utf-8")
    return path

"""The tables of the benchmark."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import contenders

OURS, THEIRS = (
    "fourkeys",
    ("PyGithub", "meltanolabs-tap-github", "octokit", "octokit, parallel", "octokit, parallel, safe"),
)
SIX_OURS, SIX_THEIRS = "fourkeys, 6 lists", ("octokit, 6 lists",)


@dataclass(frozen=True)
class Run:
    """What one run of a contender took.

    Attributes:
        seconds: by the clock on the wall.
        cpu: user and system seconds of the process and its children.
        peak: most resident memory, in MiB.
        requests: that the server counted.
        server_cpu: seconds of the server in the same time.
        load: the machine's load average before.
    """

    seconds: float
    cpu: float
    peak: float
    requests: int
    server_cpu: float
    load: float


Runs = Mapping[str, Sequence[Run]]
Rows = Mapping[str, Mapping[str, tuple[int, int]]]


def markdown(
    field: Sequence[contenders.Contender],
    runs: Runs,
    rows: Rows,
    existing: Mapping[str, int],
    latency: float,
    large: Run | None,
    times: int,
) -> str:
    """Return the results as Markdown."""
    total = sum(existing.values())
    told = (
        "A GHES on loopback as it is installed (no rate limits, GraphQL at `/api/graphql`, links with page numbers) "
        f"that takes {latency * 1000:.0f} ms for each answer; one repository of {total:,} records, 472 pages of 100. "
        f"{max(map(len, runs.values()))} rounds, in turns; median (least-most). Made by `make bench`; see README.md."
    )
    lines = [
        "# One large repository, read in full",
        "",
        told,
        "",
        *_machine(runs),
        "",
        "| contender | reads | wall s | CPU s | peak MiB | requests | rows | lost | twice |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in field:
        mine = runs[each.name]
        found = rows[each.name]
        should = sum(existing[name] for name in each.lists)
        wrote, different = (sum(counts[place] for counts in found.values()) for place in (0, 1))
        lines.append(
            f"| {each.name} | {each.note} | {_spread(mine, _seconds)} | {_spread(mine, _cpu)} "
            f"| {_spread(mine, _peak, 0)} | {_spread(mine, lambda run: run.requests, 0)} "
            f"| {wrote:,} | {should - different:,} | {wrote - different:,} |"
        )
    lines += ["", *_ratios(runs, OURS, THEIRS, "all seven"), *_ratios(runs, SIX_OURS, SIX_THEIRS, "the same six lists")]
    if large:
        told = (
            f"**{times} times the records**: fourkeys {large.seconds:.1f} s, {large.cpu:.1f} s CPU, peak "
            f"{large.peak:.0f} MiB, {large.requests:,} requests (one run, the second of this server; "
            f"the server used {large.server_cpu / large.seconds:.0%} of a core meanwhile)."
        )
        lines += ["", told]
    return "\n".join(lines) + "\n"


def _ratios(runs: Runs, ours: str, theirs: Sequence[str], what: str) -> list[str]:
    """Compare with the best peer of each figure, by medians and in the worst round."""
    present = [name for name in theirs if runs.get(name)]
    if not present or not runs.get(ours):
        return []
    parts = []
    for label, figure in (("wall", _seconds), ("CPU", _cpu), ("peak", _peak)):
        best = min(present, key=lambda name: _median(runs[name], figure))
        ratio = _median(runs[best], figure) / _median(runs[ours], figure)
        each = [figure(b) / figure(a) for a, b in zip(runs[ours], runs[best], strict=True)]
        parts.append(f"{label} 1/{ratio:.1f} of {best} (1/{min(each):.1f} to 1/{max(each):.1f})")
    return [f"**{ours} against the best peer, {what}**: {'; '.join(parts)}.", ""]


def _machine(runs: Runs) -> list[str]:
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    all_runs = [run for mine in runs.values() for run in mine]
    loads = [run.load for run in all_runs]
    busiest = max(run.server_cpu / run.seconds for run in all_runs)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("httpx", "aiohttp", "msgspec"))
    peers = (
        f"{contenders.PYGITHUB}, {contenders.TAP}, {contenders.OCTOKIT}".replace("==", " ")
        .replace("t@", "t ")
        .replace(" octokit ", ", octokit ")
    )
    machine = (
        f"- Machine: {os.cpu_count()} cores, {platform.system()} {platform.machine()}; load before the runs "
        f"{min(loads):.1f}-{max(loads):.1f}, the server used at most {busiest:.0%} of a core."
    )
    return [
        machine,
        f"- Python {platform.python_version()}, Node.js {node.removeprefix('v') or 'none'}; {libraries}; {peers}.",
    ]


def _seconds(run: Run) -> float:
    return run.seconds


def _cpu(run: Run) -> float:
    return run.cpu


def _peak(run: Run) -> float:
    return run.peak


def _median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    return statistics.median(map(figure, runs))


def _spread(runs: Sequence[Run], figure: Callable[[Run], float], digits: int = 1) -> str:
    values = [
        f"{number:.{digits}f}" for number in (_median(runs, figure), min(map(figure, runs)), max(map(figure, runs)))
    ]
    return values[0] if values[1] == values[2] else f"{values[0]} ({values[1]}-{values[2]})"

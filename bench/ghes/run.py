"""Time fourkeys and its peers on one large repository of a loopback GHES: `python bench/ghes/run.py`, or `make bench`.

A warm-up without latency comes first: the server makes its pages, the file caches fill, and every row is counted. Then
the contenders take turns, round by round. Results go to stdout and to bench/results.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import contenders
from server import SIZE

import report

HERE = Path(__file__).parent
EXISTING = {**SIZE, "releases": 100, "labels": 60}
PATIENCE = 1_800  # seconds after which a contender is stopped


@dataclass(frozen=True)
class Server:
    """A benchmark server that runs in a process of its own."""

    address: str

    def control(self, latency: float | None = None) -> tuple[int, float]:
        """Set the latency, if given; return the requests and the CPU seconds so far."""
        query = "" if latency is None else f"?latency={latency}"
        with urllib.request.urlopen(f"{self.address}/bench{query}", timeout=60) as answer:
            told = json.load(answer)
        return told["requests"], told["cpu"]

    def base(self, contender: contenders.Contender) -> str:
        """Return the REST base for a contender."""
        return f"{self.address}{'/lenient' if contender.lenient else ''}/api/v3"


@contextmanager
def serving(scale: int = 1) -> Iterator[Server]:
    """Run a server with *scale* times the usual repository."""
    command = [sys.executable, str(HERE / "server.py"), "--scale", str(scale)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield Server(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()


def measure(contender: contenders.Contender, server: Server, folder: Path) -> report.Run:
    """Let a contender read everything once.

    CPU is that of the process and all its children; the peak is that of the largest process (all have one only).
    """
    url = server.base(contender)
    command = contender.prepare(folder, url)
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {"HOME": str(folder), "LANG": "C.UTF-8", "GITHUB_API_URL": url}
    if not contender.lenient:  # tap-github would show a token to github.com
        environment["GITHUB_API_TOKEN"] = "x"
    requests, server_cpu = server.control()
    load = os.getloadavg()[0]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as talk:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=contender.place or folder, env=environment, stdout=out, stderr=talk)
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    requests_after, server_cpu_after = server.control()
    if process.returncode:
        last = (folder / "stderr").read_text(encoding="utf-8", errors="replace").strip()[-500:]
        raise SystemExit(f"{contender.name} ended with {process.returncode}: {last}")
    return report.Run(
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss / (1024 * (1024 if sys.platform == "darwin" else 1)),
        requests=requests_after - requests,
        server_cpu=server_cpu_after - server_cpu,
        load=load,
    )


def main() -> None:
    """Install, warm up, take turns, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of every contender")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that each answer takes")
    parser.add_argument("--only", nargs="*", help="names of contenders; nothing is written")
    parser.add_argument(
        "--large", type=int, default=10, help="read a repository so many times as large, too; 0: do not"
    )
    options = parser.parse_args()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fourkeys-bench"
    field = [each for each in contenders.contenders(cache) if not options.only or each.name in options.only]
    runs: dict[str, list[report.Run]] = {each.name: [] for each in field}
    rows = {}
    with serving() as server:
        for turn in range(options.rounds + 1):
            server.control(options.latency if turn else 0.0)
            for each in field:
                run = measure(each, server, cache / "work")
                what = f"{f'round {turn}' if turn else 'warm-up'}: {each.name}"
                told = f"{what}: {run.seconds:.1f} s, {run.cpu:.1f} s CPU, {run.requests} requests"
                print(told, file=sys.stderr)
                if turn:
                    runs[each.name].append(run)
                rows[each.name] = each.rows(cache / "work")
    large = None
    if options.large:
        with serving(options.large) as server:
            server.control(0.0)
            measure(field[0], server, cache / "work")  # the server makes its pages
            server.control(options.latency)
            large = measure(field[0], server, cache / "work")
    text = report.markdown(field, runs, rows, EXISTING, options.latency, large, options.large)
    print(text)
    if not options.only:
        (HERE.parent / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

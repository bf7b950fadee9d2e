"""The replay of real histories, for tests that are given its place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so; programs that tests interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Replay:
    """A running replay server."""

    base: str

    @property
    def api(self) -> str:
        """Base of the REST API."""
        return f"{self.base}/api/v3"

    def admin(self, path: str, body: object = None) -> Any:
        """Ask or tell the server itself."""
        url = f"{self.base}/__admin/{path}"
        answer = httpx.get(url) if body is None else httpx.post(url, json=body)
        return answer.raise_for_status().json()

    def truth(self, stream: str, repository: str) -> list[dict[str, Any]]:
        """What a perfect extractor would have, as of now."""
        answer = httpx.get(f"{self.base}/__admin/truth/{stream}", params={"repo": repository}, timeout=60)
        return [msgspec.json.decode(line) for line in answer.raise_for_status().content.splitlines()]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The place of the shared histories; skips where there is none."""
    place = os.environ.get("FOURKEYS_SHARED")
    if not place:
        pytest.skip("FOURKEYS_SHARED is not set")
    return Path(place)


@pytest.fixture(scope="session")
def replays(shared: Path) -> Iterator[Callable[..., Replay]]:
    """Start replay servers: `replays("pallets__flask", "--token", "t")`; all end with the tests."""
    python = os.environ.get("FOURKEYS_REPLAY_PYTHON", sys.executable)
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Replay:
        corpora = [a for a in arguments if "__" in a]
        rest = [a for a in arguments if "__" not in a]
        files = [part for c in corpora for part in ("--corpus", str(shared / "corpora" / f"{c}.jsonl.gz"))]
        process = subprocess.Popen(
            [python, "-m", "replay", *files, "--port", "0", *rest],
            cwd=shared / "replay",
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout
        if not (base := process.stdout.readline().strip()):
            pytest.skip(f"{python} cannot run the replay; set FOURKEYS_REPLAY_PYTHON")
        return Replay(base)

    yield start
    for process in running:
        process.terminate()
        process.wait(10)
        assert process.stdout
        process.stdout.close()

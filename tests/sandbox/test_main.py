"""The server alone, as benchmarks start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import httpx
import pytest


@pytest.mark.parametrize(
    ("arguments", "issues"),
    [(["--benchmark", "--issues", "120", "--pulls", "20", "--commits", "50"], 120), (["--seed", "5"], 0)],
)
def test_server_alone(arguments: list[str], issues: int) -> None:
    """It prints its address as the only line, answers, and ends with 130 when it is interrupted."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "fourkeys.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout
            address = server.stdout.readline().strip()
            answer = httpx.get(f"{address}/repos/acme/widgets/issues?state=all&per_page=1", trust_env=False)
        finally:
            server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=30)
    assert "" == rest
    assert 130 == server.returncode
    if issues:
        assert answer.links["last"]["url"].endswith(f"page={issues}")
    else:
        assert answer.status_code == 404

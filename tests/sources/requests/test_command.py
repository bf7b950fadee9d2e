"""`fourkeys extract requests`, as a user meets it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

LINE = b'{"at":"2026-11-01T00:00:30+09:00","app":"shop","code":503}\n'
FIELDS = '[sources.requests]\nfailed = ["503"]\nfields = { time = "at", service = "app", status = "code" }\n'
EXPECTED = "service_key,minute,status_class,requests,errors,duration_ms_sum\nshop,2026-10-31T15:00:00Z,5xx,2,2,\n"


def fourkeys(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the program with nothing in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "fourkeys", "extract", "requests", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


def without_time(text: str) -> str:
    """Return a CSV without its last column, the time of the run."""
    return "".join(line.rpartition(",")[0] + "\n" for line in text.splitlines())


def test_a_pipe_in_and_a_pipe_out(tmp_path: Path) -> None:
    """Standard input, packed or not, becomes CSV on standard output; talk is on stderr."""
    (tmp_path / "fourkeys.toml").write_text(FIELDS)
    for stdin in (LINE * 2, gzip.compress(LINE * 2)):
        done = fourkeys("-", "--out", "-", cwd=tmp_path, stdin=stdin)

        assert (0, EXPECTED) == (done.returncode, without_time(done.stdout.decode()))
        assert b"-: read\n" == done.stderr


def test_flags_alone_are_enough(tmp_path: Path) -> None:
    """A combined log, its service by flag, no configuration; files come with a manifest."""
    (tmp_path / "access.log.gz").write_bytes(
        gzip.compress(b'::1 - - [01/Nov/2026:00:00:30 +0900] "GET / HTTP/1.1" 503 1 "-" "-"\n' * 2)
    )
    done = fourkeys("*.gz", "--service", "shop", "--quiet", "--out", "out", cwd=tmp_path)

    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)
    assert EXPECTED == without_time((tmp_path / "out" / "request_counts.csv").read_text())
    assert (tmp_path / "out" / "manifest.json").exists()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """No log to read is a matter of configuration; a file that is not there names itself."""
    nothing = fourkeys(cwd=tmp_path)
    missing = fourkeys("gone.log", cwd=tmp_path)

    assert (2, 1) == (nothing.returncode, missing.returncode)
    assert b"no request logs to read" in nothing.stderr
    assert b"gone.log: no such file" in missing.stderr

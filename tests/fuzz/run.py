"""Fuzz the four targets with atheris, guided by coverage: `make fuzz`, or `python tests/fuzz/run.py --seconds 60`.

Each target runs in a process of its own, from seeds made here, for so many seconds. What is found does not end it: one
input of each kind (exception, and the place in fourkeys that it came from) is kept in `.fuzz/<target>/`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = ROOT / ".fuzz"
_MEGABYTES = 1500


def main() -> int:
    """Fuzz, and say what was found; 1 where something was."""
    names = ("csv_loader", "config_parser", "log_parsers", "api_decoders")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", choices=[*names, []], help="all, unless some are named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        fuzz(asked.targets[0], asked.seconds)
        return 0
    found = 0
    for name in asked.targets or names:
        place = KEPT / name
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("found-*"):
            old.unlink()
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, __file__, name, "--inside", "--seconds", str(asked.seconds)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False,
        )  # fmt: skip
        runs = re.findall(r"Done (\d+) runs|^#(\d+)", done.stderr, re.MULTILINE)
        kinds = sorted(place.glob("found-*.txt"))
        count = "".join(runs[-1]) if runs else "no"
        print(f"{name}: {time.monotonic() - began:.0f} s, {count} inputs, {len(kinds)} kinds of failure", flush=True)
        for kind in kinds:
            print(f"  {kind.with_suffix('.bin')}: {kind.read_text().strip().splitlines()[-1][:160]}")
        if done.returncode:
            print(
                "  ended: "
                + "; ".join(line for line in done.stderr.splitlines() if "ERROR" in line or "SUMMARY" in line)
            )
        found += len(kinds) + (done.returncode != 0)
    return 1 if found else 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target in this process, until the time is over."""
    import atheris  # noqa: PLC0415 - only who fuzzes has it

    with atheris.instrument_imports(include=["fourkeys"]):
        import targets  # noqa: PLC0415 - must be imported while atheris watches
    from seeds import seeds  # noqa: PLC0415 - as above

    place = KEPT / name
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds()[name]:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    known: set[str] = set()

    def attempt(data: bytes) -> None:
        try:
            targets.TARGETS[name](data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a find
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "fourkeys" in frame.filename]
            last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
            kind = hashlib.sha256(f"{type(error).__name__} {last.filename} {last.lineno}".encode()).hexdigest()[:8]
            if kind not in known:
                known.add(kind)
                (place / f"found-{kind}.bin").write_bytes(data)
                (place / f"found-{kind}.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="replace")

    limits = [
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={_MEGABYTES}",
        "-timeout=30",
        "-max_len=4096",
        "-len_control=0",
    ]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={place}/", str(corpus)], attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())

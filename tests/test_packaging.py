"""The wheel: built, installed into an empty environment, and run from another folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, with what is installed here."""
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(place.glob("*.whl"))


def test_the_wheel_holds_all_that_is_needed(wheel: Path) -> None:
    """Every SQL file, every dashboard file and the type marker are in the wheel; no test is."""
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {
        f"fourkeys/{file.relative_to(ROOT).as_posix()}"
        for folder in ("sql", "dashboards")
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
    }

    assert files
    assert set() == files - names
    assert "fourkeys/py.typed" in names
    assert not [name for name in names if "test" in name]


def test_the_demo_runs_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed alone, without the checkout and the development tools, the demo works from any folder."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile"]
    install = [*pip, "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=240)
    done = subprocess.run(
        [str(tmp_path / "env" / "bin" / "fourkeys"), "demo"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert 0 == done.returncode, done.stderr
    assert "all as the simulation knows them" in done.stderr


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """With SOURCE_DATE_EPOCH a wheel and an sdist do not depend on when and where they are built."""
    digests = set()
    for number in range(2):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "fourkeys-*", "tests", "bench"))
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "out"), str(copy)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        files = sorted((copy / "out").iterdir())
        digests.add(tuple((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files))

    assert 1 == len(digests)
    assert 2 == len(digests.pop())

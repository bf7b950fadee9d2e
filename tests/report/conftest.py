"""A small made-up company with its report, and a browser to look at it."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chromium import FLAGS, executable
from company import NOW, Company

from fourkeys.report import write_report
from fourkeys.warehouses.duckdb import DuckDB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fourkeys.config import Config


@dataclass(frozen=True)
class Built:
    """A company, built.

    Attributes:
        company: what it is.
        settings: its configuration.
        config_file: the same as a file, with its warehouse.
        database: its DuckDB file.
        pages: its report by language.
    """

    company: Company
    settings: Config
    config_file: Path
    database: Path
    pages: dict[str, Path]

    @property
    def page(self) -> Path:
        """The report in English."""
        return self.pages["en"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the company, and its report in both languages: once, also where several processes test side by side."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "company"
    place.mkdir(exist_ok=True)
    company = Company()
    found = Built(
        company,
        company.settings,
        place / "fourkeys.toml",
        place / "fourkeys.duckdb",
        {language: place / f"{language}.html" for language in ("en", "ja")},
    )
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.config_file.exists():
            build(found, place / "csv")
    return found


def build(wanted: Built, folder: Path) -> None:
    """Build a company from CSV files in *folder*; its configuration comes last, so that it tells that all is there."""
    wanted.company.build(folder, wanted.database)
    warehouse = DuckDB(str(wanted.database), read_only=True)
    for language, file in wanted.pages.items():
        write_report(warehouse, wanted.settings, NOW, file, language=language)  # type: ignore[arg-type]
    warehouse.close()
    url = f'[warehouse]\nurl = "duckdb:///{wanted.database}"\n'
    wanted.config_file.write_text(wanted.company.toml + url, encoding="utf-8")


@pytest.fixture(scope="session")
def warehouse(built: Built) -> Iterator[DuckDB]:
    """Open the company's warehouse."""
    opened = DuckDB(str(built.database), read_only=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium from $FOURKEYS_CHROMIUM or the path; skips without it or without Playwright.

    It ends with its module: while Playwright is there, nothing else in the process can run an event loop.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the dependency group `browser`")
    chromium = executable()
    if not chromium:
        pytest.skip("no Chromium: install Debian's package chromium, or set FOURKEYS_CHROMIUM")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, headless=True, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the script of axe-core, from $FOURKEYS_AXE or where `make test-browser` puts it."""
    file = Path(os.environ.get("FOURKEYS_AXE", Path(__file__).parents[2] / ".venv" / "axe.min.js"))
    if not file.is_file():
        pytest.skip("no axe-core: `make test-browser` fetches it, or set FOURKEYS_AXE to axe.min.js")
    return file.read_text(encoding="utf-8")

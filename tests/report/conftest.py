"""A small made-up company with its report, and a browser to look at it."""

from __future__ import annotations

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
    """Build the company, and its report in both languages."""
    place = tmp_path_factory.mktemp("company")
    company, database = Company(), place / "fourkeys.duckdb"
    settings = company.build(place / "csv", database)
    config_file = place / "fourkeys.toml"
    config_file.write_text(f'{company.toml}[warehouse]\nurl = "duckdb:///{database}"\n', encoding="utf-8")
    pages = {language: place / f"{language}.html" for language in ("en", "ja")}
    warehouse = DuckDB(str(database), read_only=True)
    for language, file in pages.items():
        write_report(warehouse, settings, NOW, file, language=language)  # type: ignore[arg-type]
    warehouse.close()
    return Built(company, settings, config_file, database, pages)


@pytest.fixture(scope="session")
def warehouse(built: Built) -> Iterator[DuckDB]:
    """Open the company's warehouse."""
    opened = DuckDB(str(built.database), read_only=True)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Chromium from $FOURKEYS_CHROMIUM or the path; skips without it or without Playwright."""
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

"""Take the README's picture: the demo's report, as somebody sees it first (`make screenshot`)."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from chromium import FLAGS, executable
from PIL import Image
from playwright.sync_api import sync_playwright

from fourkeys import config
from fourkeys.cli._demo import play
from fourkeys.report import write_report
from fourkeys.sandbox.clock import NOW
from fourkeys.warehouses.duckdb import DuckDB

WIDTH, HEIGHT, COLOURS = 1280, 860, 256


def main(target: Path) -> None:
    """Play the demo, draw its report, and write a picture with few colours to *target*."""
    with tempfile.TemporaryDirectory(prefix="fourkeys-") as folder:
        demo = Path(folder) / "demo"
        play(demo, lambda _: None)
        warehouse = DuckDB(str(demo / "fourkeys.duckdb"), read_only=True)
        write_report(warehouse, config.load(demo / "fourkeys.toml", {}), NOW, demo / "report.html")
        warehouse.close()
        picture = photograph(demo / "report.html")
    target.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(target, optimize=True)
    sys.stderr.write(f"{target}: {target.stat().st_size / 1000:.0f} kB\n")


def photograph(page: Path) -> bytes:
    """Return the top of *page* as PNG."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable(), headless=True, args=list(FLAGS))
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-ready]")
        picture = tab.screenshot()
        browser.close()
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1]))

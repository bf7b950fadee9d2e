"""Measure the report: size, time to build, first paint and time per change of a filter (`make measure-report`)."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chromium import FLAGS, executable
from company import NOW, Company
from playwright.sync_api import sync_playwright

from fourkeys.report import write_report
from fourkeys.warehouses.duckdb import DuckDB

COMPANIES = {"6 services, 460 days": Company(), "50 services, 3 years": Company(services=50, days=1096)}
FRAGMENTS = (
    "period=365d", "period=28d&by=day", "service=service-01", "service=service-01,service-02,service-03&by=day",
    "owner=team-01", "by=day&period=365d", "period=2026-08", "levels=2024", "show=failed&period=365d", "period=90d",
)  # fmt: skip
CHANGE = """fragment => new Promise(done => {
  const start = performance.now();
  const drawn = () => { document.body.offsetHeight; done(performance.now() - start); };
  addEventListener("hashchange", drawn, { once: true });
  location.hash = fragment;
})"""


class Busy:
    """What the page's main thread has spent on the processor; longer on a busy machine, too."""

    def __init__(self, tab: Any) -> None:
        """Measure *tab*."""
        self.session = tab.context.new_cdp_session(tab)
        self.session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
        self.session.send("Performance.enable")

    @property
    def milliseconds(self) -> float:
        """Spent up to now."""
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration") * 1000


def main() -> None:
    """Print a line for each company."""
    with tempfile.TemporaryDirectory(prefix="fourkeys-") as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable(), headless=True, args=list(FLAGS))
        for name, company in COMPANIES.items():
            place = Path(folder) / name.replace(" ", "-")
            settings = company.build(place / "csv", place / "w.duckdb")
            warehouse = DuckDB(str(place / "w.duckdb"), read_only=True)
            start = time.perf_counter()
            size = write_report(warehouse, settings, NOW, place / "report.html")
            took = time.perf_counter() - start
            warehouse.close()
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto((place / "report.html").as_uri())
            tab.wait_for_selector("html[data-ready]")
            paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            busy = Busy(tab)
            changes, works = [], []
            for fragment in FRAGMENTS * 3:
                before = busy.milliseconds
                changes.append(tab.evaluate(CHANGE, fragment))
                works.append(busy.milliseconds - before)
            sys.stdout.write(
                f"{name}: {size / 1000:,.0f} kB, built in {took:.1f} s, first contentful paint {paint:.0f} ms, "
                f"a change {statistics.median(changes):.0f} ms (median), {max(changes):.0f} ms (worst), "
                f"of them the processor's {statistics.median(works):.0f} ms and {max(works):.0f} ms\n"
            )
        browser.close()


if __name__ == "__main__":
    main()

"""The report in a real Chromium: what a team lead sees, clicks and sends to others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from company import HOSTILE, SILENT
from test_page import data_of

from fourkeys.report import _page

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Built

pytestmark = pytest.mark.browser

CARDS = {
    "frequency": ("deployments_per_day", "deployments"),
    "lead_time": ("lead_time_hours_median", "changes"),
    "failure_rate": ("change_failure_rate", "deployments"),
    "recovery": ("failed_deployment_recovery_hours_median", "recovered_failures"),
    "rework": ("deployment_rework_rate", "deployments"),
}
"""Card, its figure, and what it is counted over, by the keys of `fourkeys metrics --format json`."""


@dataclass
class Visit:
    """An open page, and all that went wrong on it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        """The text of an element."""
        return str(self.page.inner_text(selector))

    def values(self, within: str) -> dict[str, float | None]:
        """The figures that are shown within an element, by name."""
        found = self.page.eval_on_selector_all(
            f"{within} data[data-figure]", "all => all.map(each => [each.dataset.figure, each.value])"
        )
        return {name: float(value) if value else None for name, value in found}

    @property
    def fragment(self) -> dict[str, str]:
        """The state in the address."""
        pairs = str(self.page.evaluate("location.hash")).removeprefix("#").split("&")
        return dict(pair.split("=", 1) for pair in pairs if pair)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Any, built: Built) -> Iterator[Open]:
    """Open the report; at the end nothing may have gone wrong and nothing but the file may have been asked for."""
    visits: list[Visit] = []
    contexts = []

    def go(fragment: str = "", *, language: str = "en", width: int = 1280, scheme: str = "light") -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        visit = Visit(context.new_page())
        visit.page.set_default_timeout(10_000)
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("dialog", lambda dialog: (visit.complaints.append(dialog.message), dialog.dismiss()))
        visit.page.goto(built.pages[language].as_uri() + ("#" + fragment if fragment else ""))
        visit.page.wait_for_selector("html[data-ready]")
        visits.append(visit)
        return visit

    yield go
    for each in visits:
        assert [] == each.complaints
        assert ["file"] == [url.partition(":")[0] for url in each.requests]
    for context in contexts:
        context.close()


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("fragment", ["", "service=service-02", "owner=team-01&by=month&levels=2024", "by=day"])
def test_every_view_is_quiet_and_asks_nobody(visit: Open, language: str, fragment: str) -> None:
    """No view makes a request or a complaint, in either language; it has charts, tables and a foot."""
    shown = visit(fragment, language=language)

    assert 6 <= shown.page.locator("figure svg").count()
    assert 5 == shown.page.locator("article.card").count()
    assert "Asia/Tokyo" in shown.text("footer")
    assert "fourkeys" in shown.text("footer")


@pytest.mark.parametrize("period", ["90d", "2026-08"])
def test_numbers_are_those_of_the_command(visit: Open, built: Built, period: str) -> None:
    """For three services, each card's figure and n are those of `fourkeys metrics --format json`."""
    days = {"90d": ("2026-07-03", "2026-10-01"), "2026-08": ("2026-08-01", "2026-09-01")}[period]
    command = [sys.executable, "-m", "fourkeys", "metrics", "--config", str(built.config_file), "--format", "json"]
    done = subprocess.run(
        [*command, "--from", days[0], "--to", days[1]], capture_output=True, text=True, check=True, timeout=60
    )
    wanted = {row["service"]: row for row in json.loads(done.stdout)}
    for service in built.company.names[:3]:
        shown = visit(f"period={period}&service={service}")
        for card, (figure, count) in CARDS.items():
            value = wanted[service][figure]
            found = shown.values(f'[data-key="{card}"]')[figure]
            n = int(shown.page.get_attribute(f'[data-key="{card}"] [data-n]', "data-n"))

            assert (None if value is None else pytest.approx(value, abs=1e-6)) == found, (service, card)
            assert wanted[service][count] == n, (service, card)
            assert readable(figure, value) == shown.text(f'[data-key="{card}"] .value'), (service, card)


def readable(figure: str, value: float | None) -> str:
    """Write a figure as the page does in English, for values as they are here."""
    if value is None:
        return "no data"
    if figure.endswith("_rate"):
        digits = 1 if 0 < value < 0.1 else 0
        return f"{value * 100:.{digits}f}".removesuffix(".0") + "%"
    if figure == "deployments_per_day":
        factor, unit = (1, "a day") if value >= 1 else (7, "a week") if value >= 1 / 7 else (30, "in 30 days")
        return f"{value * factor:.1f}".removesuffix(".0") + f" {unit}"
    size, unit = (1 / 60, "min") if value < 1 else (1, "h") if value < 48 else (24, "days")
    digits = 1 if value / size < 10 and unit != "min" else 0
    return f"{value / size:.{digits}f}".removesuffix(".0") + f" {unit}"


def test_services_beside_each_other_have_their_own_numbers(visit: Open, built: Built) -> None:
    """Two services ticked: each has its row with the figures of its own card, by name, and no number for both."""
    first, second = built.company.names[1:3]
    both = visit(f"service={second},{first}")
    rows = {name: both.values(f'tr[data-service="{name}"]') for name in (first, second)}

    assert 0 == both.page.locator("article.card").count()
    assert [first, second] == both.page.locator("table.services tbody th a").all_inner_texts()
    for name in (first, second):
        alone = visit(f"service={name}")
        for card, (figure, _) in CARDS.items():
            assert alone.values(f'[data-key="{card}"]')[figure] == rows[name][figure]


def test_controls_change_the_view_and_the_link_restores_it(visit: Open) -> None:
    """Each control changes what is shown and the address; the address opened anew shows the same."""
    shown = visit()
    page = shown.page
    page.select_option("#period", "365d")
    page.select_option("#owner", "team-00")
    page.click("#service summary")
    page.check('input[name="service"][value="service-01"]')
    page.check('input[name="by"][value="month"]', force=True)
    page.select_option("#levels", "2021")
    page.select_option("#show", "failed")

    assert {
        "period": "365d",
        "owner": "team-00",
        "service": "service-01",
        "by": "month",
        "levels": "2021",
        "show": "failed",
    } == shown.fragment
    assert "365 days" in shown.text("#cards .sub")
    assert "service-01" == shown.text("#cards h2")
    assert "2021" in shown.text("#chart-lead_time")
    assert all(page.locator('table[data-table="deployments"] tbody tr td:nth-child(7)').all_inner_texts())
    again = visit(page.get_attribute("#view", "href").removeprefix("#"))
    page.click("#service summary")

    assert page.inner_html("main") == again.page.inner_html("main")
    page.select_option("#period", "28d")
    page.go_back()  # the address changed in place: there is nothing to go back to but the empty page
    assert "about:blank" == page.url


def test_a_link_of_nonsense_shows_the_default(visit: Open) -> None:
    """What a link names that is not there is left out."""
    assert visit().page.inner_html("main") == visit(
        "period=x&service=nobody&owner=y&by=z&levels=1&show=q"
    ).page.inner_html("main")


def test_the_link_in_a_row_opens_the_service(visit: Open) -> None:
    """A service's name in the table shows that service alone, and the browser's way back works."""
    shown = visit()
    shown.page.click('tr[data-service="service-03"] a')
    shown.page.wait_for_selector("#cards-title:text-is('service-03')")
    shown.page.go_back()

    shown.page.wait_for_selector("#cards-title:text-is('All services')")


def test_a_card_leads_to_its_rows(visit: Open) -> None:
    """The failures behind a failure rate are as many as the card says, each with its rule."""
    shown = visit("service=service-01&period=365d")
    failed = re.match(r"(\d+) of (\d+)", shown.text('[data-key="failure_rate"] [data-n]'))
    assert failed
    shown.page.click('[data-key="failure_rate"] button >> nth=0')
    rows = shown.page.locator('table[data-table="deployments"] tbody tr')
    while shown.page.is_visible("#deployments > button"):
        shown.page.click("#deployments > button")

    assert "failed" == shown.fragment["show"]
    assert int(failed[1]) == rows.count()
    assert all(row.locator(".tag.bad").count() for row in rows.all())
    assert "https://ghe.example.com/acme/service-01/commit/" in rows.first.inner_html()
    assert "deployments-title" == shown.page.evaluate("document.activeElement.id")


def test_a_definition_is_one_click_away(visit: Open) -> None:
    """The definition opens with the view, the column and the command of the same number."""
    shown = visit("service=service-01")
    shown.page.click('[data-key="lead_time"] button >> nth=1')

    assert "four_keys_weekly.lead_time_hours_median" in shown.text("#definition-lead_time")
    assert "fourkeys metrics --service service-01 --from 2026-07-03 --to 2026-10-01" in shown.text(
        "#definition-lead_time"
    )


def test_charts_have_tables_of_the_same_values(visit: Open) -> None:
    """The table of a chart has one row per period, and the newest one first."""
    shown = visit("service=service-01&period=365d")
    shown.page.click("#chart-lead_time summary")
    rows = shown.page.locator("#chart-lead_time tbody tr")
    dots = shown.page.locator("#chart-lead_time g.line.s1 circle")
    points = dots.evaluate_all("all => all.map(each => each.dataset.tip)")
    values = shown.page.locator("#chart-lead_time tbody td:nth-child(2) data:not(.none)").all_inner_texts()

    assert 53 <= rows.count() <= 54
    assert [re.split(" · n | \\(", text.partition(": ")[2])[0] for text in points] == values[::-1]


def test_the_pointer_reads_a_chart(visit: Open) -> None:
    """Over a chart, the period under the pointer is written out, a line per series with its n; beside it, nothing."""
    shown = visit("service=service-01,service-02")
    plot = shown.page.locator("#chart-lead_time .plot")
    width = plot.bounding_box()["width"]
    plot.hover(position={"x": width - 16, "y": 60})

    assert "week of Sep 28, 2026" == shown.text("#chart-lead_time .tip b")
    assert ["service-01", "service-02"] == [
        text.partition(":")[0] for text in plot.locator(".tip span").all_inner_texts()
    ]
    plot.hover(position={"x": 20, "y": 60})
    assert 0 == plot.locator(".tip").count()


def test_the_page_says_what_waits(visit: Open) -> None:
    """The ways to the sections name the longest wait, as its row does, and go there."""
    shown = visit()
    oldest = shown.text('table[data-table="undeployed_pull_requests"] tbody tr:first-child td:last-child')
    shown.page.click("#to-undeployed")

    assert f"oldest {oldest}" == shown.text("#to-undeployed .tag")
    assert "undeployed-title" == shown.page.evaluate("document.activeElement.id")


def test_bands_carry_their_year_and_their_names_do_not_collide(visit: Open) -> None:
    """The level bands are named beside the plot, with their year, and no name covers another."""
    shown = visit("service=service-01&levels=2024")
    boxes = [each.bounding_box() for each in shown.page.locator("#chart-failure_rate .bandname").all()]
    tops = sorted(box["y"] for box in boxes)

    assert "DORA 2024" in shown.text("#chart-failure_rate .legend")
    assert 4 == len(tops)
    assert all(second - first >= 11 for first, second in pairwise(tops))


def test_nothing_measured_is_no_data(visit: Open) -> None:
    """A service that was never deployed has no data: no zero per cent, no score, no trend."""
    shown = visit(f"service={SILENT}")

    for card in ("lead_time", "failure_rate", "recovery", "rework"):
        assert "no data" == shown.text(f'[data-key="{card}"] .value')
        assert "no score" in shown.text(f'[data-key="{card}"] .score')
    assert "no score" in shown.text('[data-key="frequency"] .score')
    assert "partial period" in shown.text("#cards .sub")


def test_few_samples_say_so(visit: Open, built: Built) -> None:
    """A figure over fewer than five samples is marked, and nothing is called better or worse for it."""
    shown = visit("period=28d&service=" + built.company.names[2])
    recovery = shown.text('[data-key="recovery"]')
    n = int(shown.page.get_attribute('[data-key="recovery"] [data-n]', "data-n"))

    assert n < 5
    assert ("few" in recovery) == (n > 0)
    assert "better" not in recovery
    assert "worse" not in recovery


def test_hostile_titles_are_text(visit: Open) -> None:
    """A title that tries to break out is shown as it is, and an address that is none of the web's is no link."""
    shown = visit("period=365d")
    while shown.page.is_visible("#incidents > button"):
        shown.page.click("#incidents > button")

    assert HOSTILE in shown.text("#incidents")
    assert HOSTILE in shown.text("#undeployed") or HOSTILE in shown.page.content().replace("&lt;", "<").replace(
        "&gt;", ">"
    )
    assert 0 == shown.page.locator("img").count()
    assert 0 == shown.page.locator('a[href^="javascript"]').count()


def test_the_keyboard_reaches_everything(visit: Open) -> None:
    """Tab goes through all controls, cards, charts and tables; keys work the controls, and the focus stays."""
    shown = visit("service=service-01")
    seen = []
    for _ in range(90):
        shown.page.keyboard.press("Tab")
        seen.append(
            shown.page.evaluate(
                "(e => e.id || e.name || e.closest('[id]')?.id + ' ' + e.tagName)(document.activeElement)"
            )
        )

    assert [name for name in ("period", "owner", "service SUMMARY", "by", "levels", "view") if name not in seen] == []
    assert {"cards BUTTON", "chart-lead_time SUMMARY", "stages DIV", "show", "definition-rework SUMMARY"} <= set(seen)
    shown.page.focus("#period")
    shown.page.keyboard.press("ArrowDown")
    shown.page.wait_for_function("location.hash.includes('365d')")
    assert "period" == shown.page.evaluate("document.activeElement.id")
    shown.page.focus('input[name="by"][value="week"]')
    shown.page.keyboard.press("ArrowRight")
    shown.page.wait_for_function("location.hash.includes('by=month')")
    assert "month" == shown.page.evaluate("document.activeElement.value")
    shown.page.focus("#service summary")
    shown.page.keyboard.press("Enter")
    shown.page.focus('input[name="service"][value="service-02"]')
    shown.page.keyboard.press("Space")
    shown.page.wait_for_function("location.hash.includes('service-01,service-02')")
    assert "service-02" == shown.page.evaluate("document.activeElement.value")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("fragment", "width"), [("", 1280), ("service=service-02&levels=2024", 390)])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_axe_finds_nothing(visit: Open, axe: str, scheme: str, fragment: str, width: int, language: str) -> None:
    """axe-core finds nothing, serious or not, with everything open; contrast is at least 4.5 to 1."""
    shown = visit(fragment, scheme=scheme, width=width, language=language)
    shown.page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = each.id !== 'service' })")
    shown.page.evaluate(axe)
    found = shown.page.evaluate("axe.run(document, { resultTypes: ['violations', 'incomplete'] })")

    assert [] == [
        (each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]][:3]) for each in found["violations"]
    ]
    contrast = [each for each in found["passes"] if each["id"] == "color-contrast"]
    assert contrast


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(visit: Open, width: int) -> None:
    """The page itself never scrolls sideways; wide tables scroll within their frames."""
    shown = visit("", width=width)

    assert width == shown.page.evaluate("document.documentElement.scrollWidth")


def test_it_prints(visit: Open) -> None:
    """On paper there are figures and charts, and no controls; it fits on few pages."""
    shown = visit("service=service-01")
    shown.page.emulate_media(media="print")

    assert not shown.page.is_visible("#controls")
    assert shown.page.is_visible('[data-key="lead_time"] .value')
    pages = len(re.findall(rb"/Type\s*/Page\b", shown.page.pdf(format="A4", landscape=True)))
    assert 1 <= pages <= 8


def test_it_prints_well(visit: Open) -> None:
    """On paper there are no controls, definitions are open, and nothing is wider than an A4 page or its column."""
    shown = visit(width=794)
    shown.page.emulate_media(media="print")
    widest = shown.page.evaluate(
        "Math.max(...[...document.querySelectorAll('section, table, svg')].map(e => e.getBoundingClientRect().right))"
    )

    assert 794 >= widest
    for control in ("#controls", "nav", ".card .links", "#deployments button"):
        assert not shown.page.locator(control).first.is_visible(), control
    assert "four_keys_weekly.change_failure_rate" in shown.text("#definition-failure_rate")
    assert shown.page.is_visible("#definition-failure_rate code >> nth=0")


def test_many_services_are_shown_a_dozen_at_a_time(browser: Any, built: Built, tmp_path: Path) -> None:
    """Of fourteen services the first twelve stand beside each other, with the way to the others."""
    data = data_of(built.page.read_text(encoding="utf-8"))
    silent = next(each for each in data["scopes"] if each["id"] == SILENT)
    data["scopes"] += [{**silent, "id": f"copy-{number}", "name": f"copy-{number}"} for number in range(7)]
    page = tmp_path / "many.html"
    page.write_text(_page.render(data, "en"), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(page.as_uri())
    tab.wait_for_selector("html[data-ready]")
    rows = tab.locator("table.services tbody tr")

    assert (12, "12 of 14 rows") == (rows.count(), tab.inner_text("#services .status"))
    tab.click("#services > button")
    assert (14, False) == (rows.count(), tab.is_visible("#services > button"))
    assert 12 == tab.locator("#stages tbody tr").count()
    tab.close()

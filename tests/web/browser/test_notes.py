"""A coordinator finds somebody, notes what there is to do, does it, and looks at a day in the past; without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import fitting
from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe, violations


def look(page: Page) -> None:
    """Find fault with the page as it stands."""
    page.wait_for_load_state()
    assert fitting.faults(page) == [], page.url
    assert (
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1"
            " && getComputedStyle(e).overflowX === 'visible' && e.clientWidth > 0"
            " && !e.closest('.visually-hidden')).map(e => e.outerHTML.slice(0, 80))"
        )
        == []
    ), page.url
    assert violations(page) == [], page.url


@needs_axe
@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(360, "nb", "light"), (1280, "en", "dark"), (360, "en", "dark"), (1280, "nb", "light")],
)
def test_a_follow_up(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    with visitors.visit("coordinator", language, theme=theme, width=width) as page:
        page.fill("#everywhere", "boe")
        page.press("#everywhere", "Enter")
        expect(page).to_have_url(re.compile(r"/search\?q=boe$"))
        look(page)
        found = page.locator("main li a[href^='/mentors/']").first
        assert "bøe" in found.inner_text().casefold()
        found.click()
        look(page)
        person = page.url
        page.click("a[href$='/notes']")
        text = f"{width} {language}: the course in spring"
        page.fill("#text", text)
        page.fill("#due_on", "31.2.2026")
        page.click("form[action$='/notes'] button")
        expect(page.locator(".summary")).to_be_focused()
        look(page)
        expect(page.locator("#text")).to_have_value(text)
        page.fill("#due_on", "1.3.2026")
        page.click("form[action$='/notes'] button")
        expect(page.locator(".written").first).to_have_text(text)
        look(page)
        page.goto("/follow-ups")
        row = page.locator("tbody tr", has_text=text)
        look(page)
        row.locator("button").click()
        expect(page.locator("[role=status]")).to_be_visible()
        expect(page.locator("tbody tr", has_text=text)).to_have_count(0)
        page.goto(person)
        page.click("a[href$='/on']")
        page.fill("#day", "1.6.2025" if language == "nb" else "1 June 2025")
        page.check("#known")
        page.click("main form button")
        expect(page).to_have_url(re.compile(r"/on\?day=1"))
        look(page)
        page.goto("/certifications/on?day=2024-06-01")
        look(page)
        page.goto("/help/coordinator")
        look(page)


def test_a_guide_is_printed_on_one_page(visitors: Visitors) -> None:
    for who, language in (("coordinator", "nb"), ("administrator", "en"), ("mentor", "nb")):
        with visitors.visit(who, language) as page:  # type: ignore[arg-type]
            page.goto("/help")
            assert page.pdf(format="A4").count(b"/Type /Page\n") == 1

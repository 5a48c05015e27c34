"""No page of a large organisation (219 chapters, 600 peer mentors) is longer on a phone than a reader scrolls."""

from typing import Final

import pytest
from playwright.sync_api import Page

from tests.web.browser.conftest import Language, Visitors, Who
from tests.web.browser.crawling import pages

PHONE: Final = 360
SCREEN: Final = 800
# Fifty people with four certifications each, a line for each of them (in English, some take two), and what stands
# over them: a dozen strokes of a thumb lead to the end. What is longer is folded, searched or divided into pages.
SCREENS: Final = 14


def height(page: Page) -> float:
    """Return how many screens high the page is."""
    return round(float(page.evaluate("document.documentElement.scrollHeight")) / SCREEN, 1)


@pytest.mark.parametrize(
    ("who", "language"),
    [("administrator", "nb"), ("administrator", "en"), ("coordinator", "nb"), ("mentor", "en")],
)
def test_no_page_is_longer_than_one_scrolls(visitors: Visitors, who: Who, language: Language) -> None:
    with visitors.visit(who, language, width=PHONE, height=SCREEN) as page:
        heights = {kind: height(page) for kind in pages(page)}
    assert {kind: screens for kind, screens in heights.items() if screens > SCREENS} == {}


@pytest.mark.parametrize(("path", "cell"), [("/mentors", "Kontakt"), ("/certifications", "Lag")])
def test_the_rest_of_the_rows_is_unfolded(visitors: Visitors, path: str, cell: str) -> None:
    with visitors.visit("administrator", "nb", width=PHONE, height=SCREEN, javascript=False) as page:
        page.goto(path)
        first = page.locator(f"tbody tr td[data-label='{cell}']").first
        assert not first.is_visible()
        page.locator(".whole-rows input").check()
        assert first.is_visible()
        page.set_viewport_size({"width": 1100, "height": SCREEN})
        assert first.is_visible()


def test_chapters_are_found_by_county_and_by_search(visitors: Visitors) -> None:
    with visitors.visit("administrator", "nb", width=PHONE, height=SCREEN, javascript=False) as page:
        for path in ("/admin/chapters", "/chapters"):
            page.goto(path)
            rows = page.locator("tbody tr").locator("visible=true")
            assert rows.count() == 0
            page.locator("summary", has_text="Buskerud").click()
            assert 1 < rows.count() < 25
            page.get_by_role("searchbox", name="Finn et lag").fill("buskerud")
            page.get_by_role("search", name="Finn et lag").get_by_role("button", name="Vis").click()
            assert rows.count() == 1
            page.get_by_role("searchbox", name="Finn et lag").fill("finnes ikke")
            page.get_by_role("search", name="Finn et lag").get_by_role("button", name="Vis").click()
            assert "Ingen treff" in page.locator(".notice").inner_text()

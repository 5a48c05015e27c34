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


@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("who", ["administrator", "coordinator", "mentor"])
def test_the_menu_takes_two_lines(visitors: Visitors, who: Who, language: Language) -> None:
    """Folded but for the page that is open; a box unfolds it with the keyboard alone."""
    with visitors.visit(who, language, width=PHONE, height=SCREEN, javascript=False) as page:
        paths = page.locator("nav.main a").evaluate_all(
            "links => links.map(link => link.getAttribute('href'))"
        )
        for path in paths:
            page.goto(path)
            entries = page.locator("nav.main li").locator("visible=true")
            tops = {round(box["y"]) for entry in entries.all() if (box := entry.bounding_box())}
            assert len(tops) <= 2, path
            assert path.startswith("/public") or page.locator("nav.main [aria-current]").is_visible()
        if who != "mentor":
            page.goto("/overview")
            page.locator("nav.main input").focus()
            page.keyboard.press("Space")
            assert page.locator("nav.main a").locator("visible=true").count() == len(paths)


def test_what_is_not_there_takes_no_line(visitors: Visitors) -> None:
    """Of the forecast, whose certifications no course renews."""
    with visitors.visit("coordinator", "nb", width=PHONE, height=SCREEN) as page:
        page.goto("/forecast?outlook=nothing_planned")
        assert page.locator("tbody tr").count() > 0
        assert page.locator("tbody tr td:empty").locator("visible=true").count() == 0
        assert "–" not in page.locator("tbody").inner_text()
        assert height(page) <= SCREENS


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

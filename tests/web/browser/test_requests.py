"""A peer mentor asks for a renewal, a coordinator asks back and approves; without JavaScript."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe
from tests.web.browser.test_notes import look


def yesterday() -> str:
    """Return the day before today in the sample organisation."""
    return (datetime.now(ZoneInfo("Europe/Oslo")) - timedelta(days=1)).date().isoformat()


@needs_axe
@pytest.mark.parametrize(("width", "language", "theme"), [(360, "nb", "light"), (1280, "en", "dark")])
def test_a_request(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    text = f"{width} {language}: the course"
    with (
        visitors.visit("mentor", language, theme=theme, width=width, javascript=False) as me,
        visitors.visit("administrator", language, theme=theme, width=width, javascript=False) as page,
    ):
        link = me.locator("a[href$='/request']").first
        path = link.get_attribute("href")
        assert path is not None
        link.click()
        me.fill("#text", text)
        me.locator("form[action$='/request'] button").click()
        expect(me.locator("[aria-invalid=true]")).to_have_count(1)
        expect(me.locator("#text")).to_have_value(text)
        me.fill("#done_on", yesterday())
        me.locator("form[action$='/request'] button").click()
        expect(me.locator("[role=status]").first).to_be_visible()
        page.goto("/requests")
        page.locator("tr", has_text=text).locator("a").click()
        expect(page.locator("dd.written").first).to_have_text(text)
        page.locator("details summary").first.click()
        page.fill("#reply", "With whom?")
        page.locator("form[action$='/ask-back'] button").click()
        me.goto(path)
        me.fill("#answer", "With Kari")
        me.locator("form[action$='/answer'] button").click()
        page.goto("/requests")
        page.locator("tr", has_text=text).locator("a").click()
        expect(page.locator("main")).to_contain_text("With Kari")
        page.locator("button[value=confirm]").click()
        expect(page.locator(".timeline")).to_contain_text(text)
        me.goto("/me/history")
        expect(me.locator(".timeline li").first).to_contain_text(text)


@needs_axe
@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1280, "light")])
def test_its_pages_are_whole(visitors: Visitors, width: int, theme: Theme) -> None:
    with visitors.visit("mentor", "en", theme=theme, width=width) as me:
        me.locator("a[href$='/request']").first.click()
        look(me)
        me.fill("#text", "A course")
        me.fill("#done_on", yesterday())
        me.locator("form[action$='/request'] button").click()
        look(me)
        me.locator("a[href$='/request']").first.click()
        look(me)
        with visitors.visit("administrator", "en", theme=theme, width=width) as page:
            page.goto("/requests")
            look(page)
            page.locator("tbody a").first.click()
            look(page)
        me.locator("form[action$='/withdraw'] button").click()
        look(me)

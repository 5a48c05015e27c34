"""A coordinator saves a filter, finds it over the list, renames and removes it; on a phone and at a desk, without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe
from tests.web.browser.test_main_paths import button, link, texts
from tests.web.browser.test_notes import look


@needs_axe
@pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(360, "nb", "light"), (1280, "en", "dark"), (360, "en", "dark"), (1280, "nb", "light")],
)
def test_a_saved_filter(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    _ = texts(language)
    name = f"{width} {language} " + "w" * 50
    with visitors.visit("administrator", language, theme=theme, width=width) as page:
        page.goto("/mentors?type=politiattest&standing=not_held")
        link(page, _("Save this filter")).click()
        look(page)
        page.check("#shared")
        button(page, _("Save the filter")).click()
        expect(page.get_by_role("heading", name=_("Check your answers"))).to_be_visible()
        assert page.evaluate("document.activeElement.matches('.summary')")
        look(page)
        expect(page.locator("#shared")).to_be_checked()
        page.fill("#name", name[:60])
        button(page, _("Save the filter")).click()
        expect(page.locator("[role=status]")).to_be_visible()
        expect(
            page.get_by_role("navigation", name=_("Saved filters")).get_by_role("link", name=name[:60])
        ).to_have_attribute("aria-current", "page")
        look(page)
        page.goto("/mentors")
        link(page, name[:60]).click()
        expect(page).to_have_url(re.compile(r"/mentors\?standing=not_held&type=politiattest$"))
        page.goto("/filters")
        look(page)
        page.locator("li.card", has_text=name[:60]).get_by_role("link").last.click()
        look(page)
        page.fill("#name", f"{width} {language}")
        button(page, _("Save the name")).click()
        card = page.locator("li.card", has=page.get_by_text(f"{width} {language}", exact=True))
        card.get_by_role("link").last.click()
        button(page, _("Remove the filter")).click()
        expect(page.locator("[role=status]")).to_be_visible()
        expect(card).to_have_count(0)
        look(page)

"""A coordinator looks at what is sent by itself, sends one reminder at once, and pauses those to one person."""

from playwright.sync_api import expect

from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe
from tests.web.browser.test_letters import everywhere
from tests.web.browser.test_main_paths import button, link, texts
from tests.web.browser.test_notes import look


@needs_axe
@everywhere
def test_reminders(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language, theme=theme, width=width) as page:
        page.goto("/overview")
        link(page, _("Reminders")).click()
        look(page)
        for text in (_("What was sent"), _("What reaches nobody"), _("What comes")):
            link(page, text).click()
            expect(page.get_by_role("link", name=text, exact=True)).to_have_attribute("aria-current", "page")
            look(page)
        whole = page.locator(".whole-rows input")
        if whole.is_visible():  # on a phone
            whole.check()
        row = page.locator("tbody tr", has=page.get_by_role("button")).first
        person = row.locator("th a").get_attribute("href")
        row.get_by_role("button").click()
        expect(page.get_by_role("status")).to_be_visible()
        look(page)
        assert person
        page.goto(person)
        look(page)
        button(page, _("Pause reminders to this person")).click()
        expect(page.get_by_role("status")).to_be_visible()
        look(page)
        button(page, _("Let reminders go on")).click()
        expect(button(page, _("Pause reminders to this person"))).to_be_visible()

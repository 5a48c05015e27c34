"""A coordinator renews several, and undoes all of it together: from the list, with a reason, once."""

import re

from playwright.sync_api import expect

from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe
from tests.web.browser.test_letters import everywhere
from tests.web.browser.test_main_paths import button, link, texts, unfold_what_to_do
from tests.web.browser.test_notes import look


@needs_axe
@everywhere
def test_a_change_of_many_is_undone(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language, theme=theme, width=width) as page:
        page.goto("/certifications?status=expired")
        for at in range(2):
            page.locator("tbody input[type=checkbox]").nth(at).check()
        unfold_what_to_do(page)
        button(page, _("See a preview")).click()
        look(page)
        page.locator("button[value=confirm]").click()
        expect(page.get_by_role("status")).to_be_visible()
        look(page)
        page.locator("main a[href^='/certifications/batches/']").first.click()
        expect(page.locator("tbody tr")).to_have_count(2)
        look(page)
        undo = page.locator("form[action^='/certifications/batches/'] button")
        undo.click()
        expect(page.get_by_role("alert")).to_be_focused()
        look(page)
        page.get_by_label(_("Reason")).fill("It was another course")
        undo.click()
        expect(page.get_by_role("status")).to_be_visible()
        expect(undo).to_have_count(0)
        look(page)
        page.goto("/certifications")
        link(page, _("Changes of many, and undoing them")).click()
        expect(page).to_have_url(re.compile(r"/batches$"))
        look(page)

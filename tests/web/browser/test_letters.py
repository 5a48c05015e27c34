"""A coordinator writes to several people: what is wrong, the preview, what was sent and where it stands; and copies addresses."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe
from tests.web.browser.test_main_paths import button, texts, unfold_what_to_do
from tests.web.browser.test_notes import look

everywhere = pytest.mark.parametrize(
    ("width", "language", "theme"),
    [(360, "nb", "light"), (1280, "en", "dark"), (360, "en", "dark"), (1280, "nb", "light")],
)


def tick_two(page: Page) -> list[str]:
    """Tick two people in their list; return their names."""
    page.goto("/mentors")
    rows = page.locator("tbody tr", has=page.locator("a[href^='mailto:']"))
    for at in range(2):
        rows.nth(at).get_by_role("checkbox").check()
    unfold_what_to_do(page)
    return [rows.nth(at).locator("th a").inner_text() for at in range(2)]


@needs_axe
@everywhere
def test_a_letter(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    _ = texts(language)
    subject = f"{width} {language} " + "w" * 80
    body = "Hei!\n\n" + "https://example.org/" + "w" * 200 + "\n\nHilsen oss"
    with visitors.visit("coordinator", language, theme=theme, width=width, javascript=True) as page:
        names = tick_two(page)
        button(page, _("Write to them")).click()
        expect(page).to_have_url(re.compile(r"/letters/[0-9a-f-]{36}$"))
        look(page)
        page.fill("#body", body)
        button(page, _("See a preview")).click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.locator("#body")).to_have_value(body)
        look(page)
        page.fill("#subject", subject)
        button(page, _("See a preview")).click()
        expect(page).to_have_url(re.compile(r"/preview$"))
        for name in names:
            expect(page.get_by_role("link", name=name).first).to_be_visible()
        look(page)
        page.locator("form[action$='/send'] button").click()
        expect(page.get_by_role("status")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(2)
        look(page)
        # Sent once: back and once more sends nothing.
        page.go_back()
        page.reload()
        expect(page.locator("form[action$='/send']")).to_have_count(0)
        page.goto("/letters")
        expect(page.get_by_role("link", name=subject)).to_be_visible()
        look(page)
        page.goto(f"/mentors?q={names[0]}")
        page.locator("tbody th a").first.click()
        expect(page.get_by_text(subject)).to_be_visible()
        look(page)


@needs_axe
@everywhere
def test_addresses_are_copied(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    _ = texts(language)
    with visitors.visit("administrator", language, theme=theme, width=width) as page:
        tick_two(page)
        button(page, _("Copy their addresses")).click()
        expect(page).to_have_url(re.compile(r"/addresses$"))
        assert page.get_by_label(_("Addresses")).input_value().count("@") == 2
        look(page)

"""A form whose answer is wrong says where, in words, and keeps what was typed: on a phone and on a desk."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Language, Visitors
from tests.web.browser.test_accessibility import needs_axe, violations
from tests.web.browser.test_main_paths import button, texts, unfold_what_to_do

in_both = pytest.mark.parametrize(("language", "width"), [("nb", 360), ("en", 1280)])


def open_renewal(page: Page) -> None:
    """Open the form of a renewal."""
    page.goto("/certifications?status=active")
    certification = page.locator("tbody a[href^='/certifications/']").first.get_attribute("href")
    page.goto(f"{certification}/renew")


@needs_axe
@in_both
def test_what_is_wrong_has_the_focus_and_leads_to_its_field(
    visitors: Visitors, language: Language, width: int
) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language, width=width) as page:
        open_renewal(page)
        day = page.get_by_label(_("Renewed on"))
        assert re.fullmatch(
            r"\d\d\.\d\d\.\d{4}" if language == "nb" else r"\d+\s\w+\s\d{4}", day.input_value()
        )
        day.fill("31.02.2026")
        page.get_by_label(_("What was seen as evidence")).fill("Kursbevis")
        button(page, _("Show the new last valid day")).click()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        assert page.title().startswith(_("Error:"))
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        summary.get_by_role("link").click()
        expect(day).to_be_focused()
        expect(day).to_have_attribute("aria-invalid", "true")
        expect(day).to_have_value("31.02.2026")
        expect(page.get_by_label(_("What was seen as evidence"))).to_have_value("Kursbevis")
        day.fill("")
        button(page, _("Show the new last valid day")).click()
        expect(page.get_by_role("status")).to_contain_text(_("Nothing is changed yet."))


@in_both
def test_browsers_add_no_words_of_their_own(visitors: Visitors, language: Language, width: int) -> None:
    _ = texts(language)
    with visitors.visit("administrator", language, width=width) as page:
        for path in (
            "/admin/extensions",
            "/mentors/new",
            "/admin/types/new",
            "/admin/memberships",
            "/admin/audit",
        ):
            page.goto(path)
            assert page.locator("form:not([novalidate])").count() == 0, path
            assert page.locator("input[type=date]").count() == 0, path
        page.goto("/admin/extensions")
        button(page, _("See a preview")).click()
        expect(page.get_by_role("alert")).to_contain_text(_("Write the new last valid day."))


@in_both
def test_a_session_that_ends_while_somebody_types(visitors: Visitors, language: Language, width: int) -> None:
    _ = texts(language)
    with visitors.visit("administrator", language, width=width) as page:
        page.goto("/admin/types/new")
        page.get_by_label(_("Norwegian name")).fill("Førstehjelp")
        page.get_by_label(_("English name")).fill("First aid")
        # In another tab: the session ends, and with it what the form was good for.
        other = page.context.new_page()
        other.goto("/overview")
        button(other, _("Sign out")).click()
        button(page, _("Save")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(_("The form has expired"))
        button(page, _("Send the form")).click()
        expect(page.locator("main .notice")).to_contain_text(
            _("Your session has ended. What you typed is kept: sign in, and send it once more.")
        )
        page.locator("section").first.locator("button[name=person]").nth(2).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(_("You are signed in again"))
        page.reload()
        button(page, _("Send the form")).click()
        expect(page.get_by_label(_("Norwegian name"))).to_have_value("Førstehjelp")
        expect(page.get_by_role("alert")).to_be_focused()


@in_both
def test_a_list_is_worked_through_page_by_page(visitors: Visitors, language: Language, width: int) -> None:
    """What to do stands above the rows; ticks of both pages come along, and the preview outlives the other language."""
    _ = texts(language)
    with visitors.visit("coordinator", language, width=width, javascript=False) as page:
        page.goto("/certifications?status=active")
        unfold_what_to_do(page)
        button(page, _("See a preview")).click()
        summary = page.get_by_role("alert")
        expect(summary.get_by_role("link")).to_have_text(
            f"{_('Which of them')}: {_('Tick at least one certification, or choose all of them.')}"
        )
        page.locator("tbody input[type=checkbox]").first.check()
        button(page, _("Next page")).click()
        unfold_what_to_do(page)
        expect(page.get_by_label(re.compile(re.escape(_("The ticked rows"))))).to_be_checked()
        page.locator("tbody input[type=checkbox]").first.check()
        button(page, _("Previous page")).click()
        expect(page.locator("tbody input[type=checkbox]").first).to_be_checked()
        unfold_what_to_do(page)
        button(page, _("See a preview")).click()
        expect(page.locator("tbody tr")).to_have_count(2)
        address = page.url
        page.reload()
        expect(page.locator("tbody tr")).to_have_count(2)
        button(page, "English" if language == "nb" else "Norsk").click()
        assert page.url == address
        expect(page.locator("tbody tr")).to_have_count(2)


@needs_axe
@pytest.mark.parametrize("width", [360, 1280])
def test_the_new_parts_of_a_list_are_accessible(visitors: Visitors, width: int) -> None:
    with visitors.visit("coordinator", "nb", width=width) as page:
        for path in ("/certifications", "/certifications?status=gone", "/nowhere"):
            page.goto(path)
            assert violations(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path

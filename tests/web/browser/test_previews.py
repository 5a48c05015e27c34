"""Previews of what administrators change, in a browser: reload, back, the other language and two tabs lose nothing."""

from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Language, Visitors
from tests.web.browser.test_forms import in_both
from tests.web.browser.test_main_paths import button, texts


def heading(page: Page, text: str) -> None:
    """Await the heading of a page."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


@in_both
def test_a_required_type_is_looked_at_again(visitors: Visitors, language: Language, width: int) -> None:
    _ = texts(language)
    other = texts("en" if language == "nb" else "nb")
    with visitors.visit("administrator", language, width=width) as page:
        page.goto("/admin/types/new")
        page.get_by_label(_("Code")).fill(f"first-aid-{language}")
        page.get_by_label(_("Norwegian name")).fill("Førstehjelp")
        page.get_by_label(_("English name")).fill("First aid")
        page.locator("#validity_months").fill("24")
        page.get_by_label(_("Required for the public list")).check()
        button(page, _("Show the dates")).click()
        dates = page.get_by_role("heading", level=2)
        expect(dates).to_have_text(_("Example dates"))
        # They stand below the form, and are what was asked for.
        expect(dates).to_be_in_viewport()
        page.reload()
        expect(page.get_by_label(_("Norwegian name"))).to_have_value("Førstehjelp")
        button(page, _("Save")).click()
        leaving = page.get_by_role("heading", level=3).filter(has_text=_("Leave the public list"))
        expect(leaving).to_be_visible()
        address, number = page.url, leaving.inner_text().rpartition(" ")[2]
        page.reload()
        expect(leaving).to_contain_text(number)
        page.go_back()
        expect(page.get_by_label(_("Norwegian name"))).to_have_value("Førstehjelp")
        page.go_forward()
        expect(leaving).to_be_visible()
        button(page, "English" if language == "nb" else "Norsk").click()
        heading(page, other("Add a type"))
        assert page.url == address
        tab = page.context.new_page()
        tab.goto(address)
        heading(tab, other("Add a type"))
        button(tab, other("Back to the form")).click()
        expect(tab.get_by_label(other("English name"))).to_have_value("First aid")
        expect(tab.get_by_label(other("Required for the public list"))).to_be_checked()
        tab.reload()
        expect(tab.locator("#validity_months")).to_have_value("24")


def retiring(page: Page, language: Language, path: str) -> str:
    """Ask to retire a type; return the address of the preview."""
    _ = texts(language)
    page.goto(path)
    page.get_by_label(_("Reason")).fill("Ingen flere kurs")
    button(page, _("Retire")).click()
    expect(page.get_by_role("heading", level=2)).to_have_text(_("What this change does"))
    return page.url


@in_both
def test_a_type_is_retired_in_one_of_two_tabs(visitors: Visitors, language: Language, width: int) -> None:
    _ = texts(language)
    with visitors.visit("administrator", language, width=width) as page:
        page.goto("/admin/types")
        of = page.locator("tbody a[href^='/admin/types/']").filter(has_text="Hørselshjelper")
        path = f"{of.first.get_attribute('href')}/retire"
        first = retiring(page, language, path)
        tab = page.context.new_page()
        assert retiring(tab, language, path) != first
        page.reload()
        button(page, _("Confirm the change")).click()
        page.wait_for_url("**/admin/types")
        button(tab, _("Confirm the change")).click()
        expect(tab.get_by_role("alert")).to_contain_text(
            _("Something has changed since you looked. See the numbers again before you confirm.")
        )
        page.go_back()
        expect(button(page, _("Take into use again"))).to_be_visible()
        page.goto(path)
        button(page, _("Take into use again")).click()
        expect(page.get_by_role("heading", level=2)).to_have_text(_("What this change does"))
        page.reload()
        button(page, _("Confirm the change")).click()
        page.wait_for_url("**/admin/types")

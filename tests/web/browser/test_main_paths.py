"""What each of the people comes for: in both languages, without JavaScript, by keyboard alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from mentorcert.translations import translations
from tests.web.browser.conftest import Language, Visitors, Who

Texts = Callable[[str], str]

in_both_languages = pytest.mark.parametrize("language", ["nb", "en"])


def texts(language: Language) -> Texts:
    """Return what says a text as the pages say it."""
    return translations(language).gettext


def button(page: Page, text: str) -> Locator:
    """Return the button with this text."""
    return page.get_by_role("button", name=text, exact=True)


def link(page: Page, text: str) -> Locator:
    """Return the first link with this text."""
    return page.get_by_role("link", name=text, exact=True).first


def unfold_what_to_do(page: Page) -> None:
    """Open what can be done with the ticked rows, where it is folded as on a phone."""
    fold = page.locator("details:has(> #together) > summary")
    if fold.is_visible():
        fold.click()


@in_both_languages
def test_a_coordinator_renews_several_after_seeing_each_date(visitors: Visitors, language: Language) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language, javascript=False) as page:
        expect(page.get_by_role("img")).to_have_count(2)
        page.goto("/certifications?status=expired")
        boxes = page.locator("tbody input[type=checkbox]")
        ids = {boxes.nth(at).get_attribute("value") for at in range(2)}
        for at in range(2):
            boxes.nth(at).check()
        button(page, _("See a preview")).click()
        expect(page.locator("tbody tr")).to_have_count(2)
        # The preview changes nothing.
        expect(page.get_by_role("status")).to_have_count(0)
        page.locator("form[action='/certifications/bulk'] button[value=confirm]").click()
        expect(page.get_by_role("status")).to_be_visible()
        left = {box.get_attribute("value") for box in boxes.all()}
        assert left
        assert not ids & left


@in_both_languages
def test_a_coordinator_suspends_reinstates_and_reverts(visitors: Visitors, language: Language) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language) as page:
        page.goto(f"/certifications?status=active&sort={'-' if language == 'en' else ''}name")
        page.locator("tbody tr").first.get_by_role("link").nth(1).click()
        page.get_by_text(_("Suspend …")).click()
        page.get_by_label(_("Reason")).fill("Asked for a pause")
        button(page, _("Suspend")).click()
        expect(page.locator(".badge-suspended").first).to_be_visible()
        expect(page.locator(".timeline")).to_contain_text("Asked for a pause")
        page.get_by_text(_("Reinstate …")).click()
        button(page, _("Reinstate")).click()
        expect(page.locator("main .badge-active").first).to_be_visible()
        before = page.locator(".timeline > li").count()
        page.locator(".timeline a[href*='/revert/']").first.click()
        page.get_by_label(_("Reason")).fill("It was another person")
        page.locator("main form button").last.click()
        expect(page.locator(".timeline > li")).to_have_count(before + 1)


@in_both_languages
def test_a_peer_mentor_sees_what_ends_and_takes_it_along(
    visitors: Visitors, language: Language, tmp_path: Path
) -> None:
    _ = texts(language)
    with visitors.visit("mentor", language, javascript=False) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text(_("My certifications"))
        with page.expect_download() as calendar:
            page.goto("/me/calendar")
            link(page, _("Download the calendar file (.ics)")).click()
        calendar.value.save_as(tmp_path / "calendar.ics")
        assert "BEGIN:VEVENT" in (tmp_path / "calendar.ics").read_text()
        page.goto("/me")
        address = page.locator("a[href$='.pdf']").first.get_attribute("href")
        certificate = page.request.get(f"{visitors.url}{address}")
        assert certificate.body().startswith(b"%PDF")
        page.goto("/me/calendar")
        page.locator("main form button").first.click()
        feed = page.locator("main code").inner_text()
        assert "BEGIN:VCALENDAR" in page.request.get(feed).text()
        button(page, _("End the feed")).click()
        assert page.request.get(feed).status == 404
        page.goto("/me/history")
        assert page.locator(".timeline > li").count() > 0


@in_both_languages
def test_the_public_finds_people_and_checks_a_certificate(visitors: Visitors, language: Language) -> None:
    _ = texts(language)
    with visitors.visit(None, language, javascript=False) as page:
        page.goto("/public/hom")
        first = page.locator("tbody th").first.inner_text()
        link(page, _("Next page")).click()
        assert page.locator("tbody th").first.inner_text() != first
        page.goto("/check/00000000-0000-4000-8000-000000000000")
        expect(page.get_by_role("heading", level=1)).to_contain_text(_("Not valid"))
        page.goto("/public/nobody")
        expect(page.get_by_role("heading", level=1)).to_be_visible()


@in_both_languages
def test_an_administrator_imports_after_a_preview(
    visitors: Visitors, language: Language, tmp_path: Path
) -> None:
    _ = texts(language)
    file = tmp_path / "mentors.csv"
    file.write_text(
        "External ID,Name,E-mail,Phone,Chapters,Consent to listing,Certification type,Issued,Valid through\n"
        f"new-{language},Nina Ny,,,F01,no,politiattest,2026-02-01,\n"
    )
    with visitors.visit("administrator", language, javascript=False) as page:
        page.goto("/imports")
        page.get_by_label(_("File")).set_input_files(file)
        button(page, _("See a preview")).click()
        # The page reloads itself until the work is done, without JavaScript.
        expect(page.locator("tbody tr")).to_have_count(1)
        button(page, _("Write it into the registry")).click()
        expect(page.locator(".success")).to_be_visible()
        page.goto(f"/mentors?q=new-{language}")
        expect(page.locator("tbody th")).to_contain_text("Nina Ny")


def focused(page: Page) -> Locator:
    """Return what has the focus."""
    return page.locator(":focus")


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tabulator until something has the focus, visibly; fails where it never gets it."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert focused(page).evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            return
    raise AssertionError(f"the keyboard never reaches {wanted}")


def test_a_renewal_by_keyboard_alone(visitors: Visitors) -> None:
    _ = texts("en")
    with visitors.visit("coordinator", "en") as page:
        page.keyboard.press("Tab")
        expect(focused(page)).to_have_text(_("Skip to the content"))
        tab_to(page, link(page, _("Certifications")))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(_("Certifications"))
        tab_to(page, page.locator("tbody tr").nth(3).get_by_role("link").nth(1))
        page.keyboard.press("Enter")
        tab_to(page, link(page, _("Renew …")))
        page.keyboard.press("Enter")
        tab_to(page, button(page, _("Show the new last valid day")))
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(_("Nothing is changed yet."))
        tab_to(page, page.locator("button[value=confirm]"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status")).to_be_visible()


def test_pages_fit_a_narrow_screen(visitors: Visitors) -> None:
    with visitors.visit("administrator", width=320) as page:
        for path in ("/overview", "/certifications", "/mentors", "/admin", "/admin/portal", "/public/hom"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_language_stays_chosen(visitors: Visitors) -> None:
    with visitors.visit("coordinator", "nb") as page:
        button(page, "English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        page.goto("/certifications")
        assert page.get_attribute("html", "lang") == "en"


@in_both_languages
def test_a_phone_shows_each_row_whole(visitors: Visitors, language: Language) -> None:
    _ = texts(language)
    lists = {
        "coordinator": ("/certifications", "/mentors"),
        "administrator": ("/admin/memberships", "/admin/types"),
        None: ("/public/hom",),
    }
    everybody: tuple[Who | None, ...] = ("coordinator", "administrator", None)
    for who in everybody:
        with visitors.visit(who, language, javascript=False, width=360) as page:
            for path in lists[who]:
                page.goto(path)
                assert page.locator("table.stacked").evaluate_all(
                    "tables => tables.every(table => table.scrollWidth <= innerWidth)"
                ), path
                # Charts have the numbers of many columns; everything else is a card.
                assert page.locator("main table:not(.stacked, figure table)").count() == 0, path
                cell = page.locator("table.stacked tbody td[data-label]").first
                named = cell.evaluate("cell => getComputedStyle(cell, '::before').content")
                assert cell.get_attribute("data-label") in named
            if who == "coordinator":
                page.goto("/certifications")
                status = page.get_by_label(_("Status"))
                expect(status).to_be_hidden()
                page.get_by_text(_("Filters"), exact=True).click()
                expect(status).to_be_visible()


@in_both_languages
def test_a_desk_shows_the_filters_at_once(visitors: Visitors, language: Language) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language, width=1280) as page:
        page.goto("/certifications")
        expect(page.get_by_label(_("Status"))).to_be_visible()
        expect(page.get_by_text(_("Filters"), exact=True)).to_be_hidden()

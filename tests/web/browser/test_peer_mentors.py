"""A coordinator's day with the list of peer mentors: on a phone and at a desk, in both languages, without JavaScript."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Language, Visitors
from tests.web.browser.test_accessibility import needs_axe, violations
from tests.web.browser.test_main_paths import button, in_both_languages, link, texts, unfold_what_to_do


def fits(page: Page) -> bool:
    """Return whether nothing on the page is wider than the screen."""
    fit: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fit


@in_both_languages
@pytest.mark.parametrize("width", [360, 1280])
def test_a_coordinator_finds_who_lacks_what(
    visitors: Visitors, language: Language, width: int, tmp_path: Path
) -> None:
    _ = texts(language)
    with visitors.visit("coordinator", language, javascript=False, width=width) as page:
        link(page, _("Peer mentors")).click()
        assert fits(page)
        lacks = page.get_by_label(_("And they"))
        expect(lacks).to_be_hidden()
        if width == 360:
            page.get_by_text(_("Filters"), exact=True).click()
        # Folded at a desk too: the list is in sight.
        page.locator("summary", has_text=_("Who lacks what")).click()
        page.get_by_label(_("They hold")).select_option("likeperson")
        button(page, _("Show")).click()
        holding = page.locator("tbody tr").count()
        # Each row says in words how it stands.
        expect(page.locator("tbody tr .badge-active").first).to_be_visible()

        if width == 360:
            page.get_by_text(_("Filters"), exact=True).click()
        lacks.select_option("not_held")
        button(page, _("Show")).click()
        expect(page.get_by_role("heading", name=_("Check your answers"))).to_be_visible()
        page.get_by_label(_("This certification")).select_option("politiattest")
        button(page, _("Show")).click()
        rows = page.locator("tbody tr")
        assert 0 < rows.count() < holding
        expect(page.locator(".lead")).to_contain_text(_("do not hold"))
        assert fits(page)

        chosen = rows.first.get_by_role("checkbox")
        chosen.check()
        name = rows.first.locator("th a").inner_text()
        unfold_what_to_do(page)
        with page.expect_download() as download:
            button(page, _("CSV of them")).click()
        download.value.save_as(tmp_path / "chosen.csv")
        encoding, delimiter = ("utf-8-sig", ";") if language == "nb" else ("utf-8", ",")
        with (tmp_path / "chosen.csv").open(encoding=encoding, newline="") as file:
            assert [row[1] for row in csv.reader(file, delimiter=delimiter)][1:] == [name]


@in_both_languages
@pytest.mark.parametrize("width", [360, 1280])
def test_ticks_are_kept_on_the_way(visitors: Visitors, language: Language, width: int) -> None:
    _ = texts(language)
    with visitors.visit("administrator", language, javascript=False, width=width) as page:
        page.goto("/mentors")
        boxes = page.locator("tbody").get_by_role("checkbox")
        boxes.nth(1).check()
        button(page, _("Next page")).click()
        boxes.nth(0).check()
        button(page, _("Previous page")).click()
        expect(boxes.nth(1)).to_be_checked()
        unfold_what_to_do(page)
        button(page, _("See who can be invited")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(_("Invite peer mentors"))
        expect(page.locator("main form input[name=id]")).to_have_count(2)


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(visitors: Visitors, theme: str) -> None:
    for width in (360, 1280):
        with visitors.visit(
            "coordinator", "nb", theme="dark" if theme == "dark" else "light", width=width
        ) as page:
            for query in (
                "",
                "?holds=likeperson&type=politiattest&standing=not_held",
                "?standing=ends&type=politiattest",
            ):
                page.goto(f"/mentors{query}")
                assert violations(page) == [], (width, query)

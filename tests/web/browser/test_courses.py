"""A course from the plan to what it renews: planned, signed up for, ticked on a phone and closed; without JavaScript."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Language, Theme, Visitors
from tests.web.browser.test_accessibility import needs_axe
from tests.web.browser.test_notes import look


def day(ahead: int) -> str:
    """Return a day this number of days from today in the sample organisation."""
    return (datetime.now(ZoneInfo("Europe/Oslo")) + timedelta(days=ahead)).date().isoformat()


def plan(page: Page, name: str, days: str, *, kind: str = "refresher", seats: str = "") -> str:
    """Plan a course of the whole organisation that renews what many hold; return its address."""
    page.goto("/courses/new")
    page.check(f"#kind-{kind}")
    page.fill("#name_nb", name)
    page.fill("#days", days)
    page.fill("#seats", seats)
    page.locator("main form button").last.click()
    expect(page.locator("[aria-describedby=types-error]")).to_have_count(1)
    expect(page.locator("#name_nb")).to_have_value(name)
    page.check("#types-1")
    page.locator("main form button").last.click()
    expect(page.locator("[role=status]").first).to_be_visible()
    return page.url


@needs_axe
@pytest.mark.parametrize(("width", "language", "theme"), [(360, "nb", "light"), (1280, "en", "dark")])
def test_a_course(visitors: Visitors, width: int, language: Language, theme: Theme) -> None:
    name = f"{width} {language}: refresher"
    with (
        visitors.visit("administrator", language, theme=theme, width=width, javascript=False) as page,
        visitors.visit("mentor", language, theme=theme, width=width, javascript=False) as me,
    ):
        # Signed up for by a peer mentor
        coming = plan(page, name, f"{day(20)} kl. 10–15", seats="3")
        me.goto("/me/courses")
        card = me.locator("section", has_text=name)
        card.locator("form[action$='/sign-up'] button").click()
        expect(me.locator("section", has_text=name).locator("form[action$='/withdraw']")).to_have_count(1)
        page.goto(coming)
        expect(page.locator("tbody tr")).to_have_count(1)
        # Held, ticked and closed
        held = plan(page, name + ", held", day(-1), kind="course")
        page.goto(held + "/people")
        for number in range(3):
            page.locator("main input[name=id]").nth(number).check()
        page.locator("main form button", has_text="på" if language == "nb" else "up").last.click()
        expect(page.locator("tbody tr")).to_have_count(3)
        page.goto(held + "/attendance")
        page.locator("main input[name=here]").first.check()
        page.locator("main form button").first.click()
        expect(page.locator("main input[name=here]:checked")).to_have_count(1)
        page.locator("button[name=everybody]").click()
        expect(page.locator("main input[name=here]:checked")).to_have_count(3)
        page.goto(held + "/close")
        page.locator("button[value=confirm]").click()
        expect(page.locator("[role=status]").first).to_be_visible()
        page.locator("a[href^='/certifications/batches/']").click()
        page.fill("#note", "The wrong list")
        page.locator("main form button").last.click()
        page.goto(held)
        expect(page.locator("a[href$='/close']")).to_have_count(1)


@needs_axe
@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1280, "light")])
@pytest.mark.parametrize("language", ["nb", "en"])
def test_its_pages_are_whole(visitors: Visitors, width: int, theme: Theme, language: Language) -> None:
    with visitors.visit("administrator", language, theme=theme, width=width) as page:
        page.goto("/courses/new")
        look(page)
        page.locator("main form button").last.click()
        expect(page.locator(".summary")).to_be_focused()
        look(page)
        coming = plan(page, f"{width} {language}: course", f"{day(9)} kl. 18\n{day(10)}", seats="1")
        held = plan(page, f"{width} {language}: held", day(-1))
        for course in (coming, held):
            page.goto(course + "/people")
            for number in range(2):
                page.locator("main input[name=id]").nth(number).check()
            look(page)
            page.locator("main form .button").last.click()
            look(page)
        for address in (
            "/courses", coming + "/edit", coming + "/cancel", coming + "/attendance", held + "/attendance", held + "/close",
        ):  # fmt: skip
            page.goto(address)
            look(page)
        page.goto(coming + "/cancel")
        page.fill("#reason", "Too few")
        page.locator("main form button").last.click()
        look(page)
        page.goto(held + "/attendance")
        page.locator("details summary").last.click()
        page.set_input_files(
            "#file", {"name": "list.csv", "mimeType": "text/csv", "buffer": b"Ekstern ID\nnobody\n"}
        )
        page.locator("form[action$='/file'] button").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        look(page)
    with visitors.visit("mentor", language, theme=theme, width=width) as me:
        me.goto("/me/courses")
        look(me)

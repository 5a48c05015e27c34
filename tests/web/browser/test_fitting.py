"""Every page at 400 % zoom, with wide spacing and in colours that the system chooses; and what is printed."""

import os
import re
import shutil
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page

from tests.support import processes
from tests.web.browser import fitting
from tests.web.browser.conftest import Language, Visitors, Who
from tests.web.browser.crawling import pages

# A screen of 1280 pixels at 400 %, the narrowest that WCAG 1.4.10 asks for.
NARROW: Final = 320
TABLET: Final = 768
# A sheet of A4 without its margins, in the pixels of CSS.
SHEET: Final = 680

needs_reader = pytest.mark.skipif(
    shutil.which("pdftotext") is None and "CI" not in os.environ, reason="Debian's poppler-utils is missing"
)


@pytest.mark.parametrize(
    ("who", "language"), [("administrator", "nb"), ("coordinator", "en"), ("mentor", "nb"), (None, "en")]
)
def test_nothing_is_cut_and_each_state_is_seen(
    visitors: Visitors, who: Who | None, language: Language
) -> None:
    wrong = {}
    with visitors.visit(who, language, width=NARROW) as page:
        for kind in pages(page, "/" if who else "/step-in"):
            if found := fitting.faults(page):
                wrong[kind] = found
    assert wrong == {}


def test_a_desk_is_spaced_too(visitors: Visitors) -> None:
    wrong = {}
    with visitors.visit("administrator", "nb", width=1280) as page:
        for kind in pages(page):
            if found := [*fitting.cut(page), *fitting.loud(page), *fitting.cut_when_spaced(page)]:
                wrong[kind] = found
    assert wrong == {}


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_tablet_shows_the_last_column(visitors: Visitors, language: Language) -> None:
    wide = "() => [...document.querySelectorAll('.table-wrap')].filter(one => one.scrollWidth > one.clientWidth).length"
    with visitors.visit("administrator", language, width=TABLET) as page:
        wrong = []
        for path in (
            "/admin/types",
            "/reminders",
            "/reminders?show=failing",
            "/certifications",
            "/mentors",
            "/forecast",
        ):
            page.goto(path)
            if page.evaluate(wide):
                wrong.append(path)
    assert wrong == []


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_chart_of_few_bars_is_no_poster(visitors: Visitors, language: Language) -> None:
    with visitors.visit("coordinator", language, width=1280) as page:
        page.goto("/figures")
        charts = page.locator(".chart svg").all()
        assert len(charts) == 2
        for chart in charts:
            box = chart.bounding_box()
            assert box is not None
            assert box["height"] < 450


def test_the_faults_are_found(visitors: Visitors) -> None:
    """Each of them, on a page that is broken for it."""
    broken = {
        "wider": "nav.main { width: 2000px }",
        "out of reach": "h1 { white-space: nowrap; letter-spacing: 60px; position: absolute }",
        "cut: ": "h1 { height: 1px; overflow: hidden }",
        "one over": "h1 { position: absolute } h1 + * { margin: 0 }",
        "low field": "input { padding: 0 !important; min-height: 0 !important; height: 3px }",
        "no focus seen": ":focus-visible { outline: none !important }",
        "like the others": "a { border: 0 !important; forced-color-adjust: auto !important }",
        "without a line": ".badge { border: 0 !important }",
        "not drawn": "figure rect { fill: Canvas !important }",
        "x 20": ".button, nav.main a { min-height: 0; height: 20px; padding: 0 }",
    }
    with visitors.visit("coordinator", "en", width=NARROW) as page:
        missed = []
        for fault, style in broken.items():
            page.goto("/mentors" if fault == "without a line" else "/overview")
            page.evaluate(
                "style => { const sheet = new CSSStyleSheet(); sheet.replaceSync(style);"
                " document.adoptedStyleSheets = [sheet] }",
                style,
            )
            found = [*fitting.cut(page), *fitting.small(page), *fitting.unseen(page)]
            if not any(fault in one for one in found):
                missed.append((fault, found))
    assert missed == []


@needs_reader
@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_page_is_printed_whole(visitors: Visitors, language: Language, tmp_path: Path) -> None:
    with visitors.visit("coordinator", language, width=SHEET) as page:
        for path in ("/overview", person(page), "/certifications?status=active"):
            page.goto(path)
            page.emulate_media(media="print")
            unwanted = page.locator("header nav, .skip, .toolbar, button, .pager, footer").locator(
                "visible=true"
            )
            assert unwanted.count() == 0, path
            assert fitting.cut(page) == [], path
            assert (
                page.evaluate(
                    "[...document.querySelectorAll('main *')].filter(one => one.checkVisibility()"
                    " && getComputedStyle(one).overflowX === 'auto').map(one => one.className)"
                )
                == []
            ), path
            shown = page.locator("h1, h2, figcaption, tbody th").locator("visible=true")
            names = " ".join(shown.all_inner_texts()).split()
            file = tmp_path / "page.pdf"
            file.write_bytes(page.pdf(format="A4"))
            text = bare(processes.run("pdftotext", str(file), "-").stdout)
            assert [name for name in names if bare(name) not in text] == [], path
            page.emulate_media(media="screen")


def person(page: Page) -> str:
    """Return the address of somebody with a certification."""
    page.goto("/certifications?status=active")
    found = page.locator("tbody th a").first.get_attribute("href")
    assert found
    return found


def bare(text: str) -> str:
    """Return a text without what a line's end adds."""
    return re.sub(r"[\s\u00ad-]+", "", text)

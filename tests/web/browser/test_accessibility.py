"""No page breaks a rule of WCAG 2.2 A or AA that axe-core can see, in either theme and either language."""

import os
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.web.browser.conftest import Language, Theme, Visitors, Who
from tests.web.browser.crawling import pages

AXE: Final = Path("node_modules/axe-core/axe.min.js")
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

needs_axe = pytest.mark.skipif(
    not AXE.exists() and "CI" not in os.environ, reason="npm has not installed axe-core"
)


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the page: the rule, and the first place of each."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations'],"
        # Targets below 24 pixels without room around them: axe-core looks for them if asked.
        " rules: {'target-size': {enabled: true}}})",
        RULES,
    )
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html']} {one['nodes'][0]['failureSummary']}"
        for one in found["violations"]
    ]


@needs_axe
@pytest.mark.parametrize(("theme", "language"), [("light", "nb"), ("dark", "en")])
@pytest.mark.parametrize("who", ["administrator", "coordinator", "mentor", None])
def test_every_page_that_can_be_reached(
    visitors: Visitors, who: Who | None, theme: Theme, language: Language
) -> None:
    wrong = {}
    seen = set()
    with visitors.visit(who, language, theme=theme) as page:
        for kind in pages(page, "/" if who else "/step-in"):
            seen.add(kind)
            assert page.locator("h1").count() == 1, kind
            # Links to the other language lead there.
            if "language" not in kind:
                assert page.get_attribute("html", "lang") == language, kind
            if found := violations(page):
                wrong[kind] = found
    assert wrong == {}
    assert len(seen) >= {"administrator": 20, "coordinator": 6, "mentor": 3, None: 2}[who], sorted(seen)


@needs_axe
def test_axe_sees_what_is_wrong(visitors: Visitors) -> None:
    with visitors.visit(None) as page:
        page.goto("/step-in")
        assert violations(page) == []
        page.evaluate(
            "document.querySelector('button').replaceChildren(); document.title = '';"
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<div><button>a</button><button>b</button></div>');"
            "document.querySelector('div:has(> button)').style.display = 'flex';"
            "for (const one of document.querySelectorAll('div > button'))"
            " one.style.cssText = 'height: 9px; width: 9px; min-height: 0; padding: 0'"
        )
        found = {one.partition(":")[0] for one in violations(page)}
        assert found >= {"button-name", "document-title", "target-size"}

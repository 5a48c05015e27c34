"""No page shows a name of the database's: no id, no column, no code where a name should stand."""

import re
from typing import Final

import pytest

from tests.web.browser.conftest import Language, Visitors, Who
from tests.web.browser.crawling import pages

# Ids, names as columns and values of the database are written, and what the audit log has no word for.
RAW: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\b[a-z]+_[a-z_]+\b|Another detail|En annen opplysning"
)


@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("who", ["administrator", "coordinator", "mentor", None])
def test_no_page_shows_a_name_of_the_database(
    visitors: Visitors, who: Who | None, language: Language
) -> None:
    raw = {}
    with visitors.visit(who, language) as page:
        for kind in pages(page, "/" if who else "/step-in"):
            if found := set(RAW.findall(page.locator("body").inner_text())):
                raw[kind] = sorted(found)[:8]
    assert raw == {}

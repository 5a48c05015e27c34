"""The pages to which no link leads: signing in, being in no organisation, and what went wrong."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, join
from tests.web.browser.test_accessibility import needs_axe, violations
from tests.web.conftest import Site
from tests.web.live import running, session_of

STRANGER, MENTOR = uuid4(), uuid4()
# Whose, which, and the status that it has.
PAGES = [
    (None, "/sign-in", 200),
    (None, "/sign-in/link", 422),
    (None, "/nowhere", 404),
    (None, "/public/nobody", 404),
    (None, "/public/demo/embed", 200),
    (None, "/public/demo/chapters/nowhere", 404),
    (STRANGER, "/organisation", 403),
    (MENTOR, "/admin", 403),
    (MENTOR, "/me/history?after=x", 422),
    (MENTOR, "/me", 503),
]


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in each theme."""
    with running(site.app) as url:
        context = browser.new_context(base_url=url, color_scheme=request.param, locale="nb-NO")
        yield context.new_page()
        context.close()


@needs_axe
def test_they_are_as_accessible_as_the_others(
    page: Page, conn: Connection, organisation: Organisation
) -> None:
    conn.execute("insert into auth.users (id) values (%s)", (STRANGER,))
    join(organisation, MENTOR, "peer_mentor")
    conn.execute(
        "update mentorcert.peer_mentors set user_id = %s where id = %s", (MENTOR, organisation.mentor())
    )
    wrong = {}
    for user, path, status in PAGES:
        page.context.clear_cookies()
        if user is not None:
            ((name, value),) = session_of(user).items()
            page.goto("/healthz")
            page.context.add_cookies([{"name": name, "value": value, "url": page.url}])
        if status == 503:
            conn.execute(
                "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('organisations', 'a test')"
            )
        answer = page.goto(path)
        assert answer is not None
        assert (path, answer.status) == (path, status)
        assert page.locator("h1").count() == 1
        assert page.get_attribute("html", "lang") == "nb"
        if found := violations(page):
            wrong[path] = found
    assert wrong == {}

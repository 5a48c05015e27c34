"""The pages, asked as each of their people."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Final
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from mentorcert.db.connection import Connection
from mentorcert.organisations.sample_people import Person
from mentorcert.web.application import application
from mentorcert.web.configuration import WEB_ROLE, Auth, Configuration
from mentorcert.web.security.tokens import issue
from mentorcert.web.services import services
from tests.support.registry import Organisation, set_up
from tests.support.round_trips import Watched, counted
from tests.web.auth_server import AuthServer, answering

AUTH: Final = Auth("tests", shared_secret=SecretStr("a secret of the tests, long enough"))
URL: Final = "http://pages.test"
# The answer to these forms is shown at their own address.
_SHOWN_AT: Final = {"/me/calendar", "/sign-in/code"}


@dataclass(frozen=True, slots=True)
class Site:
    """The application, and browsers of people who are signed in to it."""

    app: FastAPI
    watched: Watched
    open_client: Callable[[TestClient], TestClient]

    def client(self, user: UUID | None = None, language: str = "en") -> TestClient:
        """Return a browser that follows no redirects; None: nobody is signed in."""
        client = TestClient(
            self.watched, URL, headers={"accept-language": language}, follow_redirects=False,
            raise_server_exceptions=False,
        )  # fmt: skip
        if user is not None:
            client.cookies.set("mentorcert-access", issue(AUTH, user, f"{user}@example.org"))
        return self.open_client(client)


@pytest.fixture
def configuration(database: str) -> Configuration:
    """The configuration of the pages on the test's database; tests see each change of the public list at once."""
    secret = SecretStr("another secret of the tests, also long")
    return Configuration(make_conninfo(database, user=WEB_ROLE), secret, URL, AUTH, public_cache_s=0.0)


@pytest.fixture
def supabase() -> Iterator[AuthServer]:
    """Supabase Auth, which refuses everybody until a test sets it otherwise."""
    with answering() as served:
        served.refuse()
        yield served


@pytest.fixture
def site(configuration: Configuration) -> Iterator[Site]:
    """The pages on the test's database."""
    with opened(configuration) as site:
        yield site


@contextmanager
def opened(
    configuration: Configuration,
    people: list[Person] | None = None,
    owner: Callable[[], Connection] | None = None,
) -> Iterator[Site]:
    """Open the pages as configured, and close them with all browsers."""
    with ExitStack() as stack:
        trips = stack.enter_context(counted())
        shared = stack.enter_context(services(configuration))
        app = application(shared, people, owner)
        watched = Watched(app, trips)
        yield Site(app, watched, stack.enter_context)
    assert watched.exceeding == [], "see LIMITS in tests/support/round_trips.py"
    assert watched.without_address == set(), "a form leads on to an address: web/drafts.py"


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """An organisation with its administrator."""
    return set_up(conn)


def post(
    client: TestClient, path: str, data: Mapping[str, object] | None = None, *, page: str = "/sign-in"
) -> Response:
    """Send a form as a browser does: with what a page holds for it, the token and what it showed; on to what it leads to."""
    answer = client.post(path, data={**carried(client.get(page).text), **(data or {})})
    where = answer.headers.get("location", "")
    return client.get(where) if "draft=" in where or path == where in _SHOWN_AT else answer


def cells(html: str) -> list[str]:
    """Return what the cells of its tables say, those that head a row left out."""
    return [text.strip() for text in re.findall(r"<td[^>]*>([^<]*)</td>", html)]


def carried(html: str) -> dict[str, object]:
    """Return what a page's form carries along unseen."""
    seen = {"seen": hidden(html, "seen")} if 'name="seen"' in html else {}
    return {"form": form_token(html), **seen}


def hidden(html: str, name: str) -> str:
    """Return the value of a field that the page carries along."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, name
    return unescape(found[1])


def sent_again(page: str) -> tuple[str, dict[str, str]]:
    """Return the address and the fields of the form that sends it once more."""
    form = page.partition('<main id="content"')[2]
    action = re.search(r'action="([^"]*)"', form)
    assert action is not None, page
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return action[1], {name: unescape(value) for name, value in fields}


def form_token(html: str) -> str:
    """Return the token of a page's forms."""
    return html.partition('name="form" value="')[2].partition('"')[0]

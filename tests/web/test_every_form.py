"""Every form that a role finds on the pages: kept over an ended session and an expired form, and answered at an address."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.db.connection import Connection
from tests.support.registry import rows
from tests.support.released import fill
from tests.web.browser.crawling import kind_of
from tests.web.conftest import URL, Site, form_token
from tests.web.sending import TYPED, Sending, read
from tests.web.test_forms import addresses
from tests.web.test_kept_forms import access

# What is sent there is nobody's work, or holds a password.
NO_WORK: Final = ("/sign-in", "/sign-out", "/step-in", "/language", "/organisation")
# The number of forms that are there at times only, or on a page to which no link and no form as it was opened leads: undoing a
# change, an error of the portal, an import to confirm. Which of them are found depends on the order of pages.
ELSEWHERE: Final = 20
_MORE: Final = (
    """
    insert into mentorcert_private.topics (organisation_id, kind, name_nb, name_en)
    select id, 'topic', 'Tinnitus', 'Tinnitus' from mentorcert.organisations
    """,
    """
    insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, left_on, left_reason)
    select organisation.id, ahead.external_id, 'Nina Ny', ahead.left_on, ahead.reason
    from mentorcert.organisations as organisation,
      (values ('777', null, null), ('0777', null, null), ('new', current_date + 30, 'Flytter'))
        as ahead (external_id, left_on, reason)
    """,
    """
    insert into mentorcert_private.courses (organisation_id, kind, name_nb, types, days, starts, ends)
    select
      type.organisation_id, 'course', 'Kurs', array[min(type.code)], array[current_date + ahead.days],
      array[null::time], array[null::time]
    from mentorcert.certification_types as type
    cross join (values (-1), (30)) as ahead (days)
    group by type.organisation_id, ahead.days
    """,
    "update mentorcert.memberships set ended_at = now() + interval '30 days' where role = 'coordinator'",
    """
    update mentorcert.peer_mentor_chapters set ended_at = now() + interval '30 days'
    where peer_mentor_id in (select id from mentorcert.peer_mentors where external_id in ('1', '2'))
    """,
)
_OF_A_KIND: Final = 8
_MOST_PAGES: Final = 600


@pytest.fixture
def people(conn: Connection, database: str) -> dict[str, UUID]:
    """One of each role in an organisation that has some of everything: a topic, somebody registered twice, what has an end."""
    fill(conn, database)
    for statement in _MORE:
        conn.execute(statement.encode())
    found: dict[str, UUID] = dict(
        rows(
            conn,
            "select distinct on (role) role::text, user_id from mentorcert.memberships"
            " where coalesce(ended_at > now(), true) order by role, created_at",
        )
    )
    return found


class Crawl:
    """The pages that one person reaches, some of each kind, and the forms on them, each once."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self._waiting: list[str] = [f"{URL}/"]
        self._known = Counter[str]()
        self._addresses: set[str] = set()
        self._sent: set[tuple[str, ...]] = set()

    def add(self, address: str) -> None:
        """Go to an address later, unless enough pages of its kind were seen."""
        parts, kind = urlsplit(address), kind_of(address)
        is_new = address not in self._addresses and self._known[kind] < _OF_A_KIND
        if parts.netloc == urlsplit(URL).netloc and not parts.fragment and is_new:
            self._addresses.add(address)
            self._known[kind] += 1
            self._waiting.append(address)

    def token(self) -> str:
        """Return what a form needs that is opened now."""
        return form_token(self.client.get("/", follow_redirects=True).text)

    def forms(self) -> Iterator[Sending]:
        """Yield each form; what is added meanwhile comes later."""
        while self._waiting:
            assert len(self._addresses) < _MOST_PAGES, self._known
            answer = self.client.get(self._waiting.pop(0), follow_redirects=True)
            assert answer.status_code < 500, answer.url
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            sendings, links = read(answer.text, str(answer.url))
            for link in links:
                self.add(link)
            for sending in sendings:
                if sending.kind not in self._sent and not urlsplit(sending.action).path.startswith(NO_WORK):
                    self._sent.add(sending.kind)
                    yield sending


def test_every_form(site: Site, people: dict[str, UUID]) -> None:
    wrong, reached = list[str](), set[str]()
    # Who can change least begins: later ones may end what the earlier ones need.
    for role in ("peer_mentor", "coordinator", "org_admin"):
        crawl = Crawl(site.client(people[role]))
        for sending in crawl.forms():
            reached.add(urlsplit(sending.action).path)
            wrong += _expired(crawl, sending)
            wrong += _signed_out(crawl, sending, people[role])
            wrong += _sent(crawl, sending)
    assert not wrong, "\n".join(wrong)
    routes = {path for path in addresses(site.app, safe=False) if not path.startswith(NO_WORK)}
    missed = sorted(path for path in routes if not _is_among(path, reached, routes))
    assert len(missed) <= ELSEWHERE < len(routes) / 3, missed


def _expired(crawl: Crawl, sending: Sending) -> Iterator[str]:
    """Yield what is lost where the browser has lost the cookie of the forms."""
    token, fields = crawl.token(), sending.filled(TYPED)
    del crawl.client.cookies["mentorcert-form"]
    yield from _not_kept(sending.send(crawl.client, fields, token), sending, fields, 403)


def _signed_out(crawl: Crawl, sending: Sending, person: UUID) -> Iterator[str]:
    """Yield what is lost where the session has ended."""
    token, fields = crawl.token(), sending.filled(TYPED)
    del crawl.client.cookies["mentorcert-access"]
    answer, status = sending.send(crawl.client, fields, token), 401
    if answer.status_code == 303:
        where, status = answer.headers["location"], 200
        if where != "/sign-in" or "What you typed is kept" not in crawl.client.get(where).text:
            yield f"{sending.kind} is sent to {where} without a word"
        access(crawl.client, person)
        answer = crawl.client.get("/sign-in/form")
        crawl.client.cookies.delete("mentorcert-kept")
    access(crawl.client, person)
    yield from _not_kept(answer, sending, fields, status)


def _sent(crawl: Crawl, sending: Sending) -> Iterator[str]:
    """Yield what has no address: reload, back and the choice of a language find only what has one."""
    answer = sending.send(crawl.client, sending.filled(), crawl.token())
    if answer.status_code == 303:
        crawl.add(urljoin(URL, answer.headers["location"]))
    elif answer.status_code >= 500 or answer.text.startswith("<!doctype html>") is (
        answer.status_code == 200
    ):
        yield f"{sending.kind} is answered by {answer.status_code}"


def _is_among(template: str, paths: set[str], templates: set[str]) -> bool:
    """Return whether one of the paths is that of a route, and not the very address of another one."""
    pattern = re.sub(r"\{\w+\}", "[^/]+", template)
    return any(re.fullmatch(pattern, path) for path in paths - (templates - {template}))


def _not_kept(
    answer: Response, sending: Sending, fields: list[tuple[str, str]], status: int
) -> Iterator[str]:
    """Yield what a page lacks that is to send a form once more."""
    main = answer.text.partition("<main")[2]
    again = [one for one in read(main, URL)[0] if one.action == sending.action]
    if answer.status_code != status or "Nothing is saved yet" not in main:
        yield f"{sending.kind}: {answer.status_code} {main[:500]}"
    elif sending.has_file and "choose the file once more" not in main:
        yield f"{sending.kind}: {main[:500]}"
    fields = [*fields, ("file_again", "true")] if sending.has_file else fields
    if [sorted(one.filled()) for one in again] != [sorted(fields)]:
        yield f"{sending.kind}: {[one.filled() for one in again]} instead of {fields}"

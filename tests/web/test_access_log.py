"""Every page that shows rows is in the access log, with the organisations of just those rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from mentorcert.access import request_log
from mentorcert.db.connection import Connection
from mentorcert.organisations import own_organisation
from mentorcert.web.configuration import WEB_ROLE
from mentorcert.web.security.tokens import issue
from tests.support.registry import Organisation, fetch, join, today
from tests.web.conftest import AUTH, Site

# Open to all, so that their rows are nothing to log; or they show the user's own organisations alone.
OPEN: Final = (
    "/public/",
    "/check/",
    "/calendar/",
    "/api/v1/public/",
    "/organisation",
    "/readyz",
    "/sitemap.xml",
)
# They compute dates, or are about the registry as a whole: here they show no row of an organisation.
WITHOUT_ROWS: Final = frozenset({"/admin/endpoints", "/admin/nightly", "/admin/portal", "/admin/types/new"})
# Each opens a request, and none reads a row for the user.
_OF_THE_CONTEXT: Final = (
    "set_config",
    "set local",
    own_organisation._QUERIES.current,
    request_log._QUERIES.write,
)


@dataclass
class Spy:
    """What the connections of the pages got since the last request."""

    queries: list[str] = field(default_factory=list)
    organisation_ids: set[UUID] = field(default_factory=set)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Look at the results themselves, below all code of ours."""
    spy = Spy()
    execute = psycopg.Cursor.execute

    def watched(cursor: Any, query: Any, *args: Any, **more: Any) -> Any:
        found = execute(cursor, query, *args, **more)
        text = query.decode() if isinstance(query, bytes) else str(query)
        if (
            cursor.connection.info.user == WEB_ROLE
            and cursor.description
            and cursor.rowcount > 0
            and not any(known in text for known in _OF_THE_CONTEXT)
        ):
            spy.queries.append(text)
            names = [column.name for column in cursor.description]
            # An organisation's own row names it by its id.
            name = "id" if "\nfrom mentorcert.organisations " in text else "organisation_id"
            if name in names:
                column = names.index(name)
                values = (cursor.pgresult.get_value(row, column) for row in range(cursor.rowcount))
                spy.organisation_ids |= {UUID(value.decode()) for value in values if value}
        return found

    monkeypatch.setattr(psycopg.Cursor, "execute", watched)
    return spy


@dataclass(frozen=True, slots=True)
class People:
    """Logins by role, and what to write for the parameters of addresses."""

    logins: dict[str, UUID]
    parameters: "_Parameters"


class _Parameters(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return str(UUID(int=0))


@pytest.fixture
def people(conn: Connection, organisation: Organisation) -> People:
    """One of each role, around a peer mentor with a certification."""
    mentor, coordinator = uuid4(), uuid4()
    person = organisation.mentor()
    certification = organisation.certify(person, last_day=today(conn, 60))
    join(organisation, mentor, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (mentor, person))
    join(organisation, coordinator, "coordinator", organisation.chapter)
    parameters = _Parameters(
        certification_id=str(certification),
        mentor_id=str(person),
        peer_mentor_id=str(person),
        chapter_id=str(organisation.chapter),
        type_id=str(fetch(conn, "select id from mentorcert.certification_types limit 1")),
        letter_id=str(
            fetch(
                conn,
                "insert into mentorcert_private.letters (organisation_id, written_by, recipient_ids)"
                " values (%s, %s, array[%s::uuid]) returning id",
                organisation.id,
                coordinator,
                person,
            )
        ),
        request_id=str(
            fetch(
                conn,
                "insert into mentorcert_private.renewal_requests"
                " (organisation_id, certification_id, text, done_on, held_from)"
                " select organisation_id, id, 'A course', current_date - 1, issued_at"
                " from public.peer_mentor_certifications where id = %s returning id",
                certification,
            )
        ),
        course_id=str(
            fetch(
                conn,
                "insert into mentorcert_private.courses"
                " (organisation_id, kind, name_nb, types, chapter_ids, days, starts, ends)"
                " select %s, 'course', 'Course', array[code], array[%s]::uuid[], array[current_date],"
                " array[null::time], array[null::time]"
                " from mentorcert.certification_types limit 1 returning id",
                organisation.id,
                organisation.chapter,
            )
        ),
        membership_id=str(fetch(conn, "select id from mentorcert.memberships where user_id = %s", mentor)),
    )
    logins = {"peer_mentor": mentor, "coordinator": coordinator, "org_admin": organisation.admin}
    return People(logins, parameters)


@pytest.mark.parametrize("role", ["peer_mentor", "coordinator", "org_admin"])
def test_every_page(site: Site, conn: Connection, people: People, spy: Spy, role: str) -> None:
    """A page that reads rows records them, and no organisation of which it had none."""
    client = site.client(people.logins[role])
    client.headers["authorization"] = f"Bearer {issue(AUTH, people.logins[role])}"
    wrong, logged = [], set()
    for path in addresses(site):
        spy.queries.clear()
        spy.organisation_ids.clear()
        request_id = uuid4().hex
        address = path.replace(":path}", "}").format_map(people.parameters)
        if path.endswith("/as-of"):
            address += "?at=2026-06-01T10:00:00Z"
        if path.startswith("/api/v1/figures"):
            address += "?first_day=2026-01-01&last_day=2026-06-30"
        answer = client.get(address, headers={"x-request-id": request_id})
        if answer.status_code != 200 or path.startswith(OPEN):
            continue
        entries = conn.execute(
            "select endpoint, row_organisation_ids from mentorcert_private.access_log where request_id = %s",
            (request_id,),
        ).fetchall()
        expected = [(path, sorted(spy.organisation_ids))]
        if spy.queries and (entries != expected or not (spy.organisation_ids or path in WITHOUT_ROWS)):
            wrong.append((path, entries, expected, spy.queries[:]))
        if entries and entries[0][1]:
            logged.add(path)
    assert not wrong, "\n".join(map(repr, wrong))
    assert logged >= REACHED[role], REACHED[role] - logged


_OWN: Final = frozenset(
    {
        "/me",
        "/me/history",
        "/me/calendar",
        "/me/calendar.ics",
        "/me/contact",
        "/me/topics",
        "/me/certifications/{certification_id}/request",
        "/me/courses",
        "/me/courses/{course_id}.ics",
    }
)
_API: Final = frozenset(
    {
        "/api/v1/certifications",
        "/api/v1/certifications/{certification_id}",
        "/api/v1/certifications/{certification_id}/as-of",
        "/api/v1/certifications/{certification_id}/history",
        "/api/v1/peer-mentors",
        "/api/v1/peer-mentors/{peer_mentor_id}",
        "/api/v1/renewal-requests",
        "/certifications/{certification_id}/certificate.pdf",
        "/me/certifications/{certification_id}.pdf",
    }
)
_LISTS: Final = _API | {
    "/overview",
    "/figures",
    "/figures.xlsx",
    "/forecast",
    "/api/v1/figures",
    "/api/v1/forecast",
    "/api/v1/figures/courses",
    "/certifications",
    "/certifications.csv",
    "/certifications.xlsx",
    "/certifications/{certification_id}",
    "/certifications/{certification_id}/renew",
    "/mentors",
    "/mentors.csv",
    "/mentors.xlsx",
    "/mentors/{mentor_id}",
    "/chapters",
    "/chapters/{chapter_id}",
    "/mentors/{mentor_id}/contact",
    "/mentors/{mentor_id}/reminders",
    "/reminders",
    "/requests",
    "/requests/{request_id}",
    "/courses",
    "/courses/{course_id}",
    "/courses/{course_id}.ics",
    "/courses/{course_id}/people",
    "/mentors/{mentor_id}/topics",
}
# What each role gets to see in this registry: else the test might look at refusals alone.
REACHED: Final = {
    "peer_mentor": _OWN | _API,
    "coordinator": _LISTS
    | {
        "/letters",
        "/letters/{letter_id}",
        "/letters/{letter_id}/addresses",
        "/letters/{letter_id}/addresses.txt",
    },
    "org_admin": _LISTS
    | {
        "/admin",
        "/admin/audit",
        "/admin/chapters",
        "/admin/chapters/new",
        "/admin/chapters/{chapter_id}",
        "/admin/extensions",
        "/admin/memberships",
        "/admin/memberships/{membership_id}/end",
        "/admin/memberships/{membership_id}/name",
        "/admin/portal/replay",
        "/admin/types",
        "/admin/types/{type_id}",
        "/admin/types/{type_id}/certificate",
        "/mentors/new",
        "/mentors/{mentor_id}/edit",
    },
}


def addresses(site: Site) -> Iterator[str]:
    """Yield the template of every address that is read."""
    for route in iter_route_contexts(site.app.routes):
        if route.path and "GET" in (route.methods or ()):
            yield route.path

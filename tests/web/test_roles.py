"""Every address of the pages, as every role: open or closed as docs/access.md says of what it shows."""

from typing import Final
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, join
from tests.web.conftest import Site, form_token
from tests.web.test_forms import addresses, filled

EVERYBODY: Final = frozenset({"nobody", "stranger", "peer mentor", "coordinator", "administrator"})
SIGNED_IN: Final = EVERYBODY - {"nobody"}
MEMBERS: Final = SIGNED_IN - {"stranger"}
COORDINATORS: Final = MEMBERS - {"peer mentor"}
ADMINISTRATORS: Final = frozenset({"administrator"})

# The first beginning that fits; an address without one fails the test.
OPEN_TO: Final = {
    "/admin": ADMINISTRATORS,
    "/imports": ADMINISTRATORS,
    "/exports": ADMINISTRATORS,
    "/mentors/new": ADMINISTRATORS,
    "/mentors/readmit": ADMINISTRATORS,
    "/mentors/{mentor_id}/edit": ADMINISTRATORS,
    "/mentors/{mentor_id}/chapters": ADMINISTRATORS,
    "/overview": COORDINATORS,
    "/figures": COORDINATORS,
    "/forecast": COORDINATORS,
    "/favicon.ico": EVERYBODY,
    "/certifications/{certification_id}/certificate.pdf": MEMBERS,
    "/certifications": COORDINATORS,
    "/chapters": COORDINATORS,
    "/mentors": COORDINATORS,
    "/letters": COORDINATORS,
    "/reminders": COORDINATORS,
    "/follow-ups": COORDINATORS,
    "/requests": COORDINATORS,
    "/courses": COORDINATORS,
    "/search": COORDINATORS,
    "/filters": COORDINATORS,
    "/me": MEMBERS,
    "/organisation": SIGNED_IN,
    "/calendar/": EVERYBODY,
    "/check/": EVERYBODY,
    "/help": EVERYBODY,
    "/public/": EVERYBODY,
    "/robots.txt": EVERYBODY,
    "/sitemap.xml": EVERYBODY,
    "/sign-in": EVERYBODY,
    "/sign-out": EVERYBODY,
    "/language/form": MEMBERS,
    "/language": EVERYBODY,
    "/healthz": EVERYBODY,
    "/readyz": EVERYBODY,
    "/": EVERYBODY,
}


@pytest.fixture
def people(conn: Connection, organisation: Organisation) -> dict[str, UUID | None]:
    """One of each role; the stranger has a login and no membership."""
    mentor, coordinator, stranger = uuid4(), uuid4(), uuid4()
    row = organisation.mentor()
    join(organisation, mentor, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (mentor, row))
    join(organisation, coordinator, "coordinator", organisation.chapter)
    conn.execute("insert into auth.users (id) values (%s)", (stranger,))
    return {
        "nobody": None,
        "stranger": stranger,
        "peer mentor": mentor,
        "coordinator": coordinator,
        "administrator": organisation.admin,
    }


def open_to(path: str) -> frozenset[str]:
    """Return who may open an address."""
    for beginning, roles in OPEN_TO.items():
        if path.startswith(beginning) and (beginning != "/" or path == "/"):
            return roles
    raise AssertionError(f"nobody has said who may open {path}")


@pytest.mark.parametrize("is_safe", [True, False], ids=["reading", "changing"])
@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_open_or_closed(site: Site, people: dict[str, UUID | None], role: str, is_safe: bool) -> None:
    wrong = []
    for path in addresses(site.app, safe=is_safe):
        client = site.client(people[role])
        address = filled(path, uuid4())
        if is_safe:
            answer = client.get(address)
        else:
            token = form_token(client.get("/sign-in").text)
            answer = client.post(address, data={"form": token})
        is_sent_away = answer.status_code == 303 and answer.headers["location"].startswith(
            ("/sign-in?next=", "/organisation") if is_safe else ("/sign-in", "/organisation")
        )
        if path in {"/", "/sign-out", "/sign-in"} or path.startswith("/sign-in/"):
            is_sent_away = False
        is_closed = answer.status_code == 403 or is_sent_away
        # Who belongs to no organisation reads so on that page.
        if path == "/organisation" and role == "stranger":
            is_closed = False
        if is_closed is (role in open_to(path)) or answer.status_code >= 500:
            wrong.append((path, answer.status_code, answer.headers.get("location")))
    assert wrong == []

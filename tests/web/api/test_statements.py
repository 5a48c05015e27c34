"""However much there is to answer, a request asks the database as often."""

from typing import Any, Final

import psycopg
import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import today
from tests.web.api.conftest import API, As, People

# Becoming the user, a lazy commit where nothing changes, the organisation,
# and the log; and what an operation asks on top of it.
CONTEXT: Final = 4
READING: Final = {
    "certifications?size=200": 1,
    "certifications/{certification}": 1,
    "certifications/{certification}/history?size=200": 2,
    "certifications/{certification}/as-of?at=2026-01-01T00:00:00Z": 2,
    "peer-mentors?size=200": 1,
    "peer-mentors/{mentor}": 1,
}


class Counted:
    """How many statements were sent."""

    number = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, as_: As) -> Counted:
    """Counts from now on; what begins and ends the transaction is not counted."""
    counted, execute = Counted(), psycopg.Cursor.execute

    def count(*given: Any, **named: Any) -> Any:
        counted.number += 1
        return execute(*given, **named)

    monkeypatch.setattr(psycopg.Cursor, "execute", count)
    return counted


def test_reading(conn: Connection, people: People, as_: As, counted: Counted) -> None:
    few = statements(people, as_, counted)
    people.organisation.certify_many(150, last_day=today(conn, 30))
    people.organisation.certify(people.mentor, "half", past=100)
    assert statements(people, as_, counted) == few
    assert few == {path: CONTEXT + own for path, own in READING.items()}


def statements(people: People, as_: As, counted: Counted) -> dict[str, int]:
    client = as_("administrator")
    client.get(f"{API}/openapi.json")
    counts = {}
    for path in READING:
        counted.number = 0
        filled = path.format(certification=people.certification, mentor=people.mentor)
        client.get(f"{API}/{filled}").raise_for_status()
        counts[path] = counted.number
    return counts


def test_changing(people: People, as_: As, counted: Counted) -> None:
    client, path = as_("coordinator"), f"{API}/certifications/{people.certification}"
    for name, sent in (("renew", {}), ("suspend", {"reason": "x"}), ("reinstate", {})):
        counted.number = 0
        client.post(f"{path}/{name}", json=sent).raise_for_status()
        assert counted.number == CONTEXT - 1 + 2
    counted.number = 0
    sent = {"peer_mentor_id": str(people.mentor), "certification_type": "half"}
    client.post(f"{API}/certifications", json=sent).raise_for_status()
    assert counted.number == CONTEXT - 1 + 2


def test_the_public_list(conn: Connection, people: People, as_: As, counted: Counted) -> None:
    for added in range(2):
        counted.number = 0
        as_("nobody").get(f"{API}/public/demo?size=200").raise_for_status()
        assert counted.number == 2
        for number in range(20):
            mentor = people.organisation.mentor(f"{added}-{number}")
            people.organisation.certify(mentor, last_day=today(conn, 5))

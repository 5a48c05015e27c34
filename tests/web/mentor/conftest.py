"""A peer mentor with a login, a coordinator, and somebody of another organisation."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, join, set_up, today


@dataclass(frozen=True, slots=True)
class People:
    """Logins, the peer mentor that one of them is, and a certification that ends in 200 days."""

    organisation: Organisation
    mentor: UUID
    mentor_id: UUID
    coordinator: UUID
    other_coordinator: UUID
    stranger: UUID
    certification: UUID


@pytest.fixture
def people(conn: Connection, organisation: Organisation) -> People:
    mentor, coordinator, other_coordinator = uuid4(), uuid4(), uuid4()
    mentor_id, other_chapter = organisation.mentor("7"), uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'BGO', 'Bergen')",
        (other_chapter, organisation.id),
    )
    join(organisation, mentor, "peer_mentor")
    join(organisation, coordinator, "coordinator", organisation.chapter)
    join(organisation, other_coordinator, "coordinator", other_chapter)
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (mentor, mentor_id))
    stranger = set_up(conn, "other").admin
    certification = organisation.certify(mentor_id, last_day=today(conn, 200))
    return People(organisation, mentor, mentor_id, coordinator, other_coordinator, stranger, certification)

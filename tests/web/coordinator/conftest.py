"""A coordinator's chapter with people in it, and what lies outside of it."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from tests.support.registry import Organisation, join, set_up, today
from tests.web.conftest import Site


@dataclass(frozen=True, slots=True)
class Scene:
    """Kari in the coordinator's chapter, with a login; Ola in another one; Per in another organisation."""

    site: Site
    organisation: Organisation
    coordinator: UUID
    kari: UUID
    kari_login: UUID
    held: UUID
    ola: UUID
    elsewhere: UUID
    per: UUID
    foreign: UUID

    def client(self, who: str = "coordinator", language: str = "en") -> TestClient:
        """Return a browser of somebody: coordinator, admin, peer_mentor or nobody."""
        users = {
            "coordinator": self.coordinator,
            "admin": self.organisation.admin,
            "peer_mentor": self.kari_login,
            "nobody": None,
        }
        return self.site.client(users[who], language)


@pytest.fixture
def scene(site: Site, organisation: Organisation) -> Scene:
    conn = organisation.conn
    coordinator, login, other_chapter = uuid4(), uuid4(), uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'BGO', 'Bergen')",
        (other_chapter, organisation.id),
    )
    join(organisation, coordinator, "coordinator", organisation.chapter)
    join(organisation, login, "peer_mentor")
    kari, ola = organisation.mentor("7"), organisation.mentor("8")
    conn.execute(
        "update mentorcert.peer_mentors set full_name = 'Kari Nord', user_id = %s where id = %s",
        (login, kari),
    )
    conn.execute("update mentorcert.peer_mentors set full_name = 'Ola Vest' where id = %s", (ola,))
    held = organisation.certify(kari, last_day=today(conn, 20))
    elsewhere = organisation.certify(ola, last_day=today(conn, 20))
    conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s", (ola,)
    )
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
        " values (%s, %s, %s)",
        (organisation.id, ola, other_chapter),
    )
    strangers = set_up(conn, "strangers")
    per = strangers.mentor("9")
    conn.execute("update mentorcert.peer_mentors set full_name = 'Per Fremmed' where id = %s", (per,))
    foreign = strangers.certify(per, last_day=today(conn, 20))
    return Scene(site, organisation, coordinator, kari, login, held, ola, elsewhere, per, foreign)

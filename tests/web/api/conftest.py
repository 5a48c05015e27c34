"""The API, asked as each kind of person, in a small registry of two organisations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from mentorcert.web.security.tokens import issue
from tests.support.registry import Organisation, fetch, join, set_up, today
from tests.web.conftest import AUTH, Site

API: Final = "/api/v1"

As = Callable[[str], TestClient]


@dataclass(frozen=True, slots=True)
class People:
    """Two organisations; in the first a mentor with a certification, and everybody's logins by role."""

    organisation: Organisation
    other: Organisation
    mentor: UUID
    certification: UUID
    logins: dict[str, UUID | None]


@pytest.fixture
def people(conn: Connection) -> People:
    """A mentor in a chapter, with a certification that ends soon; and who may see and change that."""
    organisation, other = set_up(conn), set_up(conn, "other")
    mentor = organisation.mentor("7")
    logins = {role: uuid4() for role in ("coordinator", "elsewhere", "mentor", "colleague", "homeless")}
    chapter = fetch(
        conn,
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'BGO', 'Bergen') returning id",
        organisation.id,
    )
    join(organisation, logins["coordinator"], "coordinator", organisation.chapter)
    join(organisation, logins["elsewhere"], "coordinator", chapter)
    join(organisation, logins["mentor"], "peer_mentor")
    join(organisation, logins["colleague"], "peer_mentor")
    conn.execute("insert into auth.users (id) values (%s)", (logins["homeless"],))
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (logins["mentor"], mentor))
    issued = today(conn) - timedelta(days=300)
    certification = organisation.certify(mentor, issued=issued, last_day=today(conn, 60))
    return People(
        organisation,
        other,
        mentor,
        certification,
        {**logins, "administrator": organisation.admin, "stranger": other.admin, "nobody": None},
    )


@pytest.fixture
def as_(site: Site, people: People) -> As:
    """A client of the API with the token of a role's login; `nobody` has none."""

    def client(role: str) -> TestClient:
        opened = site.client()
        if (login := people.logins[role]) is not None:
            opened.headers["authorization"] = f"Bearer {issue(AUTH, login)}"
        return opened

    return client

"""Calendar feeds against changes at the same time, and in the export of a person; the rest is in pgTAP."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from mentorcert.db.connection import Connection, acting_as, become
from mentorcert.errors import MissingRightError, from_postgres
from mentorcert.organisations import data_subjects
from tests.support.registry import Organisation, fetch, join, rows, set_up, today
from tests.support.sessions import meanwhile

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


@pytest.fixture
def login() -> UUID:
    return uuid4()


@pytest.fixture
def mentor(conn: Connection, organisation: Organisation, login: UUID) -> UUID:
    mentor = organisation.mentor("7")
    join(organisation, login, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, mentor))
    organisation.certify(mentor, last_day=today(conn, 100))
    return mentor


def new_feed(conn: Connection) -> str:
    token: str = fetch(conn, "select public.create_calendar_feed()")
    return token


def shown(conn: Connection, token: str) -> int:
    """Return how many dates anybody gets by a token."""
    with acting_as(conn, None, role="anon"):
        number: int = fetch(conn, "select count(certification_id) from public.calendar_of(%s)", token)
        return number


def test_a_feed_that_is_made_while_the_person_is_erased(
    conn: Connection, database: str, mentor: UUID, login: UUID
) -> None:
    """It waits for the erasure, and then there is nobody to make it for."""

    def make(other: Connection) -> None:
        become(other, login)
        new_feed(other)

    with pytest.raises(InsufficientPrivilege) as refused:
        meanwhile(conn, database, lambda other: data_subjects.erase(other, mentor), make)
    assert isinstance(from_postgres(refused.value), MissingRightError)
    assert rows(conn, "select from mentorcert_private.calendar_feeds") == []


def test_an_erasure_while_a_feed_is_made(conn: Connection, database: str, mentor: UUID, login: UUID) -> None:
    tokens: list[str] = []

    def make(other: Connection) -> None:
        become(other, login)
        tokens.append(new_feed(other))

    meanwhile(conn, database, make, lambda other: data_subjects.erase(other, mentor))
    assert rows(conn, "select from mentorcert_private.calendar_feeds") == []
    assert [shown(conn, token) for token in tokens] == [0]


def test_two_feeds_at_once(conn: Connection, database: str, mentor: UUID, login: UUID) -> None:
    """There is one in the end, the last that was made."""
    tokens: list[str] = []

    def make(other: Connection) -> None:
        become(other, login)
        tokens.append(new_feed(other))

    meanwhile(conn, database, make, make)
    assert [shown(conn, token) for token in tokens] == [0, 1]


def test_the_export_of_a_person_holds_it(
    conn: Connection, mentorcert: Run, mentor: UUID, login: UUID
) -> None:
    def exported() -> dict[str, str] | None:
        everything = json.loads(mentorcert("person", "export", "demo", "7").stdout)
        feed: dict[str, str] | None = everything["calendar_feed"]
        return feed

    assert exported() is None
    with acting_as(conn, login):
        new_feed(conn)
    feed = exported()
    assert feed is not None
    assert feed.keys() == {"created_at"}


def test_no_token_is_like_another(conn: Connection, mentor: UUID, login: UUID) -> None:
    with acting_as(conn, login):
        tokens = [new_feed(conn) for _ in range(50)]
    assert len(set(tokens)) == 50
    assert [shown(conn, token) for token in tokens[-2:]] == [0, 1]
    # Nothing of the register is in it.
    known = [
        login,
        mentor,
        *(id_ for (id_,) in rows(conn, "select id from public.peer_mentor_certifications")),
    ]
    assert not any(id_.hex in token for id_ in known for token in tokens)

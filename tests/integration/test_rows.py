"""The one way to ask the database: typed rows, errors of our tree, organisations observed."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from mentorcert.db import connection, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import DuplicateError, MissingRightError, UnreadableValueError, ValueRejectedError
from tests.support.registry import join, set_up

NUMBERS = "select number, number * 2 as double from generate_series(1, %(last)s) as number"


@dataclass(frozen=True)
class Numbers:
    number: int
    double: int


class Model(BaseModel):
    number: int
    double: int


@dataclass(frozen=True)
class Owned:
    organisation_id: UUID | None


def test_kinds_of_rows(conn: Connection) -> None:
    assert rows.fetch_all(conn, Numbers, NUMBERS, last=2) == [Numbers(1, 2), Numbers(2, 4)]
    assert rows.fetch_all(conn, Model, NUMBERS, last=1) == [Model(number=1, double=2)]
    assert rows.fetch_all(conn, tuple[int, int], NUMBERS, last=1) == [(1, 2)]
    assert rows.fetch_all(conn, int, NUMBERS, last=3) == [1, 2, 3]
    with conn.transaction():
        assert [row.double for row in rows.stream(conn, Numbers, NUMBERS, last=2500)][-1] == 5000


def test_none_and_one(conn: Connection) -> None:
    assert rows.fetch_optional(conn, Numbers, NUMBERS, last=0) is None
    with pytest.raises(MissingRightError):
        rows.fetch_one(conn, Numbers, NUMBERS, last=0)
    with pytest.raises(MissingRightError):
        rows.change_one(conn, "update mentorcert.organisations set name = name")


def test_named_queries(tmp_path: Path) -> None:
    (tmp_path / "topic.sql").write_text(
        "-- name: first(slug)\nselect :slug::text;\n\n-- name: second()\nselect 'a' like 'a%';\n"
    )
    queries = rows.beside(str(tmp_path / "topic.py"))
    assert queries.first == "select %(slug)s::text;"
    with pytest.raises(AttributeError, match="third"):
        _ = queries.third


def test_a_per_cent_sign_without_parameters(conn: Connection) -> None:
    assert rows.fetch_one(conn, bool, "select 'ab' like 'a%'")
    assert rows.fetch_one(conn, bool, "select 'ab' like %(first)s || '%%'", first="a")


def test_errors_are_mapped(conn: Connection) -> None:
    query, user = "insert into auth.users (id) values (%(id)s)", uuid4()
    assert rows.execute(conn, query, id=user) == 1
    with pytest.raises(DuplicateError):
        rows.execute(conn, query, id=user)


def test_organisations_are_observed_while_asked_to(conn: Connection) -> None:
    """A leak is recorded as such for every user: the audit of accesses finds it."""
    first, second, query = uuid4(), uuid4(), "select %(id)s::uuid as organisation_id"
    with rows.observing(conn) as observed, conn.transaction():
        rows.fetch_all(conn, Owned, query, id=first)
        list(rows.stream(conn, Owned, query, id=second))
        rows.fetch_all(conn, Owned, query, id=None)
        rows.fetch_all(conn, UUID, query, id=uuid4())
    rows.fetch_all(conn, Owned, query, id=uuid4())
    assert observed == {first, second}


@dataclass(frozen=True)
class Ended:
    id: UUID
    ended_at: datetime | None


ENDS = "select id, ended_at from mentorcert.memberships where ended_at is not null"


@pytest.fixture
def infinite(conn: Connection) -> UUID:
    """A membership whose end no calendar has, as an older version or another program may have left it."""
    organisation = set_up(conn)
    for check in ("in_calendar", "valid"):
        conn.execute(
            f"alter table mentorcert.memberships drop constraint memberships_ended_at_{check}".encode()
        )
    join(organisation, login := uuid4(), "coordinator", organisation.chapter)
    (id_,) = rows.fetch_one(
        conn,
        tuple[UUID],
        "update mentorcert.memberships set ended_at = 'infinity' where user_id = %(login)s returning id",
        login=login,
    )
    return id_


def _read_async(database: str) -> None:
    async def read() -> None:
        async with connection.async_pool(database) as pool:
            await rows.fetch_all_async(pool, Ended, ENDS)

    asyncio.run(read())


def _read_stream(conn: Connection) -> None:
    with conn.transaction():
        list(rows.stream(conn, Ended, ENDS))


def test_a_stored_value_that_cannot_be_read(
    conn: Connection, database: str, infinite: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    for read in (
        lambda: rows.fetch_all(conn, Ended, ENDS),
        lambda: rows.fetch_optional(conn, tuple[UUID, datetime], ENDS),
        lambda: rows.fetch_one(conn, Ended, ENDS),
        lambda: _read_stream(conn),
        lambda: _read_async(database),
    ):
        caplog.clear()
        with pytest.raises(UnreadableValueError) as caught:
            read()
        assert caught.value.__cause__ is None
        (record,) = caplog.records
        fields = record.__dict__["fields"]
        assert (record.getMessage(), fields["column"]) == ("stored_value_unreadable", "ended_at")
        assert fields["row_id"] == str(infinite)
        assert fields["table"] == "mentorcert.memberships" or fields["table"].isdecimal()
        assert "infinity" not in str(record.__dict__)


def test_a_value_that_is_not_what_the_code_takes(conn: Connection) -> None:
    with pytest.raises(UnreadableValueError):
        rows.fetch_all(conn, Model, "select 'x' as number, 1 as double")
    # What a client may have put into JSON, and PostgreSQL reads.
    for stored in ("(repeat('9', 5000))", "(repeat('[', 3000) || repeat(']', 3000))"):
        with pytest.raises(UnreadableValueError):
            rows.fetch_all(conn, object, f"select {stored}::jsonb")
    # One that was sent is the sender's.
    with pytest.raises(ValueRejectedError):
        rows.fetch_all(conn, str, "select %(sent)s::text", sent="\0")

"""Behind PgBouncer in transaction mode: connections are shared, and nobody finds another's rights there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.db.connection import Connection, acting_as, connect
from tests.support import pooler
from tests.support.processes import DEADLINE_S
from tests.support.registry import fetch
from tests.support.servers import on_pooled_15

pytestmark = on_pooled_15

PID = "select pg_catalog.pg_backend_pid()"
WHO = "current_user::text, auth.uid(), current_setting('request.jwt.claims', true)"
NOBODY = {("postgres", None, None), ("postgres", None, "")}


@pytest.fixture
def other(database: str) -> Iterator[Connection]:
    """A second client."""
    with connect(database, autocommit=True) as connection:
        yield connection


def seen_by_next_clients(database: str) -> set[tuple[object, ...]]:
    """Return what new clients find on both of the pooler's connections."""
    with connect(database) as one, connect(database) as other:
        found = {conn.execute(f"{PID}, {WHO}".encode()).fetchone() for conn in (one, other)}
    assert len(found) == 2
    return {row[1:] for row in found if row is not None}


def test_a_clients_next_transaction_gets_another_connection(conn: Connection, other: Connection) -> None:
    with conn.transaction():
        first = conn.execute(PID).fetchone()
        assert conn.execute(PID).fetchone() == first
    with other.transaction():
        others = other.execute(PID).fetchone()
        second = conn.execute(PID).fetchone()
        assert second != others
    alone = [conn.execute(PID).fetchone() for _ in range(4)]
    assert len({first, others, second, *alone}) == 2
    assert all(one != next_ for one, next_ in pairwise(alone))


def test_a_setting_of_the_session_would_reach_the_next_client(conn: Connection, database: str) -> None:
    conn.execute("select set_config('role', 'anon', false), set_config('request.jwt.claims', '{}', false)")
    assert ("anon", None, "{}") in seen_by_next_clients(database)


def test_acting_as_somebody_leaves_nothing_to_the_next_client(conn: Connection, database: str) -> None:
    for _ in range(2):
        with acting_as(conn, uuid4()):
            assert conn.execute("select current_user::text").fetchone() == ("authenticated",)
    assert seen_by_next_clients(database) <= NOBODY


def test_nor_does_an_error_or_an_end_half_way(conn: Connection, other: Connection, database: str) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), acting_as(conn, uuid4()):
        conn.execute("select 1 / 0")
    with acting_as(other, uuid4()):
        other.close()
    assert seen_by_next_clients(database) <= NOBODY


def test_more_clients_than_connections(database: str) -> None:
    clients = 20
    together = Barrier(clients, timeout=DEADLINE_S)

    def work(user: UUID) -> set[object]:
        with connect(database) as conn:
            together.wait()
            pids = set[object]()
            for _ in range(10):
                with acting_as(conn, user):
                    assert fetch(conn, "select auth.uid()") == user
                    pids.add(fetch(conn, PID))
        return pids

    with ThreadPoolExecutor(clients) as threads:
        used = set[object]().union(*threads.map(work, [uuid4() for _ in range(clients)]))
    assert 2 <= len(used) <= pooler.CONNECTIONS

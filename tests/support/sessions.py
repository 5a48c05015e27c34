"""Several sessions at once: what one of them does while another waits or has not committed."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mentorcert.db.connection import Connection, connect
from tests.support.processes import DEADLINE_S
from tests.support.registry import fetch

T = TypeVar("T")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as the condition holds; fails after a generous deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting for: {what}"
        time.sleep(0.005)


def waiting(conn: Connection) -> int:
    """Return how many other sessions of this database wait for a lock."""
    number: int = fetch(
        conn,
        "select count(*) from pg_catalog.pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()",
    )
    return number


def working(conn: Connection) -> int:
    """Return how many other sessions of this database do something; a pooler keeps those that do nothing."""
    number: int = fetch(
        conn,
        "select count(*) from pg_catalog.pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend' and state <> 'idle'"
        " and pid <> pg_backend_pid()",
    )
    return number


def meanwhile(
    conn: Connection, url: str, first: Callable[[Connection], object], second: Callable[[Connection], T]
) -> T:
    """Do the second while the first is done but not committed, each in a transaction; return what it returns.

    Where the second has to wait, the first commits as soon as it does; where not, after it.
    """
    with connect(url) as one, connect(url) as other, ThreadPoolExecutor(1) as threads:

        def do_second() -> T:
            with other.transaction():
                return second(other)

        with one.transaction():
            first(one)
            result = threads.submit(do_second)
            wait_until(lambda: result.done() or waiting(conn) > 0, "the second to end or to wait")
        return result.result(DEADLINE_S)

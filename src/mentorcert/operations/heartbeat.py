"""The heartbeat of the database: a time that the worker writes, by which a standby knows how far it is behind."""

import threading
from collections.abc import Callable
from typing import Final

from mentorcert import loops
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.db.session import allow_lost_commit

EVERY_S: Final = 2.0

_RETRY_S: Final = 5.0
_QUERIES: Final = rows.beside(__file__)


def beat(conn: Connection) -> None:
    """Write the time; needs an autocommit connection to the primary."""
    with conn.transaction():
        # A standby that hangs must not hold up what says so.
        allow_lost_commit(conn)
        rows.send(conn, _QUERIES.beat)


def seconds_behind(conn: Connection) -> float | None:
    """Return how old the heartbeat is that this server knows, by its own clock; None where there was none."""
    return rows.fetch_optional(conn, float, _QUERIES.seconds_behind)


def run_forever(connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Write it every two seconds on one connection, until `stop` is set; a failure is logged and tried again."""

    def work() -> float:
        with connect() as conn:
            beat(conn)
            while not stop.wait(EVERY_S):
                beat(conn)
        return 0.0

    loops.run_forever(work, stop, failed="heartbeat_waits", retry_s=_RETRY_S)

"""The cost of asking what is late: all findings of the portals of a whole sector, as status, probes and alerts read them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

import aiosql

from bench.measure import Notify, Result, compare, in_turns
from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from mentorcert.portal.monitoring import health

ORGANISATIONS: Final = 840
MENTORS: Final = 250_000
LATE: Final = 100
AIM_S: Final = 0.05

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def fill(conn: Connection, organisations: int, mentors: int, late: int) -> None:
    """Insert connections in live mode and confirmed states, of which some are removals that are late; past the triggers."""
    with conn.transaction():
        _QUERIES.lift_triggers(conn)
        _QUERIES.insert_connections(conn, organisations=organisations)
        _QUERIES.insert_states(conn, organisations=organisations, mentors=mentors, late=late)
    _QUERIES.vacuum(conn)


def measure(url: str, organisations: int, mentors: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Migrate and fill an empty database, then time the reading of the health."""
    notify(f"the health of {organisations} portals")
    with connect(url, autocommit=True) as conn:
        list(migrate.migrate(conn, migrate.read()))
        fill(conn, organisations, mentors, LATE)

        def timing(work: Callable[[], object]) -> Callable[[], float]:
            def timed() -> float:
                started = perf_counter()
                work()
                return perf_counter() - started

            return timed

        seconds = in_turns(
            {
                "the late removals alone": timing(lambda: _QUERIES.late(conn)),
                "health of all portals": timing(lambda: health.read(conn)),
            },
            rounds,
        )
    yield compare(
        seconds, "health of all portals", "the late removals alone", benchmark="health", rows=mentors,
        case=f"{organisations} organisations", aim_s=AIM_S, note=f"{LATE} late",
    )  # fmt: skip

"""The cost of marking what the portal must be sent: a nightly run and a change of many, with and without."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

import aiosql

from bench import data
from bench.measure import Notify, Result, compare, in_turns
from mentorcert.db.connection import Connection

AIM: Final = 1.5

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def measure(conn: Connection, rows: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Time both, all of it rolled back, on a registry that `data.fill` has filled."""
    tonight = _QUERIES.tonight(conn)
    _QUERIES.know_everybody(conn)
    due = _QUERIES.count_due(conn, as_of=tonight)
    extended = min(rows // 6, data.DUE // 3)

    def timing(work: Callable[[], None], *, is_marked: bool) -> Callable[[], float]:
        def timed() -> float:
            data.settle(conn)
            with conn.transaction(force_rollback=True):
                if not is_marked:
                    _QUERIES.lift_portal(conn)
                started = perf_counter()
                work()
                return perf_counter() - started

        return timed

    works: dict[str, tuple[str, Callable[[], None]]] = {
        "run_nightly": (f"{due:,} due", lambda: _QUERIES.run_nightly(conn, as_of=tonight)),
        "one update": (f"{extended:,} extended", lambda: _QUERIES.extend(conn, number=extended)),
    }
    for name, (case, work) in works.items():
        notify(f"{name} with the portal, {case}")
        without = f"{name} without the portal"
        seconds = in_turns(
            {without: timing(work, is_marked=False), name: timing(work, is_marked=True)}, rounds
        )
        with conn.transaction(force_rollback=True):
            work()
            marked = _QUERIES.marked(conn)
        yield compare(
            seconds, name, without, benchmark="marking", rows=rows, case=case, aim=AIM,
            note=f"{marked:,} marked",
        )  # fmt: skip

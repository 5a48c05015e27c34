"""Changes of many certifications by an administrator, against one bare update that writes as many entries."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import aiosql
from psycopg.types.json import Jsonb

from bench import data
from bench.measure import Notify, Result, compare, in_turns
from mentorcert.db.connection import Connection, become

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

AIM: Final = 3.0
BARE: Final = "bare update"


def measure(conn: Connection, rows: int, number: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Time an extension of `number` certifications, renewals of a sixth and a reversal of a fifth of them.

    They are those of one organisation beside `rows` of others. It is committed, since PostgreSQL checks the foreign keys of
    rows that their own transaction wrote once more, and taken away in the end; what is timed is rolled back.
    """
    with conn.transaction():
        _fill(conn, number)
    try:
        data.settle(conn)
        yield from _measure(conn, rows, number, rounds, notify)
    finally:
        with conn.transaction():
            _empty(conn)


def _measure(conn: Connection, rows: int, number: int, rounds: int, notify: Notify) -> Iterator[Result]:
    renewed, reverted = number // 6, number // 5
    ids = {count: _QUERIES.certifications(conn, number=count) for count in (renewed, reverted, number)}
    administrator = _QUERIES.administrator(conn)

    def revert() -> None:
        _QUERIES.revert(conn, batch_id=batch_id)

    cases: dict[str, tuple[int, Callable[[], Any]]] = {
        "preview of renewals": (renewed, lambda: _QUERIES.preview(conn, ids=ids[renewed])),
        "renewals": (renewed, lambda: _QUERIES.renew(conn, ids=ids[renewed])),
        "extension": (number, lambda: _QUERIES.extend(conn)),
        "reversal": (reverted, revert),
    }
    for name, (count, work) in cases.items():
        notify(f"{name} of {count:,}")
        if work is revert:
            with conn.transaction():
                become(conn, administrator)
                batch_id = _QUERIES.extend_chapter(conn)

        def timed(work: Callable[[], Any] = work) -> tuple[float, Any]:
            with conn.transaction(force_rollback=True):
                become(conn, administrator)
                started = perf_counter()
                work()
                return perf_counter() - started, _QUERIES.newest_entry(conn)

        _, entry = timed()

        def bare(count: int = count, entry: Any = entry) -> float:
            with conn.transaction(force_rollback=True):
                _QUERIES.lift_triggers(conn)
                started = perf_counter()
                _QUERIES.bare_update(conn, ids=ids[count], entry=Jsonb(entry))
                return perf_counter() - started

        seconds = in_turns({name: lambda timed=timed: timed()[0], BARE: bare}, rounds)  # type: ignore[misc]
        yield compare(
            seconds, name, BARE, benchmark="changes", rows=rows, case=f"{count:,} certifications", aim=AIM
        )


def _fill(conn: Connection, number: int) -> None:
    _QUERIES.lift_triggers(conn)
    _QUERIES.insert_organisation(conn)
    _QUERIES.insert_chapters(conn)
    _QUERIES.insert_type(conn)
    _QUERIES.insert_administrator(conn)
    _QUERIES.insert_peer_mentors(conn, number=number)
    _QUERIES.insert_chapters_of_peer_mentors(conn)
    _QUERIES.insert_certifications(conn)
    _QUERIES.insert_listing(conn)
    _QUERIES.insert_states(conn)
    _QUERIES.restore_triggers(conn)


def _empty(conn: Connection) -> None:
    _QUERIES.lift_triggers(conn)
    _QUERIES.delete_all(conn)
    _QUERIES.restore_triggers(conn)

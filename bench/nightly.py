"""The nightly run, where as many certifications end tonight as `data` makes due."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import aiosql
import psycopg
from psycopg import errors

from bench import data
from bench.measure import Notify, Result, compare, in_turns
from mentorcert.db.connection import Connection

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

BARE = "bare update"
AIM = 1.3


def measure(conn: Connection, rows: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Time the run, all of it rolled back, on a registry that `data.fill` has filled."""
    tonight = _QUERIES.tonight(conn)
    due = _QUERIES.count_due(conn, as_of=tonight)

    def bare(conn: Connection) -> None:
        _QUERIES.lift_triggers(conn)
        _QUERIES.bare_update(conn, as_of=tonight)

    def expire(conn: Connection) -> None:
        _QUERIES.expire_due_certifications(conn, as_of=tonight)

    def run(conn: Connection) -> None:
        _QUERIES.run_nightly(conn, as_of=tonight)

    def timing(work: Callable[[Connection], None]) -> Callable[[], float]:
        def timed() -> float:
            data.settle(conn)
            with conn.transaction(force_rollback=True):
                started = perf_counter()
                work(conn)
                seconds = perf_counter() - started
                assert _QUERIES.count_expired(conn) == due
            return seconds

        return timed

    works = {BARE: bare, "expire_due_certifications": expire, "run_nightly": run}
    notify(f"nightly run, {due:,} of {rows:,} due")
    seconds = in_turns({name: timing(work) for name, work in works.items()}, rounds)
    for name in ("expire_due_certifications", "run_nightly"):
        statements = count_statements(conn, works[name])
        yield compare(
            seconds,
            name,
            BARE,
            benchmark="nightly",
            rows=rows,
            case=f"{due:,} due",
            aim=AIM,
            note="" if statements is None else f"{statements} statements",
        )


def count_statements(conn: Connection, work: Callable[[Connection], None]) -> int | None:
    """Count the statements that the work executes, those within functions and triggers too.

    Returns None where the server lacks auto_explain.
    """
    try:
        conn.execute("load 'auto_explain'")
    except errors.UndefinedFile:
        return None
    texts: list[str | None] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        texts.append(diagnostic.message_primary)

    conn.add_notice_handler(note)
    try:
        with conn.transaction(force_rollback=True):
            for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_level = notice"):
                conn.execute(f"set local auto_explain.{setting}")
            texts.clear()
            work(conn)
            return len(texts)
    finally:
        conn.remove_notice_handler(note)

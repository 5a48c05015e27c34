"""Takes tasks up and brings each to its end; any number of processes may."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mentorcert import logs, loops
from mentorcert.db.connection import Connection
from mentorcert.errors import (
    DatabaseError,
    DatabaseUnreachableError,
    MentorcertError,
    RequesterGoneError,
    from_postgres,
)
from mentorcert.imports.parsing import CancelledParsingError, Parsing
from mentorcert.imports.tabular import Table
from mentorcert.imports.tasks.heartbeat import QUERIES, Heartbeat, InterruptedTaskError
from mentorcert.imports.tasks.turns import Lanes, Turns
from mentorcert.imports.tasks.work import Claim, Work, packed, perform
from mentorcert.translatable import pack

PAUSE_S: Final = 1.0
FAILURE_PAUSE_S: Final = 5.0
LEASE_S: Final = 30.0
TIDY_EVERY_S: Final = 600.0
SMALL_FILE_BYTES: Final = 2**20

_CONFLICTS: Final = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)
_MOST_ATTEMPTS: Final = 3
_ROWS_AT_ONCE: Final = 5000


def run_forever(
    open_connection: Callable[[], Connection],
    stop: threading.Event,
    *,
    lease_s: float = LEASE_S,
    heartbeat_s: float = 1.0,
    lanes: Lanes | None = None,
) -> None:
    """Do each task that waits, until `stop` is set; then what is being done is undone and left for the next.

    Two are done at a time, and one of the two is always a small one: it does not wait for a large one.
    `open_connection` opens one in autocommit, as mentorcert_tasks. A database that is away is logged,
    and asked again. A process that dies leaves its task for others once `lease_s` have passed. Where a process
    serves several databases, these share `lanes`, and their files are read in turns.
    """
    turns = lanes or Lanes()

    def keep_working(most_bytes: int | None) -> None:
        tidied_at = -TIDY_EVERY_S

        def work() -> float:
            nonlocal tidied_at
            with open_connection() as conn:
                while not stop.is_set():
                    if most_bytes is None and monotonic() - tidied_at >= TIDY_EVERY_S:
                        tidy(conn)
                        tidied_at = monotonic()
                    if not work_one(
                        conn,
                        open_connection,
                        stop,
                        lease_s=lease_s,
                        heartbeat_s=heartbeat_s,
                        most_bytes=most_bytes,
                        turns=turns.of(most_bytes),
                    ):
                        stop.wait(PAUSE_S)
            return 0.0

        loops.run_forever(work, stop, failed="task_runner_waits", retry_s=FAILURE_PAUSE_S)

    small = loops.new_thread(keep_working, SMALL_FILE_BYTES, name="small-tasks")
    small.start()
    try:
        keep_working(None)
    finally:
        stop.set()
        small.join()


def tidy(conn: Connection) -> int:
    """Delete what is kept no longer; return of how many tasks."""
    number: int = QUERIES.delete_outdated(conn)
    if number:
        logs.event("task_contents_deleted", tasks=number)
    return number


def waiting(conn: Connection, *, minutes: int = 5) -> list[tuple[str, int]]:
    """Return the organisations with tasks that nobody has worked for as long, and how many those are."""
    return [(slug, tasks) for slug, tasks in QUERIES.waiting(conn, minutes=minutes)]


def work_one(
    conn: Connection,
    open_connection: Callable[[], Connection],
    stop: threading.Event,
    *,
    lease_s: float = LEASE_S,
    heartbeat_s: float = 1.0,
    most_bytes: int | None = None,
    turns: Turns | None = None,
) -> bool:
    """Do the task that has waited longest, of those with a file of at most `most_bytes`; False if none waits.

    Whatever goes wrong with it stands in the task. Raises DatabaseUnreachableError, psycopg.Error.
    """
    with conn.cursor(row_factory=class_row(Claim)) as cursor:
        claim = cursor.execute(QUERIES.claim.sql, {"lease_s": lease_s, "most_bytes": most_bytes}).fetchone()
    if claim is None:
        return False
    started = monotonic()
    logs.event("task_begun", task_id=str(claim.id), kind=claim.kind, attempt=claim.attempts)
    heartbeat = Heartbeat(open_connection, conn, claim, stop, lease_s=lease_s, every_s=heartbeat_s)
    try:
        with heartbeat:
            work = _work(conn, claim, heartbeat, turns or Turns())
        logs.event(
            "task_ended",
            task_id=str(claim.id),
            kind=claim.kind,
            error_kind=type(work.error).__name__ if work.error else None,
            seconds=round(monotonic() - started, 3),
        )
    except Exception as error:
        if conn.broken:
            raise DatabaseUnreachableError from error
        _settle(conn, claim, heartbeat, error)
    return True


def _work(conn: Connection, claim: Claim, heartbeat: Heartbeat, turns: Turns) -> Work:
    if not claim.is_allowed:
        raise RequesterGoneError
    heartbeat.report("reading", 0, 0)
    table = None if claim.file is None else _read(claim.file_name or "", claim.file, heartbeat, turns)
    # One transaction: what is written, and that it is, are kept together or not at all.
    with conn.transaction():
        work = perform(conn, claim, table, heartbeat.report)
        for start in range(0, len(work.rows), _ROWS_AT_ONCE):
            some = work.rows[start : start + _ROWS_AT_ONCE]
            QUERIES.add_rows(
                conn,
                id=claim.id,
                lease_token=claim.lease_token,
                lines=[row.line for row in some],
                verdicts=[row.verdict for row in some],
                warnings=[row.has_warning for row in some],
                contents=[row.content for row in some],
            )
        _finish(conn, claim, work)
    return work


def _read(name: str, content: bytes, heartbeat: Heartbeat, turns: Turns) -> Table:
    parsing = Parsing(name, content)
    try:
        with turns.next() as turn:
            with heartbeat.interrupting(turn.give_up):
                turn.wait()
            with heartbeat.interrupting(parsing.cancel):
                return parsing.read()
    except CancelledParsingError:
        raise InterruptedTaskError from None


def _finish(conn: Connection, claim: Claim, work: Work) -> None:
    """Write the result; raises InterruptedTaskError where the task is not this process's any more."""
    is_finished = QUERIES.finish(
        conn,
        id=claim.id,
        lease_token=claim.lease_token,
        state="failed" if work.error else "done",
        result=Jsonb(work.result),
        result_file_name=work.file_name,
        result_file=work.file,
        error=Jsonb(packed(work.error)) if work.error else None,
        notes=Jsonb([pack(note) for note in work.notes]),
    )
    if not is_finished:
        raise InterruptedTaskError


def _settle(conn: Connection, claim: Claim, heartbeat: Heartbeat, error: Exception) -> None:
    """Leave the task as its failure wants it."""
    facts: dict[str, Any] = {"task_id": str(claim.id), "kind": claim.kind}
    key = {"id": claim.id, "lease_token": claim.lease_token}
    if isinstance(error, InterruptedTaskError) or (
        heartbeat.reason is not None and isinstance(error, errors.QueryCanceled)
    ):
        logs.event("task_interrupted", **facts, reason=heartbeat.reason or "taken away")
        if heartbeat.reason == "stopped":
            QUERIES.give_back(conn, **key, attempts=claim.attempts - 1)
        return
    if isinstance(error, _CONFLICTS) and claim.attempts < _MOST_ATTEMPTS:
        logs.event("task_in_conflict", level=logging.WARNING, error=error, **facts)
        QUERIES.give_back(conn, **key, attempts=claim.attempts)
        return
    known = from_postgres(error) if isinstance(error, psycopg.Error) else error
    is_expected = isinstance(known, MentorcertError) and not isinstance(known, DatabaseError)
    logs.event("task_failed", level=logging.WARNING if is_expected else logging.ERROR, error=error, **facts)
    if not isinstance(known, MentorcertError):
        # Its text may quote a row.
        known = MentorcertError()
    with suppress(InterruptedTaskError):
        _finish(conn, claim, Work({}, error=known))

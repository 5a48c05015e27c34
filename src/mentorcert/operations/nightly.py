"""The nightly run: expires what is due, in the database, and reports what was done."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import class_row

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.errors import FutureNightError, MentorcertError, NightlyFailedError

LONGEST_WAIT_S: Final = 300.0

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Day:
    """What a run did for one organisation and local day; the ledger keeps the day's sum over all runs."""

    organisation: str
    local_day: date
    caught_up: bool
    expired: int
    unlisted: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """A certification that a run would expire, and whether its holder would leave the public list."""

    certification_id: UUID
    organisation: str
    peer_mentor: str
    certification_type: str
    expires_at: datetime
    last_valid_day: date
    leaves_list: bool


def run(conn: Connection, as_of: datetime | None = None, *, batch_size: int | None = None) -> list[Day]:
    """Do the nightly run as of an instant (now), missed local days included.

    With a batch size, in as many transactions as it takes; needs an autocommit connection. Raises
    FutureNightError, and NightlyFailedError once the failure stands in the ledger.
    """
    if as_of is not None and as_of > datetime.now(UTC):
        raise FutureNightError(hint="Add --dry-run to see what that night would do.")
    started = monotonic()
    days: dict[tuple[str, date], Day] = {}
    while True:
        with conn.transaction(), conn.cursor(row_factory=class_row(Day)) as cursor:
            done = cursor.execute(_QUERIES.run.sql, {"as_of": as_of, "batch_size": batch_size}).fetchall()
        if error := next((day.error for day in done if day.error), None):
            logs.event("nightly_failed", level=logging.ERROR, reason=error)
            raise NightlyFailedError(
                f"The nightly run failed: {error}.",
                hint="Nothing was changed. Mend the cause and run it again; it catches up.",
            )
        for day in done:
            so_far = days.get((day.organisation, day.local_day))
            days[day.organisation, day.local_day] = day if so_far is None else _sum(so_far, day)
        if batch_size is None or sum(day.expired for day in done) < batch_size:
            break
    logs.event(
        "nightly_done",
        days=len(days),
        expired=sum(day.expired for day in days.values()),
        unlisted=sum(day.unlisted for day in days.values()),
        seconds=round(monotonic() - started, 3),
    )
    return list(days.values())


def due(conn: Connection, as_of: datetime | None = None) -> list[Due]:
    """Return exactly what a run as of an instant (now) would expire; nothing is changed."""
    with conn.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(_QUERIES.due.sql, {"as_of": as_of}).fetchall()


def keep_watch(connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Do each nightly run when the ledger says that it is due, until told to stop.

    A run that fails, or a database that is away, is logged and tried again within LONGEST_WAIT_S.
    """
    while not stop.is_set():
        wait_s = LONGEST_WAIT_S
        try:
            with connect() as conn:
                now, next_at = _QUERIES.next_run(conn)
                if next_at is not None and next_at <= now:
                    run(conn)
                    now, next_at = _QUERIES.next_run(conn)
            if next_at is not None:
                wait_s = min(max((next_at - now).total_seconds(), 0.0), LONGEST_WAIT_S)
        except (MentorcertError, psycopg.Error) as error:
            logs.event("worker_waits", level=logging.ERROR, error=error, seconds=wait_s)
        stop.wait(wait_s)


def _sum(one: Day, other: Day) -> Day:
    return replace(one, expired=one.expired + other.expired, unlisted=one.unlisted + other.unlisted)

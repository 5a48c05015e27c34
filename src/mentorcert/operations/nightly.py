"""The nightly run: expires what is due, in the database, and reports what was done."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from time import monotonic
from typing import Final
from uuid import UUID

from mentorcert import logs, loops, traces
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import FutureNightError, NightlyFailedError

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Day:
    """What a run did for one organisation and local day; the ledger holds the day's total of all runs.

    Of a failed run there is one, of no organisation, with the error.
    """

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
    """Do the nightly run as of an instant (now), missed local days included; return the days on which something ended.

    With a batch size, in several transactions; needs an autocommit connection. Raises FutureNightError, and
    NightlyFailedError once the failure is recorded in the ledger.
    """
    if as_of is not None and as_of > datetime.now(UTC):
        raise FutureNightError(hint="Add --dry-run to see what that night would do.")
    started = monotonic()
    days: dict[tuple[str, date], Day] = {}
    while True:
        with traces.traced("nightly run"), rows.mapped_errors(), conn.transaction():
            done = rows.fetch_all(conn, Day, _QUERIES.run, as_of=as_of, batch_size=batch_size)
        if error := next((day.error for day in done if day.error), None):
            logs.event("nightly_failed", level=logging.ERROR, reason=error)
            raise NightlyFailedError(
                f"The nightly run failed: {error}.",
                hint="Nothing was changed. Fix the cause and run it again; it catches up.",
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
    return rows.fetch_all(conn, Due, _QUERIES.due, as_of=as_of)


def run_forever(connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Do each nightly run when the ledger says that it is due, until `stop` is set.

    A run that fails, or a database that is away, is logged and tried again.
    """
    loops.run_when_due(connect, stop, next_run=_next_run, run=run, failed="worker_waits")


def _next_run(conn: Connection) -> tuple[datetime, datetime | None]:
    return rows.fetch_one(conn, tuple[datetime, datetime | None], _QUERIES.next_run)


def _sum(day: Day, other: Day) -> Day:
    return replace(day, expired=day.expired + other.expired, unlisted=day.unlisted + other.unlisted)

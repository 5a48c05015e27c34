"""How the sync stands with every portal, read in one snapshot of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import aiosql
from psycopg.rows import class_row

from mentorcert.db.connection import Connection

Mode = Literal["capture", "shadow", "canary", "live", "paused"]

SENDING: Final[frozenset[Mode]] = frozenset({"canary", "live"})
UNSETTLED: Final = ("unknown", "failed", "needs_fetch", "needs_person")
NOTICE_DAYS: Final = 30

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """How it stands with one organisation's portal; without an adapter nobody has connected one.

    `oldest_removal_s`: for so many seconds, in a mode that sends, somebody who should be off the portal's
    list has not been confirmed to be (`removals` of them); `oldest_change_s` the same of any other change.
    None where there is none. `held_removals` are those that the mode keeps back.
    """

    organisation: str
    mode: Mode
    mode_since: datetime | None
    mode_s: float | None
    changed_at: datetime | None
    changed_by: str | None
    reason: str | None
    adapter: str | None
    contract_version: str | None
    breaker: Literal["closed", "open", "blocked"]
    breaker_reason: str | None
    breaker_since: datetime | None
    rows_by_state: Mapping[str, int]
    rows_by_error: Mapping[str, int]
    held_removals: int
    removals: int
    oldest_removal_s: float | None
    oldest_change_s: float | None
    attempts_by_outcome: Mapping[str, int]

    @property
    def sends(self) -> bool:
        """Whether the portal is told anything."""
        return self.mode in SENDING


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that was heard of within a day and has not stopped, and for how many seconds it is silent."""

    worker: str
    started_at: datetime
    silent_s: float


@dataclass(frozen=True, slots=True)
class SecretEnd:
    """A secret that expires: where it stands in the connection's file, and when (`expires_s`: Unix time)."""

    organisation: str
    place: str
    expires: date
    days_left: int
    expires_s: float


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one state; `lapsing` of them lose their bodies within NOTICE_DAYS."""

    organisation: str
    state: str
    messages: int
    oldest_s: float
    lapsing: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The latest comparison that was no dry run, when each scope was last done, and what differs now."""

    organisation: str
    scope: Literal["recent", "full"] | None
    outcome: Literal["done", "stopped", "unverified", "failed"] | None
    reason: str | None
    finished_at: datetime | None
    full_at: datetime | None
    recent_at: datetime | None
    full_s: float | None
    any_s: float | None
    drift: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RecentAttempts:
    """How many attempts had one outcome lately."""

    organisation: str
    outcome: str
    last_hour: int
    last_day: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one instant, each list by organisation."""

    standings: Sequence[ConnectionHealth]
    workers: Sequence[Worker] = ()
    secrets: Sequence[SecretEnd] = ()
    messages: Sequence[Messages] = ()
    reconciliations: Sequence[Reconciliation] = ()
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def worker_silent_s(self) -> float:
        """For how many seconds no worker has been heard of; infinite where there is none."""
        return min((worker.silent_s for worker in self.workers), default=float("inf"))

    def of(self, organisation: str) -> "Snapshot":
        """Return the part that concerns one organisation, and the workers, who serve all."""

        def own(rows: Sequence[T]) -> list[T]:
            return [row for row in rows if getattr(row, "organisation", None) == organisation]

        return replace(
            self,
            standings=own(self.standings),
            secrets=own(self.secrets),
            messages=own(self.messages),
            reconciliations=own(self.reconciliations),
        )


def read(conn: Connection) -> Snapshot:
    """Read how things stand, in a transaction of its own; needs an idle connection.

    Seven statements, however many organisations there are. Raises psycopg.Error.
    """
    with conn.transaction():
        _QUERIES.limits(conn)
        _QUERIES.time_limit(conn)
        return _snapshot(conn, _QUERIES.workers.sql)


def read_own(conn: Connection) -> Snapshot:
    """Read how it stands with the portal of the organisation that the connection's user administers.

    In the transaction that is open, by row-level security; the workers have no names. Raises psycopg.Error.
    """
    return _snapshot(conn, _QUERIES.heartbeats.sql)


def _snapshot(conn: Connection, workers: str) -> Snapshot:
    return Snapshot(
        standings=_rows(conn, ConnectionHealth, _QUERIES.standings.sql),
        workers=_rows(conn, Worker, workers),
        secrets=_rows(conn, SecretEnd, _QUERIES.secrets.sql),
        messages=_rows(conn, Messages, _QUERIES.messages.sql, notice_days=NOTICE_DAYS),
        reconciliations=_rows(conn, Reconciliation, _QUERIES.reconciliations.sql),
    )


def recent_attempts(conn: Connection) -> list[RecentAttempts]:
    """Count the attempts of the last hour and the last day by outcome."""
    return _rows(conn, RecentAttempts, _QUERIES.recent_attempts.sql)


def _rows(conn: Connection, kind: type[T], query: str, **parameters: Any) -> list[T]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query.encode(), parameters or None).fetchall()

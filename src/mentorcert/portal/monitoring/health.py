"""The health of every connection, read in one snapshot of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final, Literal, TypeVar

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.portal.model import Mode

SENDING: Final[frozenset[Mode]] = frozenset({"canary", "live"})
NOTICE_DAYS: Final = 30

_QUERIES: Final = rows.beside(__file__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """The health of one organisation's connection; without an adapter no portal is connected.

    `oldest_removal_s`: age of the oldest of the unconfirmed `removals` from the portal's list, in a mode that
    sends; `oldest_change_s` the same of other changes; None where there is none. `held_removals` are those
    held back by the mode.
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
        """Whether anything is sent to the portal."""
        return self.mode in SENDING


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that reported within a day and has not stopped; `silent_s`: age of its last heartbeat."""

    worker: str
    started_at: datetime
    silent_s: float


@dataclass(frozen=True, slots=True)
class SecretEnd:
    """A secret that expires: its place in the connection's file, and when (`expires_s`: Unix time)."""

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
    """The latest comparison other than dry runs, when each scope was last done, and what differs now."""

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
    """Recent attempts with one outcome."""

    organisation: str
    outcome: str
    last_hour: int
    last_day: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The health at one instant, each list ordered by organisation."""

    connections: Sequence[ConnectionHealth]
    workers: Sequence[Worker] = ()
    secrets: Sequence[SecretEnd] = ()
    messages: Sequence[Messages] = ()
    reconciliations: Sequence[Reconciliation] = ()
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def worker_silent_s(self) -> float:
        """The age of the latest heartbeat in seconds; infinite where there is no worker."""
        return min((worker.silent_s for worker in self.workers), default=float("inf"))

    def of(self, organisation: str) -> "Snapshot":
        """Return the part of one organisation, and the workers, which serve all."""

        def own(every: Sequence[T]) -> list[T]:
            return [row for row in every if getattr(row, "organisation", None) == organisation]

        return replace(
            self,
            connections=own(self.connections),
            secrets=own(self.secrets),
            messages=own(self.messages),
            reconciliations=own(self.reconciliations),
        )


def read(conn: Connection) -> Snapshot:
    """Read the health in its own transaction; needs an idle connection.

    Seven statements, however many organisations there are.
    """
    with rows.mapped_errors(), conn.transaction():
        rows.execute(conn, _QUERIES.limits)
        rows.execute(conn, _QUERIES.time_limit)
        return _snapshot(conn, _QUERIES.workers)


def read_own(conn: Connection) -> Snapshot:
    """Read the health of the organisation that the connection's user administers.

    In the open transaction, under row-level security; the workers have no names.
    """
    return _snapshot(conn, _QUERIES.heartbeats)


def _snapshot(conn: Connection, workers: str) -> Snapshot:
    return Snapshot(
        connections=rows.fetch_all(conn, ConnectionHealth, _QUERIES.connections),
        workers=rows.fetch_all(conn, Worker, workers),
        secrets=rows.fetch_all(conn, SecretEnd, _QUERIES.secrets),
        messages=rows.fetch_all(conn, Messages, _QUERIES.messages, notice_days=NOTICE_DAYS),
        reconciliations=rows.fetch_all(conn, Reconciliation, _QUERIES.reconciliations),
    )


def recent_attempts(conn: Connection) -> list[RecentAttempts]:
    """Count the attempts of the last hour and the last day by outcome."""
    return rows.fetch_all(conn, RecentAttempts, _QUERIES.recent_attempts)

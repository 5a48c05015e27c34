"""The health of every connection, read in one snapshot of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final, Literal, TypeVar

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import DatabaseUnreachableError, MentorcertError
from mentorcert.portal.model import Mode

SENDING: Final[frozenset[Mode]] = frozenset({"canary", "live"})
NOTICE_DAYS: Final = 30

_QUERIES: Final = rows.beside(__file__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """The health of one organisation's connection; without an adapter no portal is connected.

    `removals` from the portal's list are unconfirmed, the oldest for `oldest_removal_s`; `seen_removals` were seen
    there by a comparison: both whatever the mode. `oldest_change_s`: age of the oldest of other changes, in a
    mode that sends; None where there is none. `held_s`: for how long nobody is
    shown since a restore; `conflicts` wait for a person.
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
    is_misdirected: bool
    breaker: Literal["closed", "open"]
    breaker_reason: str | None
    breaker_since: datetime | None
    held_s: float | None
    conflicts: int
    removals: int
    oldest_removal_s: float | None
    seen_removals: int
    oldest_change_s: float | None
    given_up: int
    faults_of_ours: int
    unauthorised: int
    refused: int

    @property
    def sends(self) -> bool:
        """Whether anything is sent to the portal."""
        return self.mode in SENDING


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one organisation, which no alarm needs: they cost a look at every row."""

    organisation: str
    rows_by_state: Mapping[str, int]
    attempts_by_outcome: Mapping[str, int]


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
    """Messages of one state; `withdrawals` of them withdraw a consent, `lapsing` lose their bodies within NOTICE_DAYS."""

    organisation: str
    state: str
    messages: int
    withdrawals: int
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
class Registry:
    """The registry itself: why a restore may have been forgotten, and for how long its journal has not been complete."""

    unreported: str | None = None
    journal_late_s: float | None = None
    journal_error: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The health at one instant, each list ordered by organisation."""

    connections: Sequence[ConnectionHealth]
    workers: Sequence[Worker] = ()
    secrets: Sequence[SecretEnd] = ()
    messages: Sequence[Messages] = ()
    reconciliations: Sequence[Reconciliation] = ()
    registry: Registry = Registry()
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

    Eight statements, however many organisations there are, at the cost of the rows that are late.
    """
    with rows.mapped_errors(), conn.transaction():
        rows.execute(conn, _QUERIES.limits)
        rows.execute(conn, _QUERIES.time_limit)
        registry = rows.ahead(rows.fetch_all, conn, Registry, _QUERIES.registry)
        return replace(_snapshot(conn, _QUERIES.workers), registry=registry.value[0])


def read_in_parts(conn: Connection) -> tuple[Snapshot, dict[str, MentorcertError]]:
    """Read the same part by part; return what could be read, and the error of each part that could not be.

    Raises DatabaseUnreachableError.
    """
    faults: dict[str, MentorcertError] = {}

    def part(name: str, kind: type[T], query: str, **parameters: object) -> list[T]:
        try:
            with rows.mapped_errors(), conn.transaction():
                rows.execute(conn, _QUERIES.limits)
                rows.execute(conn, _QUERIES.time_limit)
                return rows.fetch_all(conn, kind, query, **parameters)
        except DatabaseUnreachableError:
            raise
        except MentorcertError as error:
            faults[name] = error
            return []

    snapshot = Snapshot(
        connections=part("connections", ConnectionHealth, _QUERIES.connections),
        workers=part("workers", Worker, _QUERIES.workers),
        secrets=part("secrets", SecretEnd, _QUERIES.secrets),
        messages=part("messages", Messages, _QUERIES.messages, notice_days=NOTICE_DAYS),
        reconciliations=part("reconciliations", Reconciliation, _QUERIES.reconciliations),
        registry=next(iter(part("registry", Registry, _QUERIES.registry)), Registry()),
    )
    return snapshot, faults


def read_own(conn: Connection) -> Snapshot:
    """Read the health of the organisation that the connection's user administers.

    In the open transaction, under row-level security; the workers have no names.
    """
    return _snapshot(conn, _QUERIES.heartbeats)


def _snapshot(conn: Connection, workers: str) -> Snapshot:
    connections = rows.ahead(rows.fetch_all, conn, ConnectionHealth, _QUERIES.connections)
    heard = rows.ahead(rows.fetch_all, conn, Worker, workers)
    secrets = rows.ahead(rows.fetch_all, conn, SecretEnd, _QUERIES.secrets)
    messages = rows.ahead(rows.fetch_all, conn, Messages, _QUERIES.messages, notice_days=NOTICE_DAYS)
    reconciliations = rows.ahead(rows.fetch_all, conn, Reconciliation, _QUERIES.reconciliations)
    return Snapshot(
        connections=connections.value,
        workers=heard.value,
        secrets=secrets.value,
        messages=messages.value,
        reconciliations=reconciliations.value,
    )


def figures(conn: Connection) -> dict[str, Figures]:
    """Count the peer mentors by state, and all attempts by outcome; return them by organisation."""
    return {one.organisation: one for one in rows.fetch_all(conn, Figures, _QUERIES.figures)}


def recent_attempts(conn: Connection) -> list[RecentAttempts]:
    """Count the attempts of the last hour and the last day by outcome."""
    return rows.fetch_all(conn, RecentAttempts, _QUERIES.recent_attempts)

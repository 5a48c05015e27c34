"""What an administrator sees of an organisation's portal: what waits, went wrong, differs, and was done."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class UnconfirmedRemovals:
    """How many peer mentors must be off the portal's list without its confirmation, and since when."""

    mode: str
    removals: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """An error that administrators were informed of, and who sees to it."""

    organisation_id: UUID
    code: str
    began_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_reason: str | None


@dataclass(frozen=True, slots=True)
class Removal:
    """A peer mentor who is to leave the portal's list, which has not confirmed it."""

    organisation_id: UUID
    full_name: str
    external_id: str
    state: str
    attempts: int
    error_class: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong for how many peer mentors; `error` is the latest, without personal data."""

    organisation_id: UUID
    error_class: str
    peer_mentors: int
    attempted_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Drift:
    """What the portal showed otherwise; without a name where it is nobody of ours."""

    organisation_id: UUID
    kind: str
    full_name: str | None
    external_id: str | None
    found_at: datetime
    marked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One reconciliation; without an outcome it is going on."""

    organisation_id: UUID
    started_at: datetime
    scope: str
    is_dry_run: bool
    outcome: str | None
    reason: str | None
    compared: int
    differing: int
    marked: int


def unconfirmed_removals(conn: Connection) -> list[UnconfirmedRemovals]:
    """Return the alarm of the caller's organisation, if there is one; one statement, at the cost of the rows that are late."""
    return rows.fetch_all(conn, UnconfirmedRemovals, _QUERIES.unconfirmed_removals)


def alerts(conn: Connection, organisation_id: UUID) -> dict[str, Alert]:
    """Return the alerts that stand, by code."""
    found = rows.fetch_all(conn, Alert, _QUERIES.alerts, organisation_id=organisation_id)
    return {one.code: one for one in found}


def removals(conn: Connection, organisation_id: UUID) -> list[Removal]:
    """Return the first fifty removals that are not confirmed, the oldest first."""
    return rows.fetch_all(conn, Removal, _QUERIES.removals, organisation_id=organisation_id)


def failures(conn: Connection, organisation_id: UUID) -> list[Failure]:
    """Return what went wrong, the most frequent first."""
    return rows.fetch_all(conn, Failure, _QUERIES.failures, organisation_id=organisation_id)


def drift(conn: Connection, organisation_id: UUID) -> list[Drift]:
    """Return the first fifty differences that are not repaired."""
    return rows.fetch_all(conn, Drift, _QUERIES.drift, organisation_id=organisation_id)


def comparisons(conn: Connection, organisation_id: UUID) -> list[Comparison]:
    """Return the latest twenty reconciliations."""
    return rows.fetch_all(conn, Comparison, _QUERIES.comparisons, organisation_id=organisation_id)

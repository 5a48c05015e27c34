"""The ledger of nightly runs, and what the next run is about."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Night:
    """A day of the ledger; unfinished where it failed or goes on."""

    organisation_id: UUID
    local_day: date
    as_of: datetime
    finished_at: datetime | None
    expired: int
    unlisted: int
    caught_up: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Clock:
    """Today, and the midnight that ends it."""

    today: date
    midnight: datetime


@dataclass(frozen=True, slots=True)
class ExpiringCertifications:
    """How many certifications of a type the next run expires; `overdue` have ended already."""

    organisation_id: UUID
    certification_type: str
    certifications: int
    overdue: int


def nights(conn: Connection, organisation_id: UUID) -> list[Night]:
    """Return the latest 60 days of an organisation, the newest first."""
    return rows.fetch_all(conn, Night, _QUERIES.nights, organisation_id=organisation_id)


def clock(conn: Connection, time_zone: str) -> Clock:
    """Return what day it is in a time zone."""
    return rows.fetch_one(conn, Clock, _QUERIES.clock, time_zone=time_zone)


def expiring(conn: Connection, organisation_id: UUID, midnight: datetime) -> list[ExpiringCertifications]:
    """Return what a run at that midnight would expire, by type."""
    return rows.fetch_all(
        conn, ExpiringCertifications, _QUERIES.expiring, organisation_id=organisation_id, midnight=midnight
    )

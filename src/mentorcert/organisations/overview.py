"""What each organisation has: counts for the operator, and for its administrator's first page."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Overview:
    """One organisation at present; the days count from now, each including the ones before."""

    organisation: str
    name: str
    peer_mentors: int
    active: int
    expired: int
    suspended: int
    expiring_in_30_days: int
    expiring_in_60_days: int
    expiring_in_90_days: int
    listed: int


@dataclass(frozen=True, slots=True)
class Administration:
    """What an administrator has to look after.

    `last_night` is the last day whose nightly run was done, `invitations` how many are open, `chapterless` how
    many are in no chapter.
    """

    organisation_id: UUID
    types: int
    chapters: int
    memberships: int
    invitations: int
    failed_invitations: int
    last_night: date | None
    today: date
    portal_mode: str | None
    chapterless: int
    switched_off: int


def overview(conn: Connection) -> list[Overview]:
    """Return the counts of every organisation that the connection may see."""
    return rows.fetch_all(conn, Overview, _QUERIES.overview)


def administration(conn: Connection, organisation_id: UUID, time_zone: str) -> Administration:
    """Return how the topics of an administrator stand, in one statement."""
    return rows.fetch_one(
        conn,
        Administration,
        _QUERIES.administration,
        organisation_id=organisation_id,
        time_zone=time_zone,
    )

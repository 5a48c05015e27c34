"""Calendar feeds: a peer mentor's own last valid days, read by a secret token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class ExpiringCertification:
    """A certification, the first instant at which it no longer holds, and how many days before people are reminded."""

    certification_id: UUID
    name_nb: str
    name_en: str
    expires_at: datetime
    reminder_days: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """The content of a feed."""

    organisation_name: str
    time_zone: str
    certifications: list[ExpiringCertification]


@dataclass(frozen=True, slots=True)
class _Row:
    organisation_name: str
    time_zone: str
    certification_id: UUID | None
    name_nb: str
    name_en: str
    expires_at: datetime
    reminder_days: list[int] | None


def created_at(conn: Connection) -> datetime | None:
    """Return since when the caller has a feed; None: there is none."""
    return rows.fetch_optional(conn, datetime, _QUERIES.created_at)


def create(conn: Connection) -> str:
    """Create the caller's feed, in place of a former one; return its token, which is not stored."""
    return rows.fetch_one(conn, str, _QUERIES.create)


def revoke(conn: Connection) -> None:
    """End the caller's feed."""
    rows.execute(conn, _QUERIES.revoke)


def read(conn: Connection, token: str) -> Feed:
    """Return the feed of a token; raises MissingRightError for one that is unknown or revoked."""
    found = rows.fetch_all(conn, _Row, _QUERIES.read, token=token.replace("\0", ""))
    if not found:
        raise MissingRightError
    return Feed(
        found[0].organisation_name,
        found[0].time_zone,
        [
            ExpiringCertification(
                row.certification_id, row.name_nb, row.name_en, row.expires_at, row.reminder_days or ()
            )
            for row in found
            if row.certification_id is not None
        ],
    )

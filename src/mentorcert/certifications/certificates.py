"""The certificate of a certification, and the public check of its code."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mentorcert.certifications.history import Status
from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says."""

    organisation_id: UUID
    organisation: str
    time_zone: str
    full_name: str
    name_nb: str
    name_en: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a certificate is valid, at an instant."""

    is_valid: bool
    checked_at: datetime


def get(conn: Connection, certification_id: UUID) -> Certificate:
    """Return a certificate; raises MissingRightError where the caller may not read the certification."""
    return rows.fetch_one(conn, Certificate, _QUERIES.get, certification_id=certification_id)


def check(conn: Connection, code: UUID | None) -> Check:
    """Check a code: the same answer for None, an unknown one, and one that is not valid now."""
    return rows.fetch_one(conn, Check, _QUERIES.check, code=code)

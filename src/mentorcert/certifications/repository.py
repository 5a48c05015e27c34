"""Reads and changes certifications, with the rights of the connection's user."""

import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import BaseModel

from mentorcert import logs
from mentorcert.certifications import timeline
from mentorcert.certifications.history import Basis, Evidence, Status, WantedStatus
from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError

LONG_HISTORY: Final = 500

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Certification:
    """One certification; `status` is what is true now, and `expires_at` the first instant after it.

    A renewal counts on from the last valid day if it is of `early_renewal_from` or later. A refresher renews it until
    `refresher_until`, and after that it takes `after_lapse`; `is_outdated` says that it is after that now.
    """

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    certification_type: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status
    chapter_ids: list[UUID]
    early_renewal_from: date | None
    refresher_until: date | None
    after_lapse: Basis | None
    is_outdated: bool


class Cursor(cursors.Cursor):
    """The place of a certification in the order of expiry."""

    expires_at: cursors.Instant | None
    id: cursors.Id


def page(
    conn: Connection,
    *,
    after: str | None = None,
    size: int = 50,
    status: WantedStatus | None = None,
    certification_type: str | None = None,
    chapter_id: UUID | None = None,
    expiring_before: datetime | None = None,
    with_left: bool = False,
) -> cursors.Page[Certification]:
    """Return a page of what the caller may see, in the order of expiry; a chapter includes those under it.

    Raises InvalidCursorError.
    """
    cursor = cursors.decode(Cursor, after)
    found = rows.fetch_all(
        conn,
        Certification,
        _QUERIES.page,
        after_expires_at=cursor.expires_at if cursor else None,
        after_id=cursor.id if cursor else None,
        page_size=size,
        status=status,
        certification_type=certification_type,
        chapter_id=chapter_id,
        expiring_before=expiring_before,
        with_left=with_left,
    )
    last = found[-1] if len(found) == size else None
    return cursors.Page(
        found, cursors.encode(Cursor(expires_at=last.expires_at, id=last.id)) if last else None
    )


def get(conn: Connection, certification_id: UUID) -> Certification:
    """Return a certification; raises MissingRightError where the caller sees none with this id."""
    found = rows.fetch_optional(conn, Certification, _QUERIES.get, certification_id=certification_id)
    if found is None:
        raise _missing()
    return found


def lock(conn: Connection, certification_id: UUID) -> None:
    """Keep others from changing a certification until the end of the transaction, where the caller may."""
    rows.send(conn, _QUERIES.lock, certification_id=certification_id)


def history_of(conn: Connection, certification_id: UUID) -> list[BaseModel]:
    """Return the whole history, oldest entry first; logs a warning where it is long."""
    entries = timeline.of_certification(conn, certification_id).rows
    if len(entries) > LONG_HISTORY:
        logs.event(
            "long_history",
            level=logging.WARNING,
            certification_id=str(certification_id),
            entries=len(entries),
        )
    return entries


def was_valid(
    conn: Connection, certification_id: UUID, at: datetime, known_at: datetime | None = None
) -> bool:
    """Return whether it was valid at an instant, by what the registry knew at another (now)."""
    answer = rows.fetch_optional(
        conn, bool, _QUERIES.was_valid, certification_id=certification_id, at=at, known_at=known_at
    )
    if answer is None:
        raise _missing()
    return answer


def register(
    conn: Connection,
    peer_mentor_id: UUID,
    certification_type: str,
    *,
    issued_on: date | None = None,
    last_valid_day: date | None = None,
    note: str | None = None,
    evidence: Evidence | None = None,
) -> Certification:
    """Register a certification issued on a day (today); without a last valid day, by the type's rule."""
    return _changed(
        conn,
        _QUERIES.register,
        peer_mentor_id=peer_mentor_id,
        certification_type=certification_type,
        issued_on=issued_on,
        last_valid_day=last_valid_day,
        note=note,
        evidence=_json(evidence),
    )


def renew(
    conn: Connection,
    certification_id: UUID,
    *,
    renewed_on: date | None = None,
    last_valid_day: date | None = None,
    note: str | None = None,
    evidence: Evidence | None = None,
) -> Certification:
    """Renew a certification as of a day (today); what is still held is not lost."""
    return _changed(
        conn,
        _QUERIES.renew,
        certification_id=certification_id,
        renewed_on=renewed_on,
        last_valid_day=last_valid_day,
        note=note,
        evidence=_json(evidence),
    )


def counted_from(conn: Connection, certification_id: UUID) -> str | None:
    """Return from where the latest change counts, if it is a renewal by the rule of a type with early renewals."""
    return rows.fetch_optional(conn, str, _QUERIES.counted_from, certification_id=certification_id)


def suspend(conn: Connection, certification_id: UUID, reason: str) -> Certification:
    """Suspend a certification; its time goes on running."""
    return _changed(conn, _QUERIES.suspend, certification_id=certification_id, reason=reason)


def reinstate(conn: Connection, certification_id: UUID, note: str | None = None) -> Certification:
    """Take a suspension away; the certification is active or expired then, by its date."""
    return _changed(conn, _QUERIES.reinstate, certification_id=certification_id, note=note)


def extend(
    conn: Connection,
    certification_type: str,
    last_valid_day: date,
    reason: str,
    *,
    chapter_id: UUID | None = None,
    expired_since: date | None = None,
) -> UUID:
    """Extend everybody of a type, optionally of a chapter, to a day; return the batch."""
    return rows.fetch_one(
        conn,
        UUID,
        _QUERIES.extend,
        certification_type=certification_type,
        last_valid_day=last_valid_day,
        reason=reason,
        chapter_id=chapter_id,
        expired_since=expired_since,
    )


def revert(conn: Connection, certification_id: UUID, entry_id: UUID, reason: str) -> Certification:
    """Take one change back by a compensating entry."""
    return _changed(
        conn, _QUERIES.revert, certification_id=certification_id, entry_id=entry_id, reason=reason
    )


def revert_batch(conn: Connection, batch_id: UUID, reason: str) -> int:
    """Take a whole extension back, all or nothing; return how many certifications."""
    return rows.fetch_one(conn, int, _QUERIES.revert_batch, batch_id=batch_id, reason=reason)


def _changed(conn: Connection, query: str, **parameters: Any) -> Certification:
    return rows.fetch_one(conn, Certification, query, **parameters)


def _missing() -> MissingRightError:
    return MissingRightError(code="42501", constraint="certification_right")


def _json(evidence: Evidence | None) -> Jsonb | None:
    return None if evidence is None else Jsonb(evidence.model_dump(mode="json", exclude_none=True))

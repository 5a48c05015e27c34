"""Reads and changes certifications, with the rights of the connection's user."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from mentorcert import logs
from mentorcert.certifications import history
from mentorcert.certifications.history import Evidence, Status
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError, from_postgres

LONG_HISTORY: Final = 500

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Certification:
    """One certification; `status` is what is true now, and `expires_at` the first instant after it."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    certification_type: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status
    chapter_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after a certification in the order of expiry."""

    expires_at: datetime | None
    id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """Certifications in the order in which they expire, and where the next page begins (None: nowhere)."""

    certifications: list[Certification]
    next: Cursor | None


def page(
    conn: Connection,
    *,
    after: Cursor | None = None,
    size: int = 50,
    status: Status | None = None,
    certification_type: str | None = None,
    chapter_id: UUID | None = None,
    expiring_before: datetime | None = None,
) -> Page:
    """Return a page of what the caller may see; a chapter includes those under it."""
    rows = _rows(
        conn,
        _QUERIES.page.sql,
        after_expires_at=after.expires_at if after else None,
        after_id=after.id if after else None,
        page_size=size,
        status=status,
        certification_type=certification_type,
        chapter_id=chapter_id,
        expiring_before=expiring_before,
    )
    last = rows[-1] if len(rows) == size else None
    return Page(rows, Cursor(last.expires_at, last.id) if last else None)


def get(conn: Connection, certification_id: UUID) -> Certification:
    """Return a certification; raises MissingRightError where the caller sees none with this id."""
    rows = _rows(conn, _QUERIES.get.sql, certification_id=certification_id)
    if not rows:
        raise MissingRightError(code="42501", constraint="certification_right")
    return rows[0]


def history_of(conn: Connection, certification_id: UUID) -> list[BaseModel]:
    """Return the whole history, oldest entry first; logs a warning where it is long."""
    with _database_errors():
        raw = [entry for (entry,) in _QUERIES.history_of(conn, certification_id=certification_id)]
    if len(raw) > LONG_HISTORY:
        logs.event(
            "long_history", level=logging.WARNING, certification_id=str(certification_id), entries=len(raw)
        )
    return history.parse(raw)


def was_valid(
    conn: Connection, certification_id: UUID, at: datetime, known_at: datetime | None = None
) -> bool:
    """Tell whether it was valid at an instant, by what the registry knew at another (now)."""
    with _database_errors():
        answer: bool | None = _QUERIES.was_valid(
            conn, certification_id=certification_id, at=at, known_at=known_at
        )
    if answer is None:
        raise MissingRightError(code="42501", constraint="certification_right")
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
        _QUERIES.register.sql,
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
        _QUERIES.renew.sql,
        certification_id=certification_id,
        renewed_on=renewed_on,
        last_valid_day=last_valid_day,
        note=note,
        evidence=_json(evidence),
    )


def suspend(conn: Connection, certification_id: UUID, reason: str) -> Certification:
    """Suspend a certification; its time goes on running."""
    return _changed(conn, _QUERIES.suspend.sql, certification_id=certification_id, reason=reason)


def reinstate(conn: Connection, certification_id: UUID, note: str | None = None) -> Certification:
    """Take a suspension away; the certification is active or expired then, by its date."""
    return _changed(conn, _QUERIES.reinstate.sql, certification_id=certification_id, note=note)


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
    with _database_errors():
        batch_id: UUID = _QUERIES.extend(
            conn,
            certification_type=certification_type,
            last_valid_day=last_valid_day,
            reason=reason,
            chapter_id=chapter_id,
            expired_since=expired_since,
        )
    return batch_id


def revert(conn: Connection, certification_id: UUID, entry_id: UUID, reason: str) -> Certification:
    """Take one change back by a compensating entry."""
    return _changed(
        conn, _QUERIES.revert.sql, certification_id=certification_id, entry_id=entry_id, reason=reason
    )


def revert_batch(conn: Connection, batch_id: UUID, reason: str) -> int:
    """Take a whole extension back, all or nothing; return how many certifications."""
    with _database_errors():
        reverted: int = _QUERIES.revert_batch(conn, batch_id=batch_id, reason=reason)
    return reverted


def _changed(conn: Connection, sql: str, **parameters: Any) -> Certification:
    (certification,) = _rows(conn, sql, **parameters)
    return certification


def _rows(conn: Connection, sql: str, **parameters: Any) -> list[Certification]:
    with _database_errors(), conn.cursor(row_factory=class_row(Certification)) as cursor:
        found: Sequence[Certification] = cursor.execute(sql, parameters).fetchall()
        return list(found)


def _json(evidence: Evidence | None) -> Jsonb | None:
    return None if evidence is None else Jsonb(evidence.model_dump(mode="json", exclude_none=True))


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise from_postgres(error) from error

"""People stop: a peer mentor has left from a day, and may come back; somebody erased is readmitted."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Chapterless:
    """A peer mentor who is in no chapter, and so on no public list."""

    id: UUID
    organisation_id: UUID
    full_name: str


def mark_left(
    conn: Connection,
    peer_mentor_id: UUID,
    left_on: date | None,
    reason: str | None,
    *,
    version: int | None = None,
) -> None:
    """Say that a peer mentor has left, or will; `left_on` is the first day without.

    Coordinators of the chapters and administrators. Raises MissingRightError, InvalidArgumentError, and
    StaleVersionError where another version of the person is there than the one that is given.
    """
    rows.send(
        conn,
        _QUERIES.mark_left,
        peer_mentor_id=peer_mentor_id,
        left_on=left_on,
        reason=reason,
        version=version,
    )


def mark_returned(conn: Connection, peer_mentor_id: UUID, *, version: int | None = None) -> None:
    """Say that somebody who left is back. Raises MissingRightError, StaleVersionError."""
    rows.execute(conn, _QUERIES.mark_returned, peer_mentor_id=peer_mentor_id, version=version)


def without_chapter(conn: Connection) -> list[Chapterless]:
    """Return who is in no chapter, by name, as far as the caller sees them: for administrators."""
    return rows.fetch_all(conn, Chapterless, _QUERIES.without_chapter)


def readmit_erased(conn: Connection, external_id: str | None, email: str | None, reason: str | None) -> int:
    """Let the number or address of somebody erased in again; return how many of the two it was.

    Administrators only. Raises ReasonRequiredError, and InvalidArgumentError where nobody had them.
    """
    return rows.fetch_one(
        conn, int, _QUERIES.readmit_erased, external_id=external_id, email=email, reason=reason
    )

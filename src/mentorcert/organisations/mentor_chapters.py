"""The chapters in which a peer mentor is, and when that ends; administrators change it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class MentorChapter:
    """A chapter in which a peer mentor is, until `ended_at` if an end is known."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    chapter_id: UUID
    chapter: str
    ended_at: datetime | None
    version: int


def of_peer_mentor(conn: Connection, peer_mentor_id: UUID) -> list[MentorChapter]:
    """Return the present chapters of a peer mentor by name, as far as the caller sees them."""
    return rows.fetch_all(conn, MentorChapter, _QUERIES.of_peer_mentor, peer_mentor_id=peer_mentor_id)


def get(conn: Connection, peer_mentor_id: UUID, chapter_id: UUID) -> MentorChapter:
    """Return one of the present chapters; raises MissingRightError where the caller sees none."""
    return rows.fetch_one(
        conn, MentorChapter, _QUERIES.get, peer_mentor_id=peer_mentor_id, chapter_id=chapter_id
    )


def end(conn: Connection, link_id: UUID, version: int | None = None, *, last_day: date | None = None) -> None:
    """Let a peer mentor leave a chapter, now or after a last day; where a version is given that one only.

    Raises MissingRightError where the caller may not, StaleVersionError.
    """
    rows.change_one(conn, _QUERIES.end_link, id=link_id, version=version, last_day=last_day)


def keep(conn: Connection, link_id: UUID, version: int) -> None:
    """Take an end that lies ahead away. Raises MissingRightError and StaleVersionError."""
    rows.change_one(conn, _QUERIES.keep, id=link_id, version=version)

"""Notes on peer mentors, and follow-ups: notes with a day on which they are due, and somebody responsible."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

MOST_FOLLOW_UPS: Final = 200
"""How many open follow-ups are read at once; as public.follow_ups says."""

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Note:
    """A note; with `due_on` a follow-up, whose responsible may have lost access since (`is_reached`)."""

    id: UUID
    organisation_id: UUID
    text: str
    author: str | None
    created_at: datetime
    edited_at: datetime | None
    due_on: date | None
    responsible_id: UUID | None
    responsible: str | None
    is_reached: bool | None
    done_at: datetime | None
    done_by: str | None
    may_change: bool
    version: int


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An open follow-up, and whom it is about."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    full_name: str
    text: str
    due_on: date
    responsible_id: UUID | None
    responsible: str | None
    is_reached: bool | None
    version: int


@dataclass(frozen=True, slots=True)
class Responsible:
    """Somebody who can follow up a peer mentor."""

    user_id: UUID
    organisation_id: UUID
    name: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What is written; without a day it is no follow-up, and nobody is responsible."""

    text: str
    due_on: date | None
    responsible_id: UUID | None


def of_peer_mentor(conn: Connection, peer_mentor_id: UUID) -> Sequence[Note]:
    """Return the notes about somebody, open follow-ups first; none for those who may not read them."""
    return rows.fetch_all(conn, Note, _QUERIES.of_peer_mentor, peer_mentor_id=peer_mentor_id)


def responsibles(conn: Connection, peer_mentor_id: UUID) -> Sequence[Responsible]:
    """Return who can be made responsible for a follow-up, by name."""
    return rows.fetch_all(conn, Responsible, _QUERIES.responsibles, peer_mentor_id=peer_mentor_id)


def follow_ups(conn: Connection, *, of_everybody: bool) -> Sequence[FollowUp]:
    """Return the open follow-ups of the caller, or of everybody within reach, what is due first."""
    return rows.fetch_all(conn, FollowUp, _QUERIES.follow_ups, of_everybody=of_everybody)


def write(conn: Connection, peer_mentor_id: UUID, content: Content) -> UUID:
    """Note something: administrators, and coordinators of the chapters.

    Raises MissingRightError, ConstraintError, and InvalidArgumentError for a responsible who lacks the reach.
    """
    return rows.fetch_one(conn, UUID, _QUERIES.write, peer_mentor_id=peer_mentor_id, **asdict(content))


def change(conn: Connection, note_id: UUID, content: Content, *, version: int) -> None:
    """Change a note, if it is still that version: its author, and administrators. Raises as `write`, and StaleVersionError."""
    rows.send(conn, _QUERIES.change, note_id=note_id, version=version, **asdict(content))


def settle(conn: Connection, note_id: UUID, *, is_done: bool, version: int) -> None:
    """Mark a follow-up as done, or open it again, if it is still that version."""
    rows.send(conn, _QUERIES.settle, note_id=note_id, is_done=is_done, version=version)


def remove(conn: Connection, note_id: UUID, *, version: int) -> None:
    """Remove a note, if it is still that version: its author, and administrators."""
    rows.send(conn, _QUERIES.remove, note_id=note_id, version=version)

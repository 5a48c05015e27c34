"""Letters: what coordinators and administrators write by mail to chosen peer mentors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection

AT_MOST: Final = 1000
LONGEST_SUBJECT: Final = 150
LONGEST_BODY: Final = 5000

Outcome = Literal["mail", "no_address", "unusable", "refused", "left"]
State = Literal["waiting", "sent", "refused", "in_doubt", "not_sent"]

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Letter:
    """A draft of the caller's, or a letter that was sent; `written_by` is an address, None where nobody sees it."""

    id: UUID
    organisation_id: UUID
    written_by: str | None
    subject: str
    body: str
    written_at: datetime
    sent_at: datetime | None
    mails: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody chosen, and what sending the letter does with the person."""

    organisation_id: UUID
    peer_mentor_id: UUID
    full_name: str
    email: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail of a letter; who is out of the caller's reach by now has no name."""

    organisation_id: UUID
    peer_mentor_id: UUID | None
    full_name: str | None
    state: State
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Received:
    """A letter to one peer mentor; `written_by` is an address, None where that login is gone."""

    organisation_id: UUID
    letter_id: UUID
    subject: str
    written_by: str | None
    sent_at: datetime
    state: State


class _Cursor(cursors.Cursor):
    written_at: cursors.Instant
    id: cursors.Id


def holders(conn: Connection, certification_ids: Sequence[UUID]) -> list[UUID]:
    """Return who holds these certifications, as far as the caller sees them."""
    return rows.fetch_all(conn, UUID, _QUERIES.holders, certification_ids=list(certification_ids))


def draft(conn: Connection, peer_mentor_ids: Sequence[UUID]) -> UUID:
    """Begin a letter to those of them whom the caller may write to; return its id.

    Raises InvalidArgumentError for more than AT_MOST, MissingRightError where there is nobody.
    """
    return rows.fetch_one(conn, UUID, _QUERIES.draft, peer_mentor_ids=list(peer_mentor_ids))


def get(conn: Connection, letter_id: UUID) -> Letter:
    """Return a letter that the caller wrote, or as administrator sees; raises MissingRightError."""
    return rows.fetch_one(conn, Letter, _QUERIES.get, letter_id=letter_id)


def page(conn: Connection, *, after: str | None = None, size: int = 50) -> cursors.Page[Letter]:
    """Return letters and the caller's drafts, the latest first; raises InvalidCursorError."""
    cursor = cursors.decode(_Cursor, after or None)
    found = rows.fetch_all(
        conn,
        Letter,
        _QUERIES.page,
        after_at=cursor.written_at if cursor else None,
        after_id=cursor.id if cursor else None,
        page_size=size + 1,
    )
    return cursors.page(found, size, lambda row: _Cursor(written_at=row.written_at, id=row.id))


def recipients(conn: Connection, letter_id: UUID) -> list[Recipient]:
    """Return who was chosen for a draft and is within reach, by name; nothing is changed."""
    return rows.fetch_all(conn, Recipient, _QUERIES.recipients, letter_id=letter_id)


def reply_address(conn: Connection) -> str | None:
    """Return the caller's own address, to which answers go; None where it is not confirmed."""
    return rows.fetch_one(conn, tuple[str | None], _QUERIES.reply_address)[0]


def write(conn: Connection, letter_id: UUID, subject: str, body: str) -> None:
    """Write the text of a draft. Raises MissingRightError, also once it was sent."""
    rows.fetch_one(conn, tuple[None], _QUERIES.write, letter_id=letter_id, subject=subject, body=body)


def send(conn: Connection, letter_id: UUID, written_at: datetime) -> int:
    """Send a draft as it was written at an instant; return to how many, 0 where it was sent already.

    Raises StaleVersionError where it has another text by now, InvalidArgumentError and MissingRightError.
    """
    return rows.fetch_one(conn, int, _QUERIES.send, letter_id=letter_id, written_at=written_at)


def deliveries(conn: Connection, letter_id: UUID) -> list[Delivery]:
    """Return to whom a letter went, by name, and what the mail server said."""
    return rows.fetch_all(conn, Delivery, _QUERIES.deliveries, letter_id=letter_id)


def to_peer_mentor(conn: Connection, peer_mentor_id: UUID) -> list[Received]:
    """Return the latest letters to a peer mentor; none where the caller may not write to the person."""
    return rows.fetch_all(conn, Received, _QUERIES.to_peer_mentor, peer_mentor_id=peer_mentor_id)

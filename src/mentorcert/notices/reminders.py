"""Reminders as those who answer for people see them: of one person, and as lists of what comes and what was sent."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.notices import letters

State = Literal[
    "sent",
    "queued",
    "in_doubt",
    "collapsed",
    "skipped",
    "planned",
    "no_address",
    "paused",
    "suspended",
    "left",
]
AheadState = Literal["planned", "no_address", "unusable", "refused", "paused", "suspended"]

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder of a certification: its day, and whether it was sent or will be; day 0 is the expiry."""

    organisation_id: UUID
    certification_id: UUID
    certification_type: str
    last_valid_day: date
    days_before: int
    day: date
    state: State
    happened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ahead:
    """The next reminder of a certification, and whether it will reach the person; day 0 is the expiry."""

    organisation_id: UUID
    peer_mentor_id: UUID
    full_name: str
    certification_id: UUID
    certification_type: str
    expires_at: datetime
    last_valid_day: date
    days_before: int
    day: date
    state: AheadState


@dataclass(frozen=True, slots=True)
class Sent:
    """A reminder that was handed to the mail server."""

    organisation_id: UUID
    peer_mentor_id: UUID
    full_name: str
    certification_id: UUID
    certification_type: str
    recorded_at: datetime
    last_valid_day: date
    days_before: int
    happened_at: datetime
    state: letters.State


class _AheadCursor(cursors.Cursor):
    expires_at: cursors.Instant
    id: cursors.Id


class _SentCursor(cursors.Cursor):
    recorded_at: cursors.Instant
    id: cursors.Id


def of_peer_mentor(conn: Connection, peer_mentor_id: UUID) -> list[Reminder]:
    """Return the reminders of a peer mentor, by day; none where the person is out of the caller's reach."""
    return rows.fetch_all(conn, Reminder, _QUERIES.of_peer_mentor, peer_mentor_id=peer_mentor_id)


def ahead(
    conn: Connection, *, only_failing: bool = False, after: str | None = None, size: int = 50
) -> cursors.Page[Ahead]:
    """Return the next reminder of each certification in reach, by what ends first, or those that reach nobody.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    cursor = cursors.decode(_AheadCursor, after or None)
    found = rows.fetch_all(
        conn,
        Ahead,
        _QUERIES.ahead,
        only_failing=only_failing,
        after_expires_at=cursor.expires_at if cursor else None,
        after_id=cursor.id if cursor else None,
        page_size=size + 1,
    )
    return cursors.page(
        found, size, lambda row: _AheadCursor(expires_at=row.expires_at, id=row.certification_id)
    )


def sent(conn: Connection, *, after: str | None = None, size: int = 50) -> cursors.Page[Sent]:
    """Return what was handed to the mail server, the latest first; raises as `ahead`."""
    cursor = cursors.decode(_SentCursor, after or None)
    found = rows.fetch_all(
        conn,
        Sent,
        _QUERIES.sent,
        before_at=cursor.recorded_at if cursor else None,
        before_id=cursor.id if cursor else None,
        page_size=size + 1,
    )
    return cursors.page(
        found, size, lambda row: _SentCursor(recorded_at=row.recorded_at, id=row.certification_id)
    )


def remind_now(conn: Connection, certification_id: UUID) -> None:
    """Send the next reminder of a certification now.

    Raises MissingRightError, and InvalidArgumentError where one was sent today or the next one waits for something.
    """
    rows.fetch_one(conn, tuple[None], _QUERIES.remind_now, certification_id=certification_id)


def pause(conn: Connection, peer_mentor_id: UUID, *, is_paused: bool) -> None:
    """Have the reminders wait, or go on. Raises MissingRightError."""
    rows.send(conn, _QUERIES.pause, peer_mentor_id=peer_mentor_id, is_paused=is_paused)

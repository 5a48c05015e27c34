"""How certifications stood on a day, by what is known now or was known then; a day to come is a forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection

StatusThen = Literal["active", "expired", "suspended", "coming", "unknown"]
"""`coming`: issued for a later day; `unknown`: not registered by then."""

_MOST_OF_ONE: Final = 1000

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and by whose knowledge it is seen: that of today, or that of its own end."""

    day: date
    as_known_then: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A certification as it stood at the end of a day; the numbers are of the whole list."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    external_id: str
    full_name: str
    certification_type: str
    issued_at: datetime | None
    expires_at: datetime | None
    status: StatusThen
    sort_key: str
    certifications: int
    peer_mentors: int


class _Cursor(cursors.Cursor):
    """The place of a row in the order of names."""

    key: cursors.Text
    id: cursors.Id


def of_peer_mentor(conn: Connection, peer_mentor_id: UUID, day: Day) -> Sequence[Held]:
    """Return how each certification of a peer mentor stood."""
    return rows.fetch_all(
        conn,
        Held,
        _QUERIES.on_day,
        day=day.day,
        as_known_then=day.as_known_then,
        peer_mentor_id=peer_mentor_id,
        chapter_id=None,
        certification_type=None,
        after_key=None,
        after_id=None,
        page_size=_MOST_OF_ONE,
    )


def valid(
    conn: Connection,
    day: Day,
    *,
    chapter_id: UUID | None = None,
    certification_type: str | None = None,
    after: str | None = None,
    size: int = 50,
) -> cursors.Page[Held]:
    """Return a page of those that were valid, by name; `after` is the `next` of the page before.

    Raises InvalidCursorError; LaterError where what was known then is not settled yet.
    """
    cursor = cursors.decode(_Cursor, after or None)
    found = rows.fetch_all(
        conn,
        Held,
        _QUERIES.on_day,
        day=day.day,
        as_known_then=day.as_known_then,
        peer_mentor_id=None,
        chapter_id=chapter_id,
        certification_type=certification_type,
        after_key=cursor.key if cursor else None,
        after_id=cursor.id if cursor else None,
        page_size=size + 1,
    )
    return cursors.page(found, size, lambda row: _Cursor(key=row.sort_key, id=row.id))

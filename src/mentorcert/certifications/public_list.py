"""The public list of an organisation: who may be shown today, and for how long an answer may be cached."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection

LONGEST_CACHED_S: Final = 60
# From the query until the answer has arrived: a cache counts from there.
_MARGIN_S: Final = 5

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Heading:
    """An organisation's name, and the chapters in which somebody is listed now."""

    name: str
    chapters: list[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A listed person; the lease had `left_s` seconds left when the row was read."""

    peer_mentor_id: UUID
    display_name: str
    chapters: list[str]
    listed_until: datetime
    left_s: float


class _Cursor(cursors.Cursor):
    name: cursors.Text
    id: cursors.Id


def heading(conn: Connection, slug: str) -> Heading | None:
    """Return the heading of the list; None for an organisation that does not exist."""
    return rows.fetch_optional(conn, Heading, _QUERIES.heading, slug=slug)


def page(
    conn: Connection, slug: str, *, chapter: str | None = None, after: str | None = None, size: int = 50
) -> cursors.Page[Listed]:
    """Return a page of the people whose lease runs, by name, of one chapter or of all.

    Raises InvalidCursorError.
    """
    cursor = cursors.decode(_Cursor, after)
    found = rows.fetch_all(
        conn,
        Listed,
        _QUERIES.page,
        slug=slug,
        chapter=chapter,
        after_name=cursor.name if cursor else None,
        after_id=cursor.id if cursor else None,
        size=size + 1,
    )
    page = cursors.page(found, size, lambda row: _Cursor(name=row.display_name, id=row.peer_mentor_id))
    # The policy compares with the start of the transaction; a lease may have ended since.
    return cursors.Page([row for row in page.rows if row.left_s > 0], page.next)


def cache_control(people: Sequence[Listed]) -> str:
    """Return the Cache-Control of an answer: a minute, as consent may be withdrawn, and within each lease."""
    seconds = min([LONGEST_CACHED_S, *(math.floor(person.left_s) - _MARGIN_S for person in people)])
    # Without must-revalidate a cache that cannot reach us may go on showing what it has.
    return f"public, max-age={seconds}, must-revalidate" if seconds > 0 else "no-store"

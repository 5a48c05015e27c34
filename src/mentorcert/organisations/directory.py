"""The directory of peer mentors within the caller's reach, with the names of their chapters."""

from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError

_QUERIES = rows.beside(__file__)


class ChapterName(TypedDict):
    """A chapter, with its code and name."""

    id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A peer mentor within the caller's reach."""

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    display_name: str | None
    email: str | None
    phone: str | None
    listing_consent: bool
    has_login: bool
    chapters: list[ChapterName]


class _Cursor(cursors.Cursor):
    id: cursors.Id


def page(
    conn: Connection,
    organisation_id: UUID,
    *,
    search: str | None = None,
    chapter_id: UUID | None = None,
    after: str | None = None,
    size: int = 50,
) -> cursors.Page[DirectoryEntry]:
    """Return a page in the order of ids, without erased people; a chapter includes those under it.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    cursor = cursors.decode(_Cursor, after)
    found = rows.fetch_all(
        conn,
        DirectoryEntry,
        _QUERIES.page,
        organisation_id=organisation_id,
        after=cursor.id if cursor else None,
        page_size=size + 1,
        search=search,
        chapter_id=chapter_id,
    )
    return cursors.page(found, size, lambda entry: _Cursor(id=entry.id))


def get(conn: Connection, peer_mentor_id: UUID) -> DirectoryEntry:
    """Return one entry; raises MissingRightError where the caller sees none with this id."""
    found = rows.fetch_optional(conn, DirectoryEntry, _QUERIES.get, peer_mentor_id=peer_mentor_id)
    if found is None:
        raise MissingRightError(code="42501")
    return found

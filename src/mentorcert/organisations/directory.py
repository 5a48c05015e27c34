"""The directory of peer mentors within the caller's reach, with the names of their chapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypedDict
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError

_QUERIES = rows.beside(__file__)


class ChapterName(TypedDict):
    """A chapter, with its code and name, and from when the person is no longer in it."""

    id: UUID
    code: str
    name: str
    ended_at: str | None


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
    left_on: date | None
    has_login: bool
    chapters: list[ChapterName]


@dataclass(frozen=True, slots=True)
class _Page:
    items: str
    has_more: bool | None
    last_id: UUID | None
    organisation_ids: list[UUID] | None


class _Cursor(cursors.Cursor):
    id: cursors.Id


def page(
    conn: Connection,
    organisation_id: UUID,
    *,
    search: str | None = None,
    chapter_id: UUID | None = None,
    with_left: bool = False,
    ids: Sequence[UUID] | None = None,
    after: str | None = None,
    size: int = 50,
) -> cursors.JsonPage:
    """Return a page in the order of ids, or those of `ids` in theirs; a chapter includes those under it.

    Without erased people and, unless `with_left`, without those who have left.
    Raises InvalidCursorError, EndpointDisabledError.
    """
    cursor = cursors.decode(_Cursor, after)
    found = rows.fetch_one(
        conn,
        _Page,
        _QUERIES.page,
        organisation_id=organisation_id,
        after=cursor.id if cursor else None,
        page_size=size,
        search=search,
        chapter_id=chapter_id,
        with_left=with_left,
        ids=ids,
    )
    following = None
    if found.has_more and found.last_id is not None:
        following = cursors.encode(_Cursor(id=found.last_id))
    return cursors.JsonPage(found.items, following)


def get(conn: Connection, peer_mentor_id: UUID) -> DirectoryEntry:
    """Return one entry; raises MissingRightError where the caller sees none with this id."""
    found = rows.fetch_optional(conn, DirectoryEntry, _QUERIES.get, peer_mentor_id=peer_mentor_id)
    if found is None:
        raise MissingRightError(code="42501")
    return found

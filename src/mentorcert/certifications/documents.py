"""Lists of certifications as JSON that the database makes, for those who hand it on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mentorcert.certifications.history import WantedStatus
from mentorcert.certifications.repository import Cursor
from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class _Page:
    items: str
    number: int
    last_expires_at: datetime | None
    last_id: UUID | None
    organisation_ids: list[UUID] | None


def page(
    conn: Connection,
    *,
    after: str | None = None,
    size: int = 50,
    status: WantedStatus | None = None,
    certification_type: str | None = None,
    chapter_id: UUID | None = None,
    expiring_before: datetime | None = None,
    with_left: bool = False,
    time_zone: str,
) -> cursors.JsonPage:
    """Return a page of what the caller may see, in the order of expiry; a chapter includes those under it.

    Its days are those of the time zone.

    Raises InvalidCursorError.
    """
    cursor = cursors.decode(Cursor, after)
    found = rows.fetch_one(
        conn,
        _Page,
        _QUERIES.page,
        after_expires_at=cursor.expires_at if cursor else None,
        after_id=cursor.id if cursor else None,
        page_size=size,
        status=status,
        certification_type=certification_type,
        chapter_id=chapter_id,
        expiring_before=expiring_before,
        with_left=with_left,
        time_zone=time_zone,
    )
    following = None
    if found.number == size and found.last_id is not None:
        following = cursors.encode(Cursor(expires_at=found.last_expires_at, id=found.last_id))
    return cursors.JsonPage(found.items, following)

"""Reads histories page by page: of a certification, oldest first, or of a peer mentor, newest first."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from mentorcert.certifications import history
from mentorcert.certifications.history import EntryV1
from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import UnknownHistoryVersionError

_QUERIES = rows.beside(__file__)

Position = Annotated[int, Field(strict=True, ge=1, lt=2**31)]


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """An entry of the history of one of a peer mentor's certifications, lifted to the current version.

    `is_replaced` where the certification was of a row that was merged, and another one stands for it;
    `is_revertible` where the registry would take the change back as the certification is now.
    """

    organisation_id: UUID
    certification_id: UUID
    certification_type: str
    name_nb: str
    name_en: str
    position: int
    entry: EntryV1
    is_replaced: bool
    is_revertible: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    organisation_id: UUID
    position: int
    entry: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Item(_Entry):
    certification_id: UUID
    certification_type: str
    name_nb: str
    name_en: str
    is_replaced: bool
    is_revertible: bool


@dataclass(frozen=True, slots=True)
class _Upgraded:
    entry: dict[str, Any]


class _Position(cursors.Cursor):
    # Entries never move.
    position: Position


class _Moment(cursors.Cursor):
    recorded_at: cursors.Instant
    id: cursors.Id
    position: Position


def of_certification(
    conn: Connection, certification_id: UUID, *, after: str | None = None, size: int | None = None
) -> cursors.Page[BaseModel]:
    """Return a page of one history, oldest entry first, each in its own version; without a size, all of it.

    Raises InvalidCursorError, HistoryEntryError.
    """
    cursor = cursors.decode(_Position, after)
    found = rows.fetch_all(
        conn,
        _Entry,
        _QUERIES.of_certification,
        certification_id=certification_id,
        after=cursor.position if cursor else 0,
        size=None if size is None else size + 1,
    )
    page = cursors.page(found, size or len(found), lambda row: _Position(position=row.position))
    return cursors.Page(history.parse(row.entry for row in page.rows), page.next)


def of_peer_mentor(
    conn: Connection,
    peer_mentor_id: UUID | None = None,
    *,
    certification_id: UUID | None = None,
    after: str | None = None,
    skipped: int = 0,
    size: int = 50,
) -> cursors.Page[HistoryItem]:
    """Return a page of the histories of all certifications or of one, newest entry first.

    Without a peer mentor it is that of the certification.

    Raises InvalidCursorError, HistoryEntryError.
    """
    cursor = cursors.decode(_Moment, after)
    found = rows.fetch_all(
        conn,
        _Item,
        _QUERIES.of_peer_mentor,
        peer_mentor_id=peer_mentor_id,
        certification_id=certification_id,
        before_recorded_at=cursor.recorded_at if cursor else None,
        before_certification_id=cursor.id if cursor else None,
        before_position=cursor.position if cursor else None,
        skipped=skipped,
        size=size + 1,
    )
    entries = history.parse(row.entry for row in found)
    items = [_item(row, entry) for row, entry in zip(found, entries, strict=True)]
    return cursors.page(
        items,
        size,
        lambda item: _Moment(
            recorded_at=item.entry.recorded_at, id=item.certification_id, position=item.position
        ),
    )


def entry(conn: Connection, certification_id: UUID, entry_id: UUID) -> EntryV1 | None:
    """Return one entry of a history, lifted to the current version; None where there is none."""
    found = rows.fetch_all(
        conn, _Upgraded, _QUERIES.entry, certification_id=certification_id, entry_id=str(entry_id)
    )
    parsed = next(iter(history.parse(row.entry for row in found)), None)
    return parsed if isinstance(parsed, EntryV1) else None


def _item(row: _Item, entry: BaseModel) -> HistoryItem:
    # The query has lifted every entry to the current version.
    if not isinstance(entry, EntryV1):
        raise UnknownHistoryVersionError
    return HistoryItem(
        row.organisation_id,
        row.certification_id,
        row.certification_type,
        row.name_nb,
        row.name_en,
        row.position,
        entry,
        row.is_replaced,
        row.is_revertible,
    )

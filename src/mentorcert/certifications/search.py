"""Searches certifications and peer mentors as far as the caller sees them, page by page."""

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import class_row

from mentorcert.certifications.history import Status
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidCursorError, from_postgres

Sort = Literal["expires", "issued", "name", "type"]
_T = TypeVar("_T")

# What one change, or one list of ids, may hold.
AT_ONCE: Final = 5000
_EVERYTHING: Final = 1_000_000
_FETCHED_AT_ONCE: Final = 1000

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; a chapter includes those under it, days are last valid days.

    `unlimited` is True for what does not expire alone, False to leave it out.
    """

    query: str | None = None
    status: Status | None = None
    certification_type: str | None = None
    chapter_id: UUID | None = None
    first_day: date | None = None
    last_day: date | None = None
    unlimited: bool | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """By what the list is sorted; certifications that are alike in that follow by expiry."""

    sort: Sort = "expires"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A certification with its peer mentor; `status` is what is true now."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    external_id: str
    full_name: str
    certification_type: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status
    chapter_ids: list[UUID]
    sort_key: str | None


@dataclass(frozen=True, slots=True)
class Mentor:
    """A peer mentor in the list of them."""

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    chapter_ids: list[UUID]
    sort_key: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the organisation."""

    id: UUID
    parent_id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class CertificationType:
    """A certification type of the organisation."""

    code: str
    name_nb: str
    name_en: str
    required_for_listing: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Rows, and the cursor of the next page (None: there is none)."""

    rows: list[_T]
    next: str | None


def page(
    conn: Connection, filters: Filters, order: Order, *, after: str | None = None, size: int = 50
) -> Page[Row]:
    """Return a page of certifications; `after` is the `next` of the page before, in the same order.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    key, expires_at, id_ = _read_cursor(order, after) if after else (None, None, None)
    with _database_errors(), conn.cursor(row_factory=class_row(Row)) as cursor:
        rows = cursor.execute(
            _QUERIES.page.sql,
            _parameters(filters, order, size + 1)
            | {"after_key": key, "after_expires_at": expires_at, "after_id": id_},
        ).fetchall()
    return Page(rows[:size], _cursor_after(order, rows[size - 1]) if len(rows) > size else None)


def every(conn: Connection, filters: Filters, order: Order) -> Iterator[Row]:
    """Yield all certifications, a thousand in memory at a time; the transaction must stay open meanwhile."""
    with _database_errors(), conn.cursor("certifications", row_factory=class_row(Row)) as cursor:
        cursor.itersize = _FETCHED_AT_ONCE
        cursor.execute(_QUERIES.page.sql, _parameters(filters, order, _EVERYTHING))
        yield from cursor


def ids(conn: Connection, filters: Filters, order: Order) -> list[UUID]:
    """Return the ids of all certifications; one more than AT_ONCE stands for too many."""
    with _database_errors(), conn.cursor(row_factory=class_row(Row)) as cursor:
        return [row.id for row in cursor.execute(_QUERIES.page.sql, _parameters(filters, order, AT_ONCE + 1))]


def mentors(
    conn: Connection,
    *,
    query: str | None = None,
    chapter_id: UUID | None = None,
    after: str | None = None,
    size: int = 50,
) -> Page[Mentor]:
    """Return a page of peer mentors by name; `after` is the `next` of the page before.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    order = Order("name")
    key, _, id_ = _read_cursor(order, after) if after else (None, None, None)
    with _database_errors(), conn.cursor(row_factory=class_row(Mentor)) as cursor:
        rows = cursor.execute(
            _QUERIES.mentors.sql,
            {
                "query": query,
                "chapter_id": chapter_id,
                "after_key": key,
                "after_id": id_,
                "page_size": size + 1,
            },
        ).fetchall()
    last = rows[size - 1] if len(rows) > size else None
    return Page(rows[:size], _write_cursor(order, last.sort_key, None, last.id) if last else None)


def chapters(conn: Connection) -> list[Chapter]:
    """Return the chapters of the caller's organisation by name."""
    with _database_errors(), conn.cursor(row_factory=class_row(Chapter)) as cursor:
        return cursor.execute(_QUERIES.chapters.sql).fetchall()


def types(conn: Connection) -> list[CertificationType]:
    """Return the certification types of the caller's organisation."""
    with _database_errors(), conn.cursor(row_factory=class_row(CertificationType)) as cursor:
        return cursor.execute(_QUERIES.types.sql).fetchall()


def _parameters(filters: Filters, order: Order, size: int) -> dict[str, Any]:
    start = {"after_key": None, "after_expires_at": None, "after_id": None}
    return {**asdict(filters), **asdict(order), **start, "page_size": size}


def _cursor_after(order: Order, row: Row) -> str:
    key = row.issued_at.isoformat() if order.sort == "issued" else row.sort_key
    return _write_cursor(order, key, row.expires_at, row.id)


def _write_cursor(order: Order, key: str | None, expires_at: datetime | None, id_: UUID) -> str:
    place = [order.sort, order.descending, key, expires_at and expires_at.isoformat(), str(id_)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read_cursor(order: Order, cursor: str) -> tuple[str | None, datetime | None, UUID]:
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        sort, descending, key, expires_at, id_ = place
        if (sort, descending) != (order.sort, order.descending) or "\0" in (key or ""):
            raise InvalidCursorError
        if (key is None) != (sort == "expires"):
            raise InvalidCursorError
        (key or "").encode()
        if sort == "issued":
            # Python knows offsets, and ways of writing, that PostgreSQL does not.
            key = _instant(key).isoformat()
        return key, _instant(expires_at) if expires_at else None, UUID(id_)
    except (AttributeError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise InvalidCursorError from error


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise InvalidCursorError
    return instant.astimezone(UTC)


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise from_postgres(error) from error

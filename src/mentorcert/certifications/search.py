"""Searches certifications as far as the caller sees them, page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal, Self
from uuid import UUID

from pydantic import StrictBool, model_validator

from mentorcert.certifications.history import Status, WantedStatus
from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidCursorError

Sort = Literal["expires", "issued", "name", "type"]

# What one change, or one list of ids, may hold.
AT_ONCE: Final = 5000
_EVERYTHING: Final = 1_000_000

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; a chapter includes those under it, days are last valid days.

    `unlimited` is True for what does not expire alone, False to leave it out; `with_left` also shows
    certifications of peer mentors who have left.
    """

    query: str | None = None
    status: WantedStatus | None = None
    certification_type: str | None = None
    chapter_id: UUID | None = None
    first_day: date | None = None
    last_day: date | None = None
    unlimited: bool | None = None
    with_left: bool = False


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
    is_outdated: bool


@dataclass(frozen=True, slots=True)
class RowOfPart(Row):
    """A row of a list in parts; `part` is the place of its own among those asked for."""

    part: int = field(compare=False)


class _Cursor(cursors.Cursor):
    """A cursor holds for one order; `key` is the text by which that sorts, None by expiry."""

    sort: Sort
    descending: StrictBool
    key: cursors.Text | None
    expires_at: cursors.Instant | None
    id: cursors.Id

    @model_validator(mode="after")
    def _has_a_key_of_its_order(self) -> Self:
        if (self.key is None) != (self.sort == "expires"):
            raise ValueError("not a key of this order")
        if self.sort == "issued":
            cursors.instant(self.key)
        return self

    @property
    def sort_key(self) -> str | None:
        """The key as PostgreSQL reads it."""
        return cursors.instant(self.key).isoformat() if self.sort == "issued" else self.key


def page(
    conn: Connection, filters: Filters, order: Order, *, after: str | None = None, size: int = 50
) -> cursors.Page[Row]:
    """Return a page of certifications; `after` is the `next` of the page before, in the same order.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    found = rows.fetch_all(
        conn, Row, _QUERIES.page, **_parameters(filters, order, size + 1, _cursor(order, after))
    )
    return cursors.page(found, size, lambda row: cursor_of(order, row))


def first_rows(
    conn: Connection, parts: Sequence[tuple[Filters, Order]], *, after: str | None, size: int
) -> list[RowOfPart]:
    """Return the first rows of several lists, one list after the other; `after` is a cursor of the first of them.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    if not parts:
        return []
    asked = [
        _parameters(filters, order, size, _cursor(order, None if number else after))
        for number, (filters, order) in enumerate(parts)
    ]
    return rows.fetch_all(
        conn, RowOfPart, _QUERIES.parts, **{name: [part[name] for part in asked] for name in asked[0]}
    )


def every(conn: Connection, filters: Filters, order: Order) -> Iterator[Row]:
    """Yield all certifications, a thousand in memory at a time; the transaction must stay open meanwhile."""
    return rows.stream(conn, Row, _QUERIES.page, **_parameters(filters, order, _EVERYTHING))


def ids(conn: Connection, filters: Filters, order: Order) -> list[UUID]:
    """Return the ids of all certifications; more than AT_ONCE means too many."""
    found = rows.fetch_all(conn, Row, _QUERIES.page, **_parameters(filters, order, AT_ONCE + 1))
    return [row.id for row in found]


def count(conn: Connection, filters: Filters, *, at_most: int) -> int:
    """Return how many certifications there are; more than `at_most` are not counted."""
    return rows.fetch_one(conn, int, _QUERIES.count, **asdict(filters), at_most=at_most)


def _parameters(filters: Filters, order: Order, size: int, cursor: _Cursor | None = None) -> dict[str, Any]:
    return {
        **asdict(filters),
        **asdict(order),
        "after_key": cursor.sort_key if cursor else None,
        "after_expires_at": cursor.expires_at if cursor else None,
        "after_id": cursor.id if cursor else None,
        "page_size": size,
    }


def _cursor(order: Order, after: str | None) -> _Cursor | None:
    cursor = cursors.decode(_Cursor, after or None)
    if cursor is not None and (cursor.sort, cursor.descending) != (order.sort, order.descending):
        raise InvalidCursorError
    return cursor


def cursor_of(order: Order, row: Row) -> cursors.Cursor:
    """Return the cursor of what comes after a row in an order."""
    key = row.issued_at.isoformat() if order.sort == "issued" else row.sort_key
    return _Cursor(
        sort=order.sort, descending=order.descending, key=key, expires_at=row.expires_at, id=row.id
    )

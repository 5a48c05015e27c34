"""The list of certifications page by page, forwards and backwards; by default what ends next comes first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from mentorcert.certifications import search
from mentorcert.certifications.search import Filters, Order, Row
from mentorcert.db import cursors
from mentorcert.db.connection import Connection
from mentorcert.db.cursors import ListPage
from mentorcert.errors import InvalidCursorError


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list that is sorted in one way; the list is its parts, one after the other."""

    filters: Filters
    order: Order

    @property
    def backwards(self) -> Order:
        """The order from the end."""
        return replace(self.order, descending=not self.order.descending)


class _Cursor(cursors.Cursor):
    part: Annotated[int, Field(strict=True, ge=0, le=2)]
    row: cursors.Text


def in_order(filters: Filters, order: Order) -> Sequence[Part]:
    """Return the list in one order."""
    return (Part(filters, order),)


def next_first(filters: Filters, today: date) -> Sequence[Part]:
    """Return the list with what ends next first, then what never ends, then what has ended, the latest first."""
    ended_on = today - timedelta(days=1)
    parts = []
    may_end = filters.unlimited is not True
    if (
        may_end
        and filters.status not in ("expired", "outdated")
        and not (filters.last_day and filters.last_day < today)
    ):
        first_day = max(filters.first_day or today, today)
        parts.append(Part(replace(filters, first_day=first_day, unlimited=False), Order()))
    if (
        filters.unlimited is not False
        and filters.status not in ("expired", "outdated")
        and not (filters.first_day or filters.last_day)
    ):
        parts.append(Part(replace(filters, unlimited=True), Order()))
    if may_end and filters.status != "active" and not (filters.first_day and filters.first_day > ended_on):
        last_day = min(filters.last_day or ended_on, ended_on)
        parts.append(Part(replace(filters, last_day=last_day, unlimited=False), Order(descending=True)))
    return parts


def page(
    conn: Connection, parts: Sequence[Part], *, after: str | None = None, before: str | None = None, size: int
) -> ListPage[Row]:
    """Return a page; `after` is the `next` of another page of the same list, `before` its `previous`.

    Raises InvalidCursorError, EndpointDisabledError.
    """
    is_back = before is not None
    cursor = cursors.decode(_Cursor, before or after or None)
    if cursor is not None and cursor.part >= len(parts):
        raise InvalidCursorError
    start = cursor.part if cursor else 0
    numbers = range(start, -1, -1) if is_back else range(start, len(parts))
    searched = [
        (parts[number].filters, parts[number].backwards if is_back else parts[number].order)
        for number in numbers
    ]
    found = [
        (numbers[row.part], row)
        for row in search.first_rows(conn, searched, after=cursor.row if cursor else None, size=size + 1)
    ]
    page = cursors.list_page(
        found,
        size,
        is_back=is_back,
        is_first=cursor is None,
        previous=lambda placed: _cursor(placed[0], parts[placed[0]].backwards, placed[1]),
        following=lambda placed: _cursor(placed[0], parts[placed[0]].order, placed[1]),
    )
    return ListPage([row for _, row in page.rows], page.previous, page.next)


def _cursor(part: int, order: Order, row: Row) -> _Cursor:
    return _Cursor(part=part, row=cursors.encode(search.cursor_of(order, row)))

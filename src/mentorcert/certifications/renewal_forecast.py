"""Who is expected to renew what ends, by the courses that are planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args
from uuid import UUID

from pydantic import TypeAdapter

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection

Outlook = Literal["expected", "waits", "refused", "possible", "nothing_planned"]
"""`refused`: has a seat in a course that does not renew it; `possible`: a free seat could renew it."""
OUTLOOKS: Final[tuple[Outlook, ...]] = get_args(Outlook)

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class RenewalAhead:
    """A certification that ends, and whether a course renews it; `refusal` names the rule against it."""

    organisation_id: UUID
    peer_mentor_id: UUID
    full_name: str
    certification_id: UUID
    certification_type: str
    last_valid_day: date
    outlook: Outlook
    refusal: str | None
    course_id: UUID | None
    course_nb: str | None
    course_en: str | None
    course_day: date | None
    renewed_until: date | None


@dataclass(frozen=True, slots=True)
class Renewals:
    """How many there are of each outlook, and a page of them, the first end first."""

    numbers: Mapping[Outlook, int]
    page: cursors.Page[RenewalAhead]


@dataclass(frozen=True, slots=True)
class _Found:
    organisation_ids: list[UUID]
    numbers: dict[str, int]
    rows: list[dict[str, Any]]


class _Cursor(cursors.Cursor):
    """The place of a row in the order of ends."""

    day: date
    id: cursors.Id


_ROWS: Final = TypeAdapter(list[RenewalAhead])


def ahead(
    conn: Connection,
    months: int,
    *,
    chapter_id: UUID | None = None,
    outlook: Outlook | None = None,
    after: str | None = None,
    size: int = 50,
) -> Renewals:
    """Return what ends in this month and those that follow, of people in the caller's reach or in a chapter.

    `after` is the `next` of the page before. Raises MissingRightError for who neither administers nor coordinates,
    InvalidArgumentError for more than 24 months, and InvalidCursorError.
    """
    cursor = cursors.decode(_Cursor, after or None)
    found = rows.fetch_one(
        conn,
        _Found,
        _QUERIES.page,
        months=months,
        chapter_id=chapter_id,
        outlook=outlook,
        after_day=cursor.day if cursor else None,
        after_id=cursor.id if cursor else None,
        size=size + 1,
    )
    return Renewals(
        _numbers(found.numbers),
        cursors.page(
            _ROWS.validate_python(found.rows),
            size,
            lambda row: _Cursor(day=row.last_valid_day, id=row.certification_id),
        ),
    )


def numbers_of(conn: Connection, organisation_id: UUID, months: int) -> Mapping[Outlook, int]:
    """Return the numbers of an organisation, for the owner of the tables."""
    return _numbers(
        rows.fetch_one(conn, dict, _QUERIES.numbers_of, organisation_id=organisation_id, months=months)
    )


def _numbers(found: Mapping[str, int]) -> Mapping[Outlook, int]:
    return {outlook: found.get(outlook, 0) for outlook in OUTLOOKS}

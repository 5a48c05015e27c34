"""The list of peer mentors within the caller's reach: by name, with what each holds, page by page, forwards and backwards."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import TypeAdapter

from mentorcert.certifications.history import Status
from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.db.cursors import ListPage

Standing = Literal["held", "not_held", "never", "lapsed", "suspended", "ends", "obtained"]
"""How somebody stands with a certification type on a day; `ends` and `obtained` are between two days."""

# What one change of the people on the list may hold.
AT_ONCE: Final = 5000
_EVERYTHING: Final = 1_000_000

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class MentorFilters:
    """What the list is narrowed to; a chapter includes those under it, days are last valid days or days of issue.

    Who `holds` a type, and who stands in some way with another one (`standing`), is judged on a day (`on_day`, None: today);
    `with_left` also shows those who have left.
    """

    query: str | None = None
    chapter_id: UUID | None = None
    with_left: bool = False
    peer_mentor_ids: Sequence[UUID] | None = None
    holds: str | None = None
    certification_type: str | None = None
    standing: Standing | None = None
    first_day: date | None = None
    last_day: date | None = None
    on_day: date | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """How many do not hold a certification type, counted to a limit; the first of them by name."""

    organisation_id: UUID
    certification_type: str
    number: int
    ids: list[UUID]
    full_names: list[str]


@dataclass(frozen=True, slots=True)
class Badge:
    """What a peer mentor holds, or has held; `last_valid_day` is None where it does not end."""

    id: UUID
    certification_type: str
    status: Status
    last_valid_day: date | None


@dataclass(frozen=True, slots=True)
class Mentor:
    """A peer mentor in the list; `certifications` as on the day that was asked for."""

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    email: str | None
    phone: str | None
    chapter_ids: list[UUID]
    left_on: date | None
    has_left: bool
    certifications: list[dict[str, Any]]
    sort_key: str

    @property
    def badges(self) -> list[Badge]:
        """What the person holds, or has held."""
        return _BADGES.validate_python(self.certifications)


_BADGES: Final = TypeAdapter(list[Badge])


class _Cursor(cursors.Cursor):
    key: cursors.Text
    id: cursors.Id


def page(
    conn: Connection,
    filters: MentorFilters,
    *,
    after: str | None = None,
    before: str | None = None,
    size: int = 50,
) -> ListPage[Mentor]:
    """Return a page; `after` is the `next` of another page of the same list, `before` its `previous`.

    Raises InvalidCursorError, InvalidArgumentError, EndpointDisabledError.
    """
    is_back = before is not None
    cursor = cursors.decode(_Cursor, before or after or None)
    found = rows.fetch_all(
        conn, Mentor, _QUERIES.page, **_parameters(filters, size + 1, cursor, descending=is_back)
    )
    return cursors.list_page(
        found, size, is_back=is_back, is_first=cursor is None, previous=_cursor_of, following=_cursor_of
    )


def every(conn: Connection, filters: MentorFilters) -> Iterator[Mentor]:
    """Yield all of them, a thousand in memory at a time; the transaction must stay open meanwhile."""
    return rows.stream(conn, Mentor, _QUERIES.page, **_parameters(filters, _EVERYTHING))


def ids(conn: Connection, filters: MentorFilters) -> list[UUID]:
    """Return the ids of all of them; more than AT_ONCE means too many."""
    return rows.fetch_all(conn, UUID, _QUERIES.ids, **_parameters(filters, AT_ONCE + 1))


def count(conn: Connection, filters: MentorFilters, *, at_most: int) -> int:
    """Return how many there are; more than `at_most` are not counted."""
    return rows.fetch_one(conn, int, _QUERIES.count, **_parameters(filters, at_most))


def lacking(conn: Connection, *, first: int, at_most: int) -> list[Lacking]:
    """Return for each type that the public list requires who does not hold it today, if anybody does not."""
    return rows.fetch_all(conn, Lacking, _QUERIES.lacking, first=first, at_most=at_most)


def _parameters(
    filters: MentorFilters, size: int, cursor: _Cursor | None = None, *, descending: bool = False
) -> dict[str, Any]:
    return {
        **asdict(filters),
        "descending": descending,
        "after_key": cursor.key if cursor else None,
        "after_id": cursor.id if cursor else None,
        "page_size": size,
    }


def _cursor_of(row: Mentor) -> cursors.Cursor:
    return _Cursor(key=row.sort_key, id=row.id)

"""Pages of a list, and cursors: the sort key of the last row of a page, as text that fits into a URL."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mentorcert.errors import InvalidCursorError

T = TypeVar("T")
C = TypeVar("C", bound="Cursor")


def instant(value: object) -> datetime:
    """Return the instant that an ISO 8601 text names, with its offset; raises ValueError."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("not an instant")
    try:
        # Python reads offsets and notations that PostgreSQL does not.
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("not an instant") from None


def _id(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        raise ValueError("not an id")  # noqa: TRY004 pydantic reports a ValueError
    return UUID(value)


Instant = Annotated[datetime, BeforeValidator(instant)]
Id = Annotated[UUID, BeforeValidator(_id)]
Text = Annotated[str, Field(strict=True, pattern=r"^[^\x00]*$")]
"""Without NUL, which PostgreSQL cannot store."""


class Cursor(BaseModel):
    """The sort key of a row; each list has its own kind, beside the query that sorts by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows, and the cursor of the next page (None: this is the last)."""

    rows: list[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """Rows, and the cursors of the pages before and after them (None: there is none)."""

    rows: list[T]
    previous: str | None
    next: str | None


@dataclass(frozen=True, slots=True)
class JsonPage:
    """Rows as a JSON array, made by the database, and the cursor of the next page."""

    items: str
    next: str | None


def page(found: Sequence[T], size: int, key: Callable[[T], Cursor]) -> Page[T]:
    """Return the page of the first `size` rows; one row more shows that another page follows."""
    rows = list(found[:size])
    return Page(rows, encode(key(rows[-1])) if len(found) > size else None)


def list_page(
    found: Sequence[T],
    size: int,
    *,
    is_back: bool,
    is_first: bool,
    previous: Callable[[T], Cursor],
    following: Callable[[T], Cursor],
) -> ListPage[T]:
    """Return the page of the first `size` rows that were found, also against the list's order (`is_back`).

    `is_first`: found from the beginning of the list; `previous` and `following` make the cursors of a row, each way.
    """
    rows, has_more = list(found[:size]), len(found) > size
    if is_back:
        rows.reverse()
    if not rows:
        return ListPage([], None, None)
    has_previous, has_next = (has_more, True) if is_back else (not is_first, has_more)
    return ListPage(
        rows,
        encode(previous(rows[0])) if has_previous else None,
        encode(following(rows[-1])) if has_next else None,
    )


def encode(cursor: Cursor) -> str:
    """Return a cursor as text."""
    return urlsafe_b64encode(cursor.model_dump_json().encode()).decode().rstrip("=")


def decode(kind: type[C], text: str | None) -> C | None:
    """Return the cursor that the text holds, None for no text; raises InvalidCursorError."""
    if text is None:
        return None
    try:
        return kind.model_validate(json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except (binascii.Error, UnicodeError, ValueError, RecursionError, ValidationError):
        raise InvalidCursorError(hint="Send back what `next` of the page before said.") from None

"""What the fields of requests may say, so that everything else is refused before it reaches the database."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from mentorcert.imports.cells import FIRST_DAY, LAST_DAY

LARGEST_PAGE: Final = 200
_FIRST_INSTANT, _LAST_INSTANT = (
    datetime(year, 1, 1, tzinfo=UTC) for year in (FIRST_DAY.year, LAST_DAY.year + 1)
)
# PostgreSQL keeps no NUL in a text.
_NO_NUL: Final = r"^[^\x00]*$"


def _written(pattern: str, advice: str) -> BeforeValidator:
    """Take the one way of writing that the document names: pydantic reads a number as seconds since 1970."""
    way = re.compile(pattern, re.ASCII)

    def check(value: object) -> object:
        is_read = isinstance(value, date | UUID)
        if not is_read and not (isinstance(value, str) and way.fullmatch(value)):
            raise ValueError(advice)
        return value

    return BeforeValidator(check)


def _in_range(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"give a day of the years {FIRST_DAY.year} to {LAST_DAY.year}")
    return day


def _instant_in_range(instant: datetime) -> datetime:
    if not _FIRST_INSTANT <= instant < _LAST_INSTANT:
        raise ValueError(f"give an instant of the years {FIRST_DAY.year} to {LAST_DAY.year}, in UTC")
    return instant


Id = Annotated[
    UUID,
    _written(
        r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "write an id as 8-4-4-4-12 hexadecimal digits"
    ),
]
Day = Annotated[date, _written(r"\d{4}-\d\d-\d\d", "write a day as 2026-03-02"), AfterValidator(_in_range)]
"""A day on the organisation's calendar, of the years 1900 to 2199."""
Instant = Annotated[
    AwareDatetime,
    _written(
        r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.]\d{1,6})?([Zz]|[+-]\d\d:\d\d)",
        "write an instant with its offset, as 2026-03-02T12:00:00Z; in a URL, + is %2B",
    ),
    AfterValidator(_instant_in_range),
]
"""An instant of the years 1900 to 2199, with its offset."""
Remark = Annotated[str, Field(max_length=2000, pattern=_NO_NUL)]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)]
Named = Annotated[str, Field(pattern=_NO_NUL)]
"""A name that the registry holds, of whatever length."""
Slug = Annotated[str, Field(max_length=100, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
Size = Annotated[int, Field(ge=1, le=LARGEST_PAGE)]
Place = Annotated[str, Field(min_length=1, max_length=2000, pattern="^[A-Za-z0-9_-]+$")]
"""Where a page begins, as `next` of the page before said it."""

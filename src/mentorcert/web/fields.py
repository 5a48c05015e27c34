"""Fields of forms and addresses: browsers send an empty text for a field that was left empty."""

from datetime import date
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from pydantic import BeforeValidator, Field

from mentorcert.web.written_days import read_day

T = TypeVar("T")

_LONGEST_SEARCH: Final = 1000


class Typed:
    """Marks a field that people see, and fill or choose: `PageForm` keeps what cannot be read in it."""


TYPED: Final = Typed()


def none_if_empty(value: Any) -> Any:
    """Take a field that was left empty as one that was not sent."""
    return None if value == "" else value


def _searched(value: Any) -> Any:
    """Return whatever was pasted, cut where too long; the database reads it as names are written."""
    return value.replace("\0", "")[:_LONGEST_SEARCH] if isinstance(value, str) else value


def _day(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return read_day(value) if value.strip() else None


SearchText = Annotated[str | None, BeforeValidator(_searched)]
AddressText = Annotated[str, BeforeValidator(_searched)]
"""An e-mail address, or a part of one, to search for."""
Maybe = Annotated[T | None, BeforeValidator(none_if_empty)]
_Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
OptionalDay = Annotated[_Day | None, BeforeValidator(_day), TYPED]
"""A day as people write it, within the calendar of the registry."""
Note = Annotated[str | None, Field(max_length=2000), BeforeValidator(none_if_empty), TYPED]
Line = Annotated[str | None, Field(max_length=300), BeforeValidator(none_if_empty), TYPED]
Chosen = Annotated[T, TYPED]
"""A value chosen from a list."""
MaybeChosen = Annotated[T | None, BeforeValidator(none_if_empty), TYPED]
OptionalId = MaybeChosen[UUID]
Ticked = Chosen[bool]
Text = Annotated[str, Field(max_length=1000), TYPED]
"""Any text; how long it may be is for the registry to say."""

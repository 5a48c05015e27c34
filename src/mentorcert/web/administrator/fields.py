"""Fields of forms and addresses: what browsers send of an empty one is none."""

from datetime import date
from typing import Annotated, Final, TypeVar
from uuid import UUID

from pydantic import BeforeValidator, Field

T = TypeVar("T")

LONGEST_MONTHS: Final = 1200


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
Maybe = Annotated[T | None, BeforeValidator(_none_if_empty)]
OptionalDay = Maybe[Day]
OptionalId = Maybe[UUID]
OptionalMonths = Maybe[Annotated[int, Field(ge=0, le=LONGEST_MONTHS)]]

"""Fields of forms and addresses: browsers send an empty text for a field that was left empty."""

from datetime import date
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BeforeValidator, Field

T = TypeVar("T")


def none_if_empty(value: Any) -> Any:
    """Take a field that was left empty as one that was not sent."""
    return None if value == "" else value


Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
Maybe = Annotated[T | None, BeforeValidator(none_if_empty)]
OptionalId = Maybe[UUID]

"""Fields of forms and addresses: browsers send an empty text for a field that was left empty."""

import unicodedata
from datetime import date
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from pydantic import BeforeValidator, Field

T = TypeVar("T")

_LONGEST_SEARCH: Final = 100
_JOINERS: Final = "\u200c\u200d"
_FIRST_JOINED: Final = "\u0590"  # Scripts whose words need joiners come after Greek, Cyrillic and Armenian.


def none_if_empty(value: Any) -> Any:
    """Take a field that was left empty as one that was not sent."""
    return None if value == "" else value


def searchable(value: Any, longest: int = _LONGEST_SEARCH) -> Any:
    """Return whatever was pasted as names are written; None where nothing of it can be seen.

    NFC, single spaces, nothing invisible but the joiners inside words that need them; cut where too long.
    """
    if not isinstance(value, str):
        return value
    text = unicodedata.normalize("NFC", value)
    seen = "".join(_seen(text, place) for place in range(len(text)))
    return " ".join(seen.split())[:longest].rstrip() or None


def _seen(text: str, place: int) -> str:
    letter = text[place]
    if letter.isspace() or unicodedata.category(letter) == "Cc":
        return " "
    if letter in _JOINERS:
        beside = text[max(place - 1, 0)] + text[min(place + 1, len(text) - 1)]
        is_inside = all(unicodedata.category(other)[0] in "LM" for other in beside)
        return letter if is_inside and min(beside) >= _FIRST_JOINED else ""
    return "" if unicodedata.category(letter).startswith("C") else letter


SearchText = Annotated[str | None, BeforeValidator(searchable)]
AddressText = Annotated[str, BeforeValidator(lambda value: searchable(value) or "")]
"""An e-mail address, or a part of one, to search for."""
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
Maybe = Annotated[T | None, BeforeValidator(none_if_empty)]
OptionalId = Maybe[UUID]

"""Where a page begins: what the last row of the page before was ordered by, as text that fits into a URL."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mentorcert.errors import InvalidCursorError

P = TypeVar("P", bound=BaseModel)


def write(place: BaseModel) -> str:
    """Return a place as text."""
    return urlsafe_b64encode(place.model_dump_json().encode()).decode().rstrip("=")


def read(kind: type[P], text: str | None) -> P | None:
    """Return the place that the text names, none for no text; raises InvalidCursorError."""
    if text is None:
        return None
    try:
        # json first: pydantic's own reader takes numbers for instants.
        return kind.model_validate(json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError, ValidationError):
        raise InvalidCursorError(hint="Send back what `next` of the page before said.") from None

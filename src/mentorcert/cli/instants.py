"""Instants as commands take them: a day, a time, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from mentorcert.errors import InvalidInputError

SINCE: Final = "A day or instant (ISO 8601; UTC where it names no zone), or 90m, 12h, 7d, 2w ago."

_DURATION: Final = re.compile(r"(\d{1,4})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(option: str, text: str | None) -> datetime | None:
    """Return the instant that an option names, UTC where it names no zone; raises InvalidInputError."""
    if text is None:
        return None
    try:
        return _parsed(text)
    except ValueError:
        raise InvalidInputError(
            f"{option}: {text!r} is no instant.", hint="Give one like 2027-01-01T00:00:00+01:00."
        ) from None


def since(text: str | None) -> datetime | None:
    """Return the instant that an option --since names, also as how long ago; raises InvalidInputError."""
    if text is None:
        return None
    if duration := _DURATION.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[duration[2]]: int(duration[1])})
    try:
        return _parsed(text)
    except ValueError:
        raise InvalidInputError(
            f"--since: {text!r} is neither a day, nor an instant, nor a duration.",
            hint="Give one like 2027-01-31, 2027-01-31T08:00+01:00 or 7d.",
        ) from None


def _parsed(text: str) -> datetime:
    named = datetime.fromisoformat(text)
    return named if named.tzinfo else named.replace(tzinfo=UTC)

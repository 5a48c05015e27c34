"""Lenient readers of portals' values."""

from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

LARGEST_VERSION: Final = 2**52 - 1
"""Ours, which rise above a portal's, stay below 2^53, what every JSON reader holds exactly."""

LARGEST_EPOCH: Final = 2**31 - 1


def epoch(value: Any) -> int | None:
    """Read an epoch, like a version; None where there is none, or too large a one."""
    found = version(value)
    return found if found is not None and found <= LARGEST_EPOCH else None


_LONGEST_TEXT: Final = 200


def version(value: Any) -> int | None:
    """Read a version from a whole number, a decimal one, or a text; None where there is none, or too large a one."""
    if isinstance(value, float) and not value.is_integer():
        return None
    try:
        found = int(value) if value is not None and not isinstance(value, bool) else None
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found is not None and 0 <= found <= LARGEST_VERSION else None


def text(value: Any) -> str | None:
    """Read a text, or a whole number, as a short text that the database accepts; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= LARGEST_VERSION else None
    if not isinstance(value, str):
        return None
    return value[:_LONGEST_TEXT].encode(errors="replace").decode().replace("\0", "?")


def listed(value: Any) -> bool | None:
    """Read whether somebody is listed: what is not false is; None for null, where the portal does not say."""
    if value is None:
        return None
    return value != 0 and not (isinstance(value, str) and value.strip().lower() in {"false", "0"})


def instant(value: Any) -> str | None:
    """Read an instant as text in UTC; None for null, a word for what is no instant."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC).isoformat() if at.tzinfo else "unreadable"
    except (ValueError, TypeError, OverflowError):
        return "unreadable"


def day(value: Any, time_zone: str) -> str | None:
    """Read a day of a time zone as `2031-05-31/Europe/Oslo`; None for null, a word for what is no day."""
    if value is None:
        return None
    try:
        return f"{date.fromisoformat(value[:10])}/{time_zone}"
    except (ValueError, TypeError, KeyError):
        return "unreadable"


def uuid(value: Any) -> UUID | None:
    """Read an id of ours; None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None

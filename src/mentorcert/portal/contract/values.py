"""Lenient readers of portals' values."""

from typing import Any
from uuid import UUID


def version(value: Any) -> int | None:
    """Read a version from a whole number, a decimal one, or a text; None where there is none."""
    try:
        return int(value) if value is not None and not isinstance(value, bool) else None
    except (ValueError, TypeError, OverflowError):
        return None


def uuid(value: Any) -> UUID | None:
    """Read an id of ours; None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None

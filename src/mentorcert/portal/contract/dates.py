"""Instants as the contract writes them."""

from datetime import UTC, datetime


def to_text(at: datetime) -> str:
    """Return an aware instant in UTC, like `2026-03-01T23:00:00Z`; raises ValueError for a naive one."""
    if at.utcoffset() is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")

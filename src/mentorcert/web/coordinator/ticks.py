"""Ticks in an address: those of other pages of a list, and those of a preview, come back by the address alone."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from fastapi import Response
from pydantic import BeforeValidator

from mentorcert.web.context import RequestContext

# Proxies take addresses of 8 kB; an id is 22 letters, and an address may hold another.
AT_MOST: Final = 100
_BYTES: Final = 16


def written(ids: Iterable[UUID]) -> str:
    """Return ids as text for an address, shorter than they are written; of too many, the first."""
    every = list(dict.fromkeys(ids))[:AT_MOST]
    return urlsafe_b64encode(b"".join(id_.bytes for id_ in every)).decode().rstrip("=")


def _read(value: Any) -> Any:
    # Of an address, FastAPI gives a list what it says once.
    if isinstance(value, list) and len(value) == 1:
        return _read(value[0]) if isinstance(value[0], str) else value
    if not isinstance(value, str):
        return value
    raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if len(raw) % _BYTES or len(raw) > AT_MOST * _BYTES:
        raise ValueError("these are no ids")
    return [UUID(bytes=raw[start : start + _BYTES]) for start in range(0, len(raw), _BYTES)]


TickedIds = Annotated[list[UUID], BeforeValidator(_read)]


class _Paged(Protocol):
    after: str | None
    before: str | None

    def path(self, **changed: object) -> str: ...


def other_page(context: RequestContext, query: _Paged, ticked: Sequence[UUID]) -> Response:
    """Send the browser to another page of a list, with the ticks."""
    notice = None
    if len(ticked) > AT_MOST:
        notice = context._("At most %(number)s ticks are kept over pages.", number=AT_MOST)
    return context.redirect(
        query.path(after=query.after, before=query.before, ticked=written(ticked)), notice=notice
    )

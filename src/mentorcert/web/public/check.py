"""The check of one certificate: valid today or not, and nothing more."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.web.context import OptionalUser
from mentorcert.web.security.rate_limiter import CHECKS, address_of

router = APIRouter()

_CHECK: Final = "select public.check_certificate(%s), now()"
# An organisation's own would tell which it is.
_TIME_ZONE: Final = "Europe/Oslo"


@router.get("/check/{code}")
def check(context: OptionalUser, code: str) -> Response:
    """Answer with the same page for a code that is none, unknown, or of what is not valid."""
    context.services.attempts.count(CHECKS, "check", address_of(context.request))
    row = context.conn.execute(_CHECK, (_read(code),)).fetchone()
    is_valid, asked_at = row or (False, None)
    return context.page("public/check.html", is_valid=is_valid, asked_at=asked_at, time_zone=_TIME_ZONE)


def _read(code: str) -> UUID | None:
    try:
        return UUID(code)
    except ValueError:
        return None

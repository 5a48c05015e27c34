"""The check of one certificate: valid today or not, and nothing more."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.certifications import certificates
from mentorcert.web.context import OptionalUser
from mentorcert.web.security.rate_limiter import CHECKS, address_of

router = APIRouter()

# That of the organisation would show which it is.
_TIME_ZONE: Final = "Europe/Oslo"


@router.get("/check/{code}")
def show(context: OptionalUser, code: str) -> Response:
    """Show the same page for a malformed code, an unknown one, and one that is not valid."""
    context.services.rate_limiter.hit(CHECKS, "check", address_of(context.request))
    check = certificates.check(context.conn, _read(code))
    return context.page(
        "public/check.html", is_valid=check.is_valid, asked_at=check.checked_at, time_zone=_TIME_ZONE
    )


def _read(code: str) -> UUID | None:
    try:
        return UUID(code)
    except ValueError:
        return None

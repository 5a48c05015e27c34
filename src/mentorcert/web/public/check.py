"""The check of one certificate: valid today or not, and nothing more."""

import re
import unicodedata
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.certifications import certificates
from mentorcert.web.context import OptionalUser
from mentorcert.web.security.rate_limiter import CHECKS, address_of

router = APIRouter()

# That of the organisation would show which it is.
_TIME_ZONE: Final = "Europe/Oslo"
_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{32}")


@router.get("/check/{code}")
def show(context: OptionalUser, code: str) -> Response:
    """Show the same page for a malformed code, an unknown one, and one that is not valid."""
    context.services.rate_limiter.hit(CHECKS, "check", address_of(context.request))
    check = certificates.check(context.conn, _read(code))
    return context.page(
        "public/check.html", is_valid=check.is_valid, asked_at=check.checked_at, time_zone=_TIME_ZONE
    )


def _read(code: str) -> UUID | None:
    """Read a code by its digits alone: people copy spaces, dots and what cannot be seen along with it."""
    digits = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", code)))
    return UUID(digits) if _DIGITS.fullmatch(digits) else None

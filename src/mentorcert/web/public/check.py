"""The check of one certificate: whether it is valid today, and what it must say."""

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
    """Show what the paper must say; the same page for a malformed code and an unknown one."""
    context.services.rate_limiter.hit((CHECKS, f"check address {address_of(context.request)}"))
    clock = context.ahead(certificates.clock)
    check = certificates.check(context.conn, _read(code))
    return context.page("public/check.html", check=check, asked_at=clock.value, time_zone=_TIME_ZONE)


def _read(code: str) -> UUID | None:
    """Read a code by its digits alone: people copy spaces, dots and what cannot be seen along with it."""
    digits = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", code)))
    return UUID(digits) if _DIGITS.fullmatch(digits) else None

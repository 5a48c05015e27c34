"""The last one-time code that each login was mailed; nothing leaves this machine."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

PATH = "/dev/codes"


def router(codes: dict[str, str]) -> APIRouter:
    """Return the address at which a test asks for a code, as a person looks into the mail."""
    pages = APIRouter()

    @pages.get(PATH)
    def code(email: Annotated[str, Query(max_length=320)]) -> dict[str, str]:
        if email not in codes:
            raise HTTPException(404)
        return {"email": email, "code": codes[email]}

    return pages

"""Pages that follow work: they load themselves anew until it is done, or until the reader stops it."""

from typing import Annotated, Final

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict

EVERY_S: Final = 2


class FollowQuery(BaseModel):
    """Whether the page loads itself anew."""

    model_config = ConfigDict(extra="forbid")

    follow: bool = True


Follow = Annotated[FollowQuery, Query()]


def followed(page: Response, *, is_open: bool, follow: bool) -> Response:
    """Have the page loaded anew in EVERY_S seconds, by a header: so it needs no script."""
    if is_open and follow:
        page.headers["Refresh"] = str(EVERY_S)
    return page

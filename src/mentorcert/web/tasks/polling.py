"""Pages that poll: they load themselves again until the work is done, or until the reader stops it."""

from typing import Annotated, Final

from fastapi import Query, Response
from pydantic import BaseModel

EVERY_S: Final = 2


class FollowQuery(BaseModel):
    """Whether the page loads itself again."""

    follow: bool = True


PollingQuery = Annotated[FollowQuery, Query()]


def polling_page(page: Response, *, is_open: bool, follow: bool) -> Response:
    """Have the page loaded again in EVERY_S seconds, by a header: so it needs no script."""
    if is_open and follow:
        page.headers["Refresh"] = str(EVERY_S)
    return page

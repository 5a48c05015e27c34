"""My history: what has happened to my certifications, in words, newest first."""

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from mentorcert.certifications import own, timeline
from mentorcert.web.context import CurrentMember

router = APIRouter()

SIZE: Final = 50


class Wanted(BaseModel):
    """Which part of the history."""

    after: Annotated[str, Field(max_length=2000)] | None = None


@router.get("/me/history")
def show(context: CurrentMember, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show the history page by page."""
    _, organisation = context.member()
    mentor = own.peer_mentor(context.conn)
    if mentor is None:
        return context.page("mentor/nobody.html")
    page = timeline.of_peer_mentor(context.conn, mentor.id, after=wanted.after, size=SIZE)
    return context.page(
        "mentor/history.html",
        changes=page.rows,
        zone=ZoneInfo(organisation.time_zone),
        first_url="/me/history" if wanted.after else None,
        next_url=f"/me/history?after={page.next}" if page.next else None,
    )

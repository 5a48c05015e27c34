"""My history: what has happened to my certifications, in words, newest first."""

from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mentorcert.web.api import place
from mentorcert.web.mentor import own
from mentorcert.web.visit import Member

router = APIRouter()

SIZE: Final = 50


class Wanted(BaseModel):
    """Which part of the history."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, Field(max_length=2000)] | None = None


class _Place(BaseModel):
    """Where a page begins."""

    recorded_at: AwareDatetime
    id: UUID
    position: Annotated[int, Field(ge=1, le=2**31)]


@router.get("/me/history")
def show(visit: Member, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show the history page by page."""
    _, organisation = visit.member()
    mentor = own.mentor(visit.conn)
    if mentor is None:
        return visit.page("mentor/nobody.html")
    after = place.read(_Place, wanted.after)
    before = own.Place(after.recorded_at, after.id, after.position) if after else None
    changes, last = own.changes(visit.conn, mentor.id, before=before, size=SIZE)
    visit.saw({mentor.organisation_id})
    following = (
        place.write(_Place(recorded_at=last.recorded_at, id=last.certification_id, position=last.position))
        if last
        else None
    )
    return visit.page(
        "mentor/history.html",
        changes=changes,
        zone=ZoneInfo(organisation.time_zone),
        first_url="/me/history" if after else None,
        next_url=f"/me/history?after={following}" if following else None,
    )

"""My history: what has happened to my certifications, in words, newest first."""

from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mentorcert.web.api import cursor
from mentorcert.web.context import CurrentMember
from mentorcert.web.mentor import queries

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
def show(context: CurrentMember, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show the history page by page."""
    _, organisation = context.member()
    mentor = queries.mentor(context.conn)
    if mentor is None:
        return context.page("mentor/nobody.html")
    after = cursor.read(_Place, wanted.after)
    before = queries.Place(after.recorded_at, after.id, after.position) if after else None
    changes, last = queries.changes(context.conn, mentor.id, before=before, size=SIZE)
    context.record_rows({mentor.organisation_id})
    following = (
        cursor.write(_Place(recorded_at=last.recorded_at, id=last.certification_id, position=last.position))
        if last
        else None
    )
    return context.page(
        "mentor/history.html",
        changes=changes,
        zone=ZoneInfo(organisation.time_zone),
        first_url="/me/history" if after else None,
        next_url=f"/me/history?after={following}" if following else None,
    )

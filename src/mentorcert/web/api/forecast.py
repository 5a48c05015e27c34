"""The forecast: who is expected to renew by the courses that are planned, and what chapters can count on then."""

from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import forecast, renewal_forecast
from mentorcert.certifications.forecast import MONTHS, Coverage
from mentorcert.certifications.renewal_forecast import Outlook
from mentorcert.errors import ForbiddenError
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.fields import Id, PageCursor, Size
from mentorcert.web.api.operation import API, LISTING, Operation, bearer

router = APIRouter(prefix=f"{API}/forecast", tags=["figures"], route_class=Operation, dependencies=[bearer])

_OUTLOOK: Final = (
    "`expected`: a planned course renews it; `waits` for a seat; `refused`: has a seat, but the course does not renew it, "
    "`refusal` names the rule; `possible`: a free seat could renew it; `nothing_planned`."
)


class RenewalAhead(BaseModel):
    """A certification that ends, and whether a course renews it."""

    model_config = ConfigDict(from_attributes=True)

    peer_mentor_id: UUID
    full_name: str = Field(examples=["Kari Nordmann"])
    certification_id: UUID
    certification_type: str = Field(examples=["peer-mentor"])
    last_valid_day: date
    outlook: Outlook = Field(description=_OUTLOOK)
    refusal: str | None = Field(examples=["certification_outdated_course"])
    course_id: UUID | None
    course_nb: str | None = Field(description="The Norwegian name of the course.")
    course_en: str | None
    course_day: date | None = Field(description="The last day of the course.")
    renewed_until: date | None = Field(description="The last valid day once it is renewed.")


class ChapterAhead(BaseModel):
    """How many peer mentors of a chapter, with those under it, hold all that the public list requires."""

    chapter_id: UUID
    today: int
    if_nobody_renews: list[int] = Field(description="On each of the `month_ends`.")
    with_courses: list[int] = Field(description="The same, with what is expected to be renewed.")
    lacks_on: date | None = Field(
        description="On which of them nobody is left for the first time, also with the courses."
    )


class Forecast(BaseModel):
    """Numbers of all that ends, the chapters, and a page of what ends."""

    month_ends: list[date] = Field(description="The last days of this month and those that follow.")
    numbers: dict[Outlook, int] = Field(description="How many there are of each outlook, whatever the page.")
    chapters: list[ChapterAhead]
    items: list[RenewalAhead]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class ForecastWanted(BaseModel):
    """Of which months and chapter, and which page."""

    model_config = ConfigDict(extra="forbid")

    months: int = Field(6, ge=1, le=MONTHS, description="This month and those that follow.")
    chapter_id: Id | None = Field(None, description="What ends in this chapter and those under it.")
    outlook: Outlook | None = Field(None, description=_OUTLOOK)
    size: Size = Field(50, description="Items a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


@router.get("", operation_id="get_forecast", responses=LISTING)
def get_forecast(context: ApiMember, wanted: Annotated[ForecastWanted, Query()]) -> Forecast:
    """Forecast who renews what ends in your organisation or chapters, and what these can count on."""
    _, organisation = context.member()
    if context.roles.isdisjoint({"coordinator", "org_admin"}):
        raise ForbiddenError
    covered = context.ahead(forecast.coverage, wanted.months)
    found = renewal_forecast.ahead(
        context.conn,
        wanted.months,
        chapter_id=wanted.chapter_id,
        outlook=wanted.outlook,
        after=wanted.after,
        size=wanted.size,
    )
    today = datetime.now(ZoneInfo(organisation.time_zone)).date()
    ends = forecast.month_ends(today, wanted.months)
    return Forecast(
        month_ends=ends,
        numbers=dict(found.numbers),
        chapters=[_chapter(one, ends) for one in covered.value],
        items=[RenewalAhead.model_validate(one) for one in found.page.rows],
        next=found.page.next,
    )


def _chapter(covered: Coverage, ends: list[date]) -> ChapterAhead:
    lacks = covered.lacks_from(len(ends))
    return ChapterAhead(
        chapter_id=covered.chapter_id,
        today=covered.today,
        if_nobody_renews=covered.at_month_ends,
        with_courses=covered.with_courses,
        lacks_on=None if lacks is None else ends[lacks],
    )

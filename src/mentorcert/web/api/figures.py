"""Figures of a period: how many peer mentors are valid, new, renewed, lapsed and have left; courses held and attended."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import course_figures, figures
from mentorcert.certifications.figures import Period
from mentorcert.errors import ForbiddenError
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.fields import Day
from mentorcert.web.api.operation import API, LISTING, Operation, bearer
from mentorcert.web.context import RequestContext

router = APIRouter(prefix=f"{API}/figures", tags=["figures"], route_class=Operation, dependencies=[bearer])


class FiguresOf(BaseModel):
    """Numbers of peer mentors; null: masked."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "certification_type": "peer-mentor",
                    "chapter_id": "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01",
                    "valid": 412,
                    "started": 37,
                    "renewed": 120,
                    "lapsed": 18,
                    "stopped": 9,
                    "outdated": 31,
                }
            ]
        },
    )

    certification_type: str | None = Field(description="The code of the type; null: any type.")
    chapter_id: UUID | None = Field(
        description="The chapter, with those under it; null: all within your reach."
    )
    valid: int | None = Field(description="Hold a valid certification at the end of the last day.")
    started: int | None = Field(description="Were certified for the first time in the period.")
    renewed: int | None = Field(description="Renewed in the period.")
    lapsed: int | None = Field(description="Held what ended in the period, and nothing that ends later.")
    stopped: int | None = Field(description="Left in the period.")
    outdated: int | None = Field(description="Hold what ended too long ago for a refresher, on the last day.")


class FiguresOfPeriod(BaseModel):
    """A row for each type, each chapter, and each type in each chapter where somebody counts; the whole first."""

    items: list[FiguresOf]


class CourseFiguresOf(BaseModel):
    """Numbers of courses, and of who came; null: masked."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "course",
                    "certification_type": "peer-mentor",
                    "chapter_id": "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01",
                    "held": 6,
                    "cancelled": 1,
                    "seats": 90,
                    "signed_up": 81,
                    "attended": 74,
                    "people": 70,
                    "no_shows": 9,
                    "unannounced": 2,
                    "issued": 31,
                    "renewed": 40,
                }
            ]
        },
    )

    kind: Literal["course", "refresher"] | None = Field(description="The kind of the courses; null: any.")
    certification_type: str | None = Field(description="The code of the type that they give; null: any type.")
    chapter_id: UUID | None = Field(
        description="The chapter for which they are, with those under it; null: all within your reach."
    )
    held: int = Field(description="Courses with their last day in the period, and not called off.")
    cancelled: int = Field(description="Courses with their last day in the period that were called off.")
    seats: int | None = Field(description="Seats of those held that have a number of them.")
    signed_up: int | None = Field(description="Had a seat, once for each course.")
    attended: int | None = Field(description="Attended, once for each course.")
    people: int | None = Field(description="Peer mentors who attended at least one.")
    no_shows: int | None = Field(description="Had a seat, and did not come.")
    unannounced: int | None = Field(description="Attended without a seat.")
    issued: int | None = Field(description="Certifications that the courses issued.")
    renewed: int | None = Field(description="Certifications that the courses renewed, once for each course.")


class CourseFiguresOfPeriod(BaseModel):
    """A row for each kind, type and chapter, and for what two or three of them have in common; the whole first."""

    items: list[CourseFiguresOf]


class FiguresWanted(BaseModel):
    """The period, and by whose knowledge."""

    model_config = ConfigDict(extra="forbid")

    first_day: Day = Field(description="The first day of the period.")
    last_day: Day = Field(description="The last day of the period, not before the first.")
    known_on: Day | None = Field(
        None, description="By what the registry knew at the end of this day; without it, by what it knows."
    )
    masked: bool = Field(
        False,
        description="For handing out: rounded down to a multiple of 5, breakdowns with a number from 1 to 4 left empty.",
    )


@router.get("", operation_id="get_figures", responses=LISTING)
def get_figures(context: ApiMember, wanted: Annotated[FiguresWanted, Query()]) -> FiguresOfPeriod:
    """Count the peer mentors of your organisation (administrators) or chapters (coordinators) in a period."""
    found = figures.of_reach(context.conn, _period(context, wanted))
    return FiguresOfPeriod(items=[FiguresOf.model_validate(one) for one in found])


@router.get("/courses", operation_id="get_course_figures", responses=LISTING)
def get_course_figures(
    context: ApiMember, wanted: Annotated[FiguresWanted, Query()]
) -> CourseFiguresOfPeriod:
    """Count the courses of your organisation (administrators) or for your chapters (coordinators) in a period."""
    found = course_figures.of_reach(context.conn, _period(context, wanted))
    return CourseFiguresOfPeriod(items=[CourseFiguresOf.model_validate(one) for one in found])


def _period(context: RequestContext, wanted: FiguresWanted) -> Period:
    """Return the period; figures are for coordinators and administrators."""
    context.member()
    if context.roles.isdisjoint({"coordinator", "org_admin"}):
        raise ForbiddenError
    return Period(wanted.first_day, wanted.last_day, wanted.known_on, wanted.masked)

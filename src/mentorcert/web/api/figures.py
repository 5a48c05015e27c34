"""Figures of a period: how many peer mentors are valid, new, renewed, lapsed and have left."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import figures
from mentorcert.certifications.figures import Period
from mentorcert.errors import ForbiddenError
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.fields import Day
from mentorcert.web.api.operation import API, LISTING, Operation, bearer

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
    context.member()
    if context.roles.isdisjoint({"coordinator", "org_admin"}):
        raise ForbiddenError
    found = figures.of_reach(
        context.conn, Period(wanted.first_day, wanted.last_day, wanted.known_on, wanted.masked)
    )
    return FiguresOfPeriod(items=[FiguresOf.model_validate(one) for one in found])

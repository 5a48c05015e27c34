"""Peer mentors: the list, and the page of one with everything that happened."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from mentorcert.certifications import mentors, search
from mentorcert.web.coordinator.certification import PageNumber
from mentorcert.web.coordinator.names import names_of, time_zone_of
from mentorcert.web.coordinator.queries import OptionalId, Place, Words, query_text
from mentorcert.web.coordinator.timeline import timeline_of
from mentorcert.web.visit import Coordinator

router = APIRouter()


class MentorsQuery(BaseModel):
    """The list of peer mentors."""

    model_config = ConfigDict(extra="forbid")

    q: Words = None
    chapter: OptionalId = None
    after: Place = None


@router.get("/mentors")
def show_all(visit: Coordinator, query: Annotated[MentorsQuery, Query()]) -> Response:
    """Show a page of the peer mentors in reach, by name."""
    page = search.mentors(visit.conn, query=query.q, chapter_id=query.chapter, after=query.after)
    visit.saw({mentor.organisation_id for mentor in page.rows})
    names = names_of(visit)
    first = f"/mentors?{query_text(query)}"
    return visit.page(
        "coordinator/mentors.html",
        mentors=page.rows,
        query=query,
        names=names,
        chapters=names.chapter_options(visit._("All chapters")),
        next_url=f"/mentors?{query_text(query, after=page.next)}" if page.next else None,
        first_url=first if query.after else None,
    )


@router.get("/mentors/{mentor_id}")
def show(visit: Coordinator, mentor_id: UUID, page: PageNumber = 1) -> Response:
    """Show who it is, what the person holds, and the whole history."""
    mentor = mentors.get(visit.conn, mentor_id)
    visit.saw({mentor.organisation_id})
    names = names_of(visit)
    login = mentors.login_address(visit.conn, mentor.user_id) if mentor.user_id else None
    return visit.page(
        "coordinator/mentor.html",
        mentor=mentor,
        login=login,
        names=names,
        time_zone=time_zone_of(visit),
        certifications=mentors.certifications_of(visit.conn, mentor.id),
        timeline=timeline_of(visit, mentor, names, page),
    )

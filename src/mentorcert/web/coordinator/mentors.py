"""Peer mentors: the list, and the page of one with everything that happened."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from mentorcert.certifications import search
from mentorcert.organisations import peer_mentors
from mentorcert.web.context import CurrentCoordinator
from mentorcert.web.coordinator.certification import PageNumber
from mentorcert.web.coordinator.display_names import names_of, time_zone_of
from mentorcert.web.coordinator.list_query import CursorText, query_text
from mentorcert.web.coordinator.timeline import timeline_of
from mentorcert.web.fields import OptionalId, SearchText

router = APIRouter()


class MentorsQuery(BaseModel):
    """The list of peer mentors."""

    q: SearchText = None
    chapter: OptionalId = None
    after: CursorText = None


@router.get("/mentors")
def show_all(context: CurrentCoordinator, query: Annotated[MentorsQuery, Query()]) -> Response:
    """Show a page of the peer mentors in reach, by name."""
    page = search.mentors(context.conn, query=query.q, chapter_id=query.chapter, after=query.after)
    names = names_of(context)
    first = f"/mentors?{query_text(query)}"
    return context.page(
        "coordinator/mentors.html",
        mentors=page.rows,
        query=query,
        names=names,
        chapters=names.chapter_options(context._("All chapters")),
        next_url=f"/mentors?{query_text(query, after=page.next)}" if page.next else None,
        first_url=first if query.after else None,
    )


@router.get("/mentors/{mentor_id}")
def show(context: CurrentCoordinator, mentor_id: UUID, page: PageNumber = 1) -> Response:
    """Show who it is, what the person holds, and the whole history."""
    mentor = peer_mentors.get(context.conn, mentor_id)
    names = names_of(context)
    login = peer_mentors.login_address(context.conn, mentor.user_id) if mentor.user_id else None
    return context.page(
        "coordinator/mentor.html",
        mentor=mentor,
        login=login,
        names=names,
        time_zone=time_zone_of(context),
        certifications=peer_mentors.certifications_of(context.conn, mentor.id),
        timeline=timeline_of(context, mentor, names, page),
    )

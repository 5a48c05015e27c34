"""Peer mentors: lists with a search, and one."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import mentor_list
from mentorcert.organisations import directory
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.documents import document
from mentorcert.web.api.etags import WITH_TAG, tagged
from mentorcert.web.api.fields import Day, Id, PageCursor, Size, Word
from mentorcert.web.api.operation import API, LISTING, READING, Operation, bearer
from mentorcert.web.context import RequestContext
from mentorcert.web.fields import SearchText

router = APIRouter(
    prefix=f"{API}/peer-mentors", tags=["peer mentors"], route_class=Operation, dependencies=[bearer]
)


class Chapter(BaseModel):
    """A chapter, as far as it is named."""

    id: UUID
    code: str
    name: str
    ended_at: datetime | None = Field(
        description="From when the person is no longer in it; null: no end is known to you."
    )


class PeerMentor(BaseModel):
    """A volunteer of one organisation."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "0b7f1f5c-3d3e-4b5c-9a64-5b1d7c1f0d55",
                    "external_id": "1042",
                    "full_name": "Kari Nordmann",
                    "display_name": "Kari N.",
                    "email": "kari@example.org",
                    "phone": "+47 22 00 00 00",
                    "listing_consent": True,
                    "left_on": "2027-01-01",
                    "has_login": True,
                    "chapters": [
                        {
                            "id": "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01",
                            "code": "midtvik",
                            "name": "Midtvik",
                            "ended_at": "2027-06-30T22:00:00Z",
                        }
                    ],
                }
            ]
        },
    )

    id: UUID
    external_id: str = Field(description="The organisation's own number for this person.")
    full_name: str
    display_name: str | None = Field(description="The name on the public list; null: the full one.")
    email: str | None
    phone: str | None
    listing_consent: bool = Field(description="Whether the person agreed to stand on the public list.")
    left_on: date | None = Field(
        description="The first day on which the person is no peer mentor any more; null: has not left."
    )
    has_login: bool = Field(description="Whether the person can sign in.")
    chapters: list[Chapter] = Field(description="The chapters at present.")


class PeerMentorPage(BaseModel):
    """Peer mentors: in the order of their ids, or with `holds` or `standing` in that of their names."""

    items: list[PeerMentor]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class PeerMentorFilter(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(extra="forbid")

    search: SearchText = Field(None, description="Words, each a part of the name or of the external id.")
    chapter_id: Id | None = Field(None, description="A chapter, with those under it.")
    with_left: bool = Field(False, description="Also those who have left.")
    holds: Word | None = Field(
        None, description="The code of a certification type that they hold on the day."
    )
    certification_type: Word | None = Field(
        None, description="The code of the certification type that `standing` is about."
    )
    standing: mentor_list.Standing | None = Field(
        None,
        description="How they stand with `certification_type` on the day. A suspended certification is not held; "
        "`ends` and `obtained` are between `first_day` and `last_day`, one of which will do.",
    )
    first_day: Day | None = Field(None, description="The first last valid day, or day of issue or renewal.")
    last_day: Day | None = Field(None, description="The last one.")
    on_day: Day | None = Field(None, description="The day; without it today.")
    size: Size = Field(50, description="Rows a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


@router.get("", operation_id="list_peer_mentors", response_model=PeerMentorPage, responses=LISTING)
def list_peer_mentors(context: ApiMember, wanted: Annotated[PeerMentorFilter, Query()]) -> Response:
    """List the peer mentors within your reach; nobody erased, who has left only if asked for."""
    _, organisation = context.member()
    if wanted.holds is not None or wanted.certification_type is not None or wanted.standing is not None:
        return _by_name(context, organisation.id, wanted)
    page = directory.page(
        context.conn,
        organisation.id,
        search=wanted.search,
        chapter_id=wanted.chapter_id,
        with_left=wanted.with_left,
        after=wanted.after,
        size=wanted.size,
    )
    return document(page.items, page.next)


def _by_name(context: RequestContext, organisation_id: UUID, wanted: PeerMentorFilter) -> Response:
    filters = mentor_list.MentorFilters(
        query=wanted.search,
        chapter_id=wanted.chapter_id,
        with_left=wanted.with_left,
        holds=wanted.holds,
        certification_type=wanted.certification_type,
        standing=wanted.standing,
        first_day=wanted.first_day,
        last_day=wanted.last_day,
        on_day=wanted.on_day,
    )
    found = mentor_list.page(context.conn, filters, after=wanted.after, size=wanted.size)
    ids = [mentor.id for mentor in found.rows]
    page = directory.page(
        context.conn, organisation_id, with_left=wanted.with_left, ids=ids, size=len(ids) or 1
    )
    return document(page.items, found.next)


@router.get("/{peer_mentor_id}", operation_id="get_peer_mentor", responses={**WITH_TAG, **READING})
def get_peer_mentor(context: ApiMember, response: Response, peer_mentor_id: Id) -> PeerMentor:
    """Get one peer mentor."""
    mentor = PeerMentor.model_validate(directory.get(context.conn, peer_mentor_id))
    tagged(response, mentor)
    return mentor

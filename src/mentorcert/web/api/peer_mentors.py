"""Peer mentors: lists with a search, and one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.organisations import directory
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.etags import WITH_TAG, tagged
from mentorcert.web.api.fields import Id, PageCursor, Size
from mentorcert.web.api.operation import API, LISTING, READING, Operation, bearer
from mentorcert.web.fields import SearchText

router = APIRouter(
    prefix=f"{API}/peer-mentors", tags=["peer mentors"], route_class=Operation, dependencies=[bearer]
)


class Chapter(BaseModel):
    """A chapter, as far as it is named."""

    id: UUID
    code: str
    name: str


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
                    "has_login": True,
                    "chapters": [
                        {"id": "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01", "code": "midtvik", "name": "Midtvik"}
                    ],
                }
            ]
        },
    )

    id: UUID
    external_id: str = Field(description="The organisation's own number for this person.")
    full_name: str = Field(description="`erased` for somebody who was erased.")
    display_name: str | None = Field(description="The name on the public list; null: the full one.")
    email: str | None
    phone: str | None
    listing_consent: bool = Field(description="Whether the person agreed to stand on the public list.")
    has_login: bool = Field(description="Whether the person can sign in.")
    chapters: list[Chapter] = Field(description="The chapters at present.")


class PeerMentorPage(BaseModel):
    """Peer mentors, in the order of their ids."""

    items: list[PeerMentor]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class PeerMentorFilter(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(extra="forbid")

    search: SearchText = Field(None, description="Words, each a part of the name or of the external id.")
    chapter_id: Id | None = Field(None, description="A chapter, with those under it.")
    size: Size = Field(50, description="Rows a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


@router.get("", operation_id="list_peer_mentors", responses=LISTING)
def list_peer_mentors(context: ApiMember, wanted: Annotated[PeerMentorFilter, Query()]) -> PeerMentorPage:
    """List the peer mentors within your reach; somebody who was erased is not among them."""
    _, organisation = context.member()
    page = directory.page(
        context.conn,
        organisation.id,
        search=wanted.search,
        chapter_id=wanted.chapter_id,
        after=wanted.after,
        size=wanted.size,
    )
    return PeerMentorPage(items=[PeerMentor.model_validate(row) for row in page.rows], next=page.next)


@router.get("/{peer_mentor_id}", operation_id="get_peer_mentor", responses={**WITH_TAG, **READING})
def get_peer_mentor(context: ApiMember, response: Response, peer_mentor_id: Id) -> PeerMentor:
    """Get one peer mentor."""
    mentor = PeerMentor.model_validate(directory.get(context.conn, peer_mentor_id))
    tagged(response, mentor)
    return mentor

"""Peer mentors: lists with a search, and one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict
from uuid import UUID

import aiosql
import psycopg
from fastapi import APIRouter, Query
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError, from_postgres
from mentorcert.web.api import cursor
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.fields import Id, Place, Size, Word
from mentorcert.web.api.operation import API, LISTING, READING, Operation, bearer
from mentorcert.web.context import RequestContext

router = APIRouter(
    prefix=f"{API}/peer-mentors", tags=["peer mentors"], route_class=Operation, dependencies=[bearer]
)

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


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
    chapters: list[Chapter] = Field(description="The chapters of now.")


class PeerMentorPage(BaseModel):
    """Peer mentors, in the order of their ids."""

    items: list[PeerMentor]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class PeerMentorFilter(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(extra="forbid")

    search: Word | None = Field(None, description="Words, each a part of the name or of the external id.")
    chapter_id: Id | None = Field(None, description="A chapter, with those under it.")
    size: Size = Field(50, description="Rows a page.")
    after: Place | None = Field(None, description="`next` of the page before.")


class _Row(TypedDict):
    id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Visible:
    """A peer mentor within the caller's reach."""

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    display_name: str | None
    email: str | None
    phone: str | None
    listing_consent: bool
    has_login: bool
    chapters: list[_Row]


class _Id(BaseModel):
    """Where a page of peer mentors begins."""

    model_config = ConfigDict(extra="forbid")

    id: Id


@router.get("", operation_id="list_peer_mentors", responses=LISTING)
def list_peer_mentors(context: ApiMember, wanted: Annotated[PeerMentorFilter, Query()]) -> PeerMentorPage:
    """List the peer mentors within your reach; somebody who was erased is not among them."""
    _, organisation = context.member()
    after = cursor.read(_Id, wanted.after)
    found = _rows(
        context.conn,
        _QUERIES.page.sql,
        organisation_id=organisation.id,
        after=after.id if after else None,
        page_size=wanted.size + 1,
        search=wanted.search,
        chapter_id=wanted.chapter_id,
    )
    rows = found[: wanted.size]
    context.record_rows({row.organisation_id for row in rows})
    return PeerMentorPage(
        items=[PeerMentor.model_validate(row) for row in rows],
        next=cursor.write(_Id(id=rows[-1].id)) if len(found) > len(rows) else None,
    )


@router.get("/{peer_mentor_id}", operation_id="get_peer_mentor", responses=READING)
def get_peer_mentor(context: ApiMember, peer_mentor_id: Id) -> PeerMentor:
    """Get one peer mentor."""
    return PeerMentor.model_validate(visible(context, peer_mentor_id))


def visible(context: RequestContext, peer_mentor_id: UUID) -> Visible:
    """Return whom the visitor may read, and note it; raises MissingRightError."""
    rows = _rows(context.conn, _QUERIES.get.sql, peer_mentor_id=peer_mentor_id)
    if not rows:
        raise MissingRightError(code="42501")
    context.record_rows([rows[0].organisation_id])
    return rows[0]


def _rows(conn: Connection, sql: str, **parameters: Any) -> list[Visible]:
    try:
        with conn.cursor(row_factory=class_row(Visible)) as cursor:
            return list(cursor.execute(sql, parameters).fetchall())
    except psycopg.Error as error:
        raise from_postgres(error) from error

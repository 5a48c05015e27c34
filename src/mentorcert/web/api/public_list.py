"""The public list of an organisation, open to all."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import public_list
from mentorcert.web.api.caller import ApiOptionalUser
from mentorcert.web.api.fields import PageCursor, Size, Slug, Word
from mentorcert.web.api.operation import API, PUBLIC, Operation

router = APIRouter(prefix=f"{API}/public", tags=["public list"], route_class=Operation)


class Listed(BaseModel):
    """All that the public may see of a peer mentor."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"display_name": "Kari N.", "chapters": ["Midtvik"], "listed_until": "2027-03-02T23:00:00Z"}
            ]
        }
    )

    display_name: str
    chapters: list[str] = Field(description="Names of chapters.")
    listed_until: datetime = Field(
        description="The lease: a copy of the list must show nobody from this instant on."
    )


class PublicList(BaseModel):
    """Peer mentors of an organisation, by name."""

    items: list[Listed]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class PublicListWanted(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(extra="forbid")

    chapter: Word | None = Field(None, description="Name of a chapter.", examples=["Midtvik"])
    size: Size = Field(50, description="Rows a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


@router.get(
    "/{organisation}",
    operation_id="list_public",
    responses={
        200: {
            "headers": {
                "Cache-Control": {
                    "description": "For how many seconds it may be kept: never beyond a lease.",
                    "required": True,
                    "schema": {"type": "string"},
                }
            }
        },
        **PUBLIC,
    },
)
def list_public(
    context: ApiOptionalUser,
    response: Response,
    organisation: Slug,
    wanted: Annotated[PublicListWanted, Query()],
) -> PublicList:
    """List who may be shown to the public today. No token is needed; an unknown organisation has nobody."""
    page = public_list.page(
        context.conn, organisation, chapter=wanted.chapter, after=wanted.after, size=wanted.size
    )
    response.headers["Cache-Control"] = public_list.cache_control(page.rows)
    return PublicList(
        items=[
            Listed(
                display_name=row.display_name,
                chapters=row.chapters,
                listed_until=row.listed_until.astimezone(UTC),
            )
            for row in page.rows
        ],
        next=page.next,
    )

"""The public list of an organisation, open to all."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import public_list
from mentorcert.certifications.public_list import Filters
from mentorcert.web.api.caller import ApiOpenToAll
from mentorcert.web.api.documents import document
from mentorcert.web.api.fields import PageCursor, Size, Slug, Word
from mentorcert.web.api.operation import API, PUBLIC, Operation
from mentorcert.web.conditional import conditional
from mentorcert.web.fields import SearchText
from mentorcert.web.security.framing import SHARED

router = APIRouter(prefix=f"{API}/public", tags=["public list"], route_class=Operation)


class ListedTopic(BaseModel):
    """What somebody can talk about, or a language of it."""

    kind: Literal["topic", "language"]
    name_nb: str
    name_en: str


class Listed(BaseModel):
    """All that the public may see of a peer mentor."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "display_name": "Kari N.",
                    "chapters": ["Midtvik"],
                    "chapter_codes": ["MV"],
                    "topics": [{"kind": "language", "name_nb": "Engelsk", "name_en": "English"}],
                    "listed_until": "2027-03-02T23:00:00Z",
                }
            ]
        }
    )

    display_name: str
    chapters: list[str] = Field(description="Names of chapters.")
    chapter_codes: list[str] = Field(description="Their codes, in the same order.")
    topics: list[ListedTopic] = Field(description="What the person has chosen to be asked about.")
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

    search: SearchText = Field(
        None,
        description="Words, each the beginning of one of names, chapters, counties, postal places and codes.",
        examples=["boe"],
    )
    chapter: Word | None = Field(
        None, description="Code or name of a chapter; those below it are listed, too.", examples=["Midtvik"]
    )
    topic: Word | None = Field(None, description="Name of a topic, in either language.")
    speaks: Word | None = Field(None, description="Name of a language, in either language.")
    size: Size = Field(50, description="Rows a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


@router.get(
    "/{organisation}",
    operation_id="list_public",
    response_model=PublicList,
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
    context: ApiOpenToAll,
    organisation: Slug,
    wanted: Annotated[PublicListWanted, Query()],
) -> Response:
    """List who may be shown to the public today. No token is needed; an unknown organisation has nobody."""
    filters = Filters(wanted.search or None, wanted.chapter, wanted.topic, wanted.speaks)
    page = public_list.page(context.conn, organisation, filters, after=wanted.after, size=wanted.size)
    answer = document(page.items, page.next)
    answer.headers.update(SHARED)
    answer.headers["Cache-Control"] = page.cache_control
    return conditional(context.request, answer)

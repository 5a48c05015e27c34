"""The organisation's public list: who may be shown today."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.web.api import cursor
from mentorcert.web.api.fields import Named
from mentorcert.web.context import ConnectionSlot, RequestContext, render, request_context
from mentorcert.web.public import queries

router = APIRouter()

SIZE: Final = 50


def _anonymous(request: Request, _turn: ConnectionSlot) -> Iterator[RequestContext]:
    """Open a transaction of nobody's, whoever is signed in: what is the same for all may be cached."""
    with request_context(request, None) as context:
        yield context


Anonymous = Annotated[RequestContext, Depends(_anonymous, scope="function")]


class Wanted(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(extra="forbid")

    chapter: Annotated[str, Field(max_length=200)] = ""
    after: Annotated[str, Field(max_length=2000)] | None = None
    language: Literal["nb", "en"] | None = None


class _Place(BaseModel):
    """Where a page begins."""

    name: Named
    id: UUID


@router.get("/public/{slug}")
def list_public(context: Anonymous, slug: str, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show who may be shown; nothing of the page depends on who is signed in."""
    path = f"/public/{quote(slug, safe='')}"
    heading = queries.heading(context.conn, slug) if "\0" not in slug else None
    if heading is None:
        return render(
            context.request, "public/unknown.html", status=404, is_shared=True, slug=slug, wanted=wanted
        )
    after = cursor.read(_Place, wanted.after)
    page = queries.page(
        context.conn,
        slug,
        chapter=wanted.chapter or None,
        after=(after.name, after.id) if after else None,
        size=SIZE,
    )

    def address(**changed: str | None) -> str:
        asked = wanted.model_dump(exclude_none=True, exclude_defaults=True) | changed
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{path}?{query}" if query else path

    last = (
        cursor.write(_Place(name=page.last.display_name, id=page.last.peer_mentor_id)) if page.last else None
    )
    response = render(
        context.request,
        "public/list.html",
        is_shared=True,
        heading=heading,
        people=page.people,
        wanted=wanted,
        whole_path=address(chapter=None, after=None),
        first_url=address(after=None) if after else None,
        next_url=address(after=last) if last else None,
        list_path=path,
    )
    response.headers["Cache-Control"] = queries.cache_control(page.people)
    return response

"""The organisation's public list: who may be shown today."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from mentorcert.certifications import public_list
from mentorcert.web.context import ConnectionSlot, RequestContext, render, request_context

router = APIRouter()

SIZE: Final = 50


def _anonymous(request: Request, _slot: ConnectionSlot) -> Iterator[RequestContext]:
    """Open a transaction as `anon`, also for signed-in users: the page may be cached for all."""
    with request_context(request, None) as context:
        yield context


Anonymous = Annotated[RequestContext, Depends(_anonymous, scope="function")]


class Wanted(BaseModel):
    """Whom to list."""

    chapter: Annotated[str, Field(max_length=200)] = ""
    after: Annotated[str, Field(max_length=2000)] | None = None
    language: Literal["nb", "en"] | None = None


@router.get("/public/{slug}")
def list_public(context: Anonymous, slug: str, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show the list; no part of the page depends on the user."""
    path = f"/public/{quote(slug, safe='')}"
    heading = public_list.heading(context.conn, slug) if "\0" not in slug else None
    if heading is None and slug != slug.lower() and public_list.heading(context.conn, slug.lower()):
        query = f"?{context.request.url.query}" if context.request.url.query else ""
        return RedirectResponse(f"/public/{quote(slug.lower(), safe='')}{query}", 308)
    if heading is None:
        return render(
            context.request, "public/unknown.html", status=404, is_shared=True, slug=slug, wanted=wanted
        )
    page = public_list.page(context.conn, slug, chapter=wanted.chapter or None, after=wanted.after, size=SIZE)

    def address(**changed: str | None) -> str:
        asked = wanted.model_dump(exclude_none=True, exclude_defaults=True) | changed
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{path}?{query}" if query else path

    response = render(
        context.request,
        "public/list.html",
        is_shared=True,
        heading=heading,
        people=page.rows,
        wanted=wanted,
        whole_path=address(chapter=None, after=None),
        first_url=address(after=None) if wanted.after else None,
        next_url=address(after=page.next) if page.next else None,
        list_path=path,
    )
    response.headers["Cache-Control"] = public_list.cache_control(page.rows)
    return response

"""The organisation's public list: who may be shown today; of all, of one chapter, and to be embedded elsewhere."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import public_list
from mentorcert.certifications.public_list import Filters, Heading, PublicPage
from mentorcert.web.conditional import conditional
from mentorcert.web.context import ConnectionSlot, RequestContext, Shared, render, request_context
from mentorcert.web.fields import SearchText
from mentorcert.web.public.choices import Choices
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.security.framing import FRAMED
from mentorcert.web.security.session import cookies_of, services_of

router = APIRouter()

SIZE: Final = 50
# Pages of some 10 kB.
_KEPT: Final = 500
_LONGEST_CODE: Final = 100

View = Literal["list", "chapter", "embed"]


def _open_to_all(request: Request, _slot: ConnectionSlot) -> Iterator[RequestContext]:
    """Open a transaction as `anon`, also for signed-in users: the page may be cached for all."""
    with request_context(request, None, is_public=True) as context:
        yield context


OpenToAll = Annotated[RequestContext, Depends(_open_to_all, scope="function")]


class Wanted(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(frozen=True)

    q: SearchText = None
    chapter: Annotated[str, Field(max_length=200)] = ""
    topic: Annotated[str, Field(max_length=200)] = ""
    speaks: Annotated[str, Field(max_length=200)] = ""
    after: Annotated[str, Field(max_length=2000)] | None = None
    language: Literal["nb", "en"] | None = None

    def filters(self) -> Filters:
        """Return whom that is."""
        return Filters(self.q or None, self.chapter or None, self.topic or None, self.speaks or None)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is asked for."""
        return self.filters() != Filters()


class _Asked(NamedTuple):
    slug: str
    wanted: Wanted
    view: View


@router.get("/public/{slug}")
def list_public(
    request: Request, _slot: ConnectionSlot, slug: str, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Show the list; no part of the page depends on the user."""
    return _answer(request, slug, wanted, "list")


@router.get("/public/{slug}/embed")
def embed(request: Request, _slot: ConnectionSlot, slug: str, wanted: Annotated[Wanted, Query()]) -> Response:
    """Show the list alone, for a frame in the organisation's own pages."""
    return _answer(request, slug, wanted, "embed")


@router.get("/public/{slug}/chapters/{code:path}")
def list_chapter(
    request: Request, _slot: ConnectionSlot, slug: str, code: str, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Show a chapter: how to reach it, and who is listed in it and in those below."""
    if len(code) > _LONGEST_CODE:
        code = ""
    return _answer(request, slug, wanted.model_copy(update={"chapter": code}), "chapter")


def list_path(slug: str, view: View = "list", code: str = "") -> str:
    """Return the address of a list."""
    path = f"/public/{quote(slug, safe='')}"
    if view == "chapter":
        return f"{path}/chapters/{quote(code)}"
    return f"{path}/embed" if view == "embed" else path


def _answer(request: Request, slug: str, wanted: Wanted, view: View) -> Response:
    path = list_path(slug, view, wanted.chapter)
    heading, page = _ask(request, slug, wanted)
    if heading is None and slug != slug.lower() and _ask(request, slug.lower(), wanted)[0]:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{list_path(slug.lower(), view, wanted.chapter)}{query}", 308)
    if heading is None or page is None or (view == "chapter" and not _knows(heading, wanted.chapter)):
        return render(
            request,
            "public/unknown.html",
            status=404,
            is_shared=True,
            slug=slug,
            wanted=wanted,
            list_path=list_path(slug) if heading else None,
        )
    language = language_of(request, cookies_of(request))
    shared = Shared(language, path, request.url.query, services_of(request).configuration)
    answer = HTMLResponse(
        _html(shared, heading, page.items, page.next, _Asked(slug, wanted, view)),
        headers={
            "Content-Language": language,
            "Vary": "Accept-Language, Cookie",
            "Cache-Control": page.cache_control,
            **(FRAMED if view == "embed" else {"X-Robots-Tag": "all"}),
        },
    )
    return conditional(request, answer)


def _knows(heading: Heading, code: str) -> bool:
    return any(chapter.code == code for chapter in heading.read_chapters())


def _ask(request: Request, slug: str, wanted: Wanted) -> tuple[Heading | None, PublicPage | None]:
    """Ask for all in one round trip, as `anon`, also for signed-in users: the page may be cached for all."""
    if "\0" in slug or "\0" in wanted.chapter + wanted.topic + wanted.speaks:
        return None, None
    with request_context(request, None, is_public=True) as context:
        heading = context.ahead(public_list.heading, slug)
        page = context.ahead(public_list.page, slug, wanted.filters(), after=wanted.after, size=SIZE)
    return heading.value, page.value


@lru_cache(maxsize=_KEPT)
def _html(page: Shared, heading: Heading, items: str, next_: str | None, asked: _Asked) -> str:
    """Render the page once for each content: what is shown is asked for, so it is never out of date."""
    slug, wanted, view = asked
    hidden = {"chapter"} if view == "chapter" else set()

    def address(**changed: str | None) -> str:
        fields = wanted.model_dump(exclude_none=True, exclude_defaults=True, exclude=hidden) | changed
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"{page.path}?{query}" if query else page.path

    chapters = heading.read_chapters()
    return page.render(
        f"public/{view}.html",
        heading=heading,
        people=json.loads(items),
        wanted=wanted,
        choices=Choices(chapters, heading, page.language, slug),
        chapter=next((chapter for chapter in chapters if chapter.code == wanted.chapter), None),
        whole_path=address(q=None, chapter=None, topic=None, speaks=None, after=None),
        first_url=address(after=None) if wanted.after else None,
        next_url=address(after=next_) if next_ else None,
        list_path=list_path(slug),
        own_path=page.path,
        view=view,
    )

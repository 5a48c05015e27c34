"""What search engines may keep: the public lists and the pages of chapters, and nothing else."""

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from mentorcert.certifications import public_list
from mentorcert.web.public.choices import Choices
from mentorcert.web.public.listing import OpenToAll, list_path
from mentorcert.web.security.session import services_of

router = APIRouter()

_KEPT: Final = {"Cache-Control": "public, max-age=3600"}
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"


@router.get("/robots.txt")
def robots(request: Request) -> Response:
    """Let everybody ask: what must not be kept says so itself, which a robot must read to know."""
    base = services_of(request).configuration.public_url
    return PlainTextResponse(f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n", headers=_KEPT)


@router.get("/sitemap.xml")
def index(context: OpenToAll) -> Response:
    """List the site maps of the organisations that list somebody now."""
    base = context.services.configuration.public_url
    slugs = public_list.organisations(context.conn)
    return _xml("sitemapindex", "sitemap", (f"{base}{list_path(slug)}/sitemap.xml" for slug in slugs))


@router.get("/public/{slug}/sitemap.xml")
def of_organisation(context: OpenToAll, slug: str) -> Response:
    """List the public list and the chapters that list somebody; empty for an organisation that does not exist."""
    base = context.services.configuration.public_url
    heading = None if "\0" in slug else public_list.heading(context.conn, slug)
    paths: list[str] = []
    if heading is not None:
        choices = Choices(heading.read_chapters(), heading, context.language, slug)
        paths = [list_path(slug), *(choices.chapter_path(chapter.code) for chapter in choices.listing)]
    return _xml("urlset", "url", (f"{base}{path}" for path in paths))


def _xml(root: str, element: str, addresses: Iterable[str]) -> Response:
    lines = "".join(f"  <{element}><loc>{escape(address)}</loc></{element}>\n" for address in addresses)
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">\n{lines}</{root}>\n',
        media_type="application/xml",
        headers=_KEPT,
    )

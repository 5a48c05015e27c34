"""The calendar feed, for calendars, which cannot sign in."""

from typing import Final

from fastapi import APIRouter, Response

from mentorcert.certifications import calendar_feeds
from mentorcert.web.mentor import calendar_file
from mentorcert.web.public.listing import Anonymous

router = APIRouter()

_CACHED_S: Final = 300


@router.get("/calendar/{token}.ics")
def show(context: Anonymous, token: str) -> Response:
    """Answer with the calendar of the token; 404 for one that is unknown or revoked."""
    feed = calendar_feeds.read(context.conn, token)
    return Response(
        calendar_file.write(feed.certifications, feed.organisation_name, feed.time_zone, context.language),
        media_type="text/calendar; charset=utf-8",
        headers={
            # For no shared cache: the address is a secret.
            "Cache-Control": f"private, max-age={_CACHED_S}",
            "Content-Language": context.language,
            "Vary": "Accept-Language, Cookie",
            "X-Robots-Tag": "noindex",
        },
    )

"""The calendar feed, for calendars, which cannot sign in."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from mentorcert.certifications import calendar_feeds
from mentorcert.courses import calendar
from mentorcert.web.context import ConnectionSlot, RequestContext, request_context
from mentorcert.web.mentor import calendar_file

router = APIRouter()

_CACHED_S: Final = 300


def _anonymous(request: Request, _slot: ConnectionSlot) -> Iterator[RequestContext]:
    """Open a transaction as `anon`, on the database itself: a token that was revoked opens nothing from then on."""
    with request_context(request, None) as context:
        yield context


Anonymous = Annotated[RequestContext, Depends(_anonymous, scope="function")]


@router.get("/calendar/{token}.ics")
def show(context: Anonymous, token: str) -> Response:
    """Answer with the calendar of the token; 404 for one that is unknown or revoked."""
    planned = context.ahead(calendar.of_feed, token)
    feed = calendar_feeds.read(context.conn, token)
    return Response(
        calendar_file.write(
            feed.certifications,
            feed.organisation_name,
            feed.time_zone,
            context.language,
            courses=planned.value,
        ),
        media_type="text/calendar; charset=utf-8",
        headers={
            # For no shared cache: the address is a secret.
            "Cache-Control": f"private, max-age={_CACHED_S}",
            "Content-Language": context.language,
            "Vary": "Accept-Language, Cookie",
            "X-Robots-Tag": "noindex",
        },
    )

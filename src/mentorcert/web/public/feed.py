"""The calendar feed, read by calendars that cannot sign in."""

from typing import Final

from fastapi import APIRouter, Response
from psycopg.rows import tuple_row

from mentorcert.errors import MissingRightError
from mentorcert.web.mentor import calendar_file
from mentorcert.web.mentor.calendar_file import ExpiringCertification
from mentorcert.web.public.listing import Anonymous

router = APIRouter()

_CALENDAR_OF: Final = """
select organisation_name, time_zone, certification_id, name_nb, name_en, expires_at
from public.calendar_of(%s)
"""
_KEPT_S: Final = 300


@router.get("/calendar/{token}.ics")
def feed(context: Anonymous, token: str) -> Response:
    """Answer with the calendar of the token; 404 for one that is unknown or revoked."""
    with context.conn.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_CALENDAR_OF, (token.replace("\0", ""),)).fetchall()
    if not rows:
        raise MissingRightError
    name, time_zone = rows[0][:2]
    endings = [ExpiringCertification(*row[2:]) for row in rows if row[2] is not None]
    return Response(
        calendar_file.write(endings, name, time_zone, context.language),
        media_type="text/calendar; charset=utf-8",
        headers={
            # Not for caches on the way: the address is a secret.
            "Cache-Control": f"private, max-age={_KEPT_S}",
            "Content-Language": context.language,
            "Vary": "Accept-Language, Cookie",
            "X-Robots-Tag": "noindex",
        },
    )

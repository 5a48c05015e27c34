"""My dates in a calendar: as a file, and as a feed that a calendar reads by itself."""

from typing import Final

from fastapi import APIRouter, Response

from mentorcert.errors import MissingRightError
from mentorcert.web.context import CurrentMember, RequestContext
from mentorcert.web.mentor import calendar_file, queries
from mentorcert.web.mentor.calendar_file import ExpiringCertification

router = APIRouter()

_CREATED_AT: Final = "select public.calendar_feed_created_at()"
_CREATE: Final = "select public.create_calendar_feed()"
_REVOKE: Final = "select public.revoke_calendar_feed()"


@router.get("/me/calendar")
def show(context: CurrentMember) -> Response:
    """Show whether there is a feed, and what one is."""
    return _page(context)


@router.post("/me/calendar")
def create(context: CurrentMember) -> Response:
    """Make a feed, in place of the one there was, and show its address: once, so not after a redirect."""
    (token,) = context.conn.execute(_CREATE).fetchone() or ("",)
    base = context.services.configuration.public_url
    return _page(context, address=f"{base}/calendar/{token}.ics?language={visit.language}")


@router.post("/me/calendar/revoke")
def revoke(context: CurrentMember) -> Response:
    """End the feed."""
    context.conn.execute(_REVOKE)
    return context.redirect("/me/calendar", notice=context._("The calendar feed has ended."))


@router.get("/me/calendar.ics")
def download(context: CurrentMember) -> Response:
    """Answer with the calendar as it is now."""
    _, organisation = context.member()
    mentor = queries.mentor(context.conn)
    if mentor is None:
        raise MissingRightError
    endings = [
        ExpiringCertification(one.id, one.name_nb, one.name_en, one.expires_at)
        for one in queries.certifications(context.conn, mentor.id, organisation.time_zone)
        if one.expires_at is not None and one.display_status != "suspended"
    ]
    context.record_rows({mentor.organisation_id})
    return Response(
        calendar_file.write(endings, organisation.name, organisation.time_zone, context.language),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="certifications.ics"'},
    )


def _page(context: RequestContext, *, address: str | None = None) -> Response:
    if queries.mentor(context.conn) is None:
        return context.page("mentor/nobody.html")
    (created_at,) = context.conn.execute(_CREATED_AT).fetchone() or (None,)
    return context.page("mentor/calendar.html", address=address, created_at=created_at)

"""My dates in a calendar: as a file, and as a feed that a calendar reads by itself."""

from typing import Final

from fastapi import APIRouter, Response

from mentorcert.errors import MissingRightError
from mentorcert.web.mentor import calendar_file, own
from mentorcert.web.mentor.calendar_file import Ending
from mentorcert.web.visit import Member, Visit

router = APIRouter()

_CREATED_AT: Final = "select public.calendar_feed_created_at()"
_CREATE: Final = "select public.create_calendar_feed()"
_REVOKE: Final = "select public.revoke_calendar_feed()"


@router.get("/me/calendar")
def show(visit: Member) -> Response:
    """Show whether there is a feed, and what one is."""
    return _page(visit)


@router.post("/me/calendar")
def create(visit: Member) -> Response:
    """Make a feed, in place of the one there was, and show its address: once, so not after a redirect."""
    (token,) = visit.conn.execute(_CREATE).fetchone() or ("",)
    base = visit.services.configuration.public_url
    return _page(visit, address=f"{base}/calendar/{token}.ics?language={visit.language}")


@router.post("/me/calendar/revoke")
def revoke(visit: Member) -> Response:
    """End the feed."""
    visit.conn.execute(_REVOKE)
    return visit.redirect("/me/calendar", notice=visit._("The calendar feed has ended."))


@router.get("/me/calendar.ics")
def download(visit: Member) -> Response:
    """Answer with the calendar as it is now."""
    _, organisation = visit.member()
    mentor = own.mentor(visit.conn)
    if mentor is None:
        raise MissingRightError
    endings = [
        Ending(one.id, one.name_nb, one.name_en, one.expires_at)
        for one in own.certifications(visit.conn, mentor.id, organisation.time_zone)
        if one.expires_at is not None and one.situation != "suspended"
    ]
    visit.saw({mentor.organisation_id})
    return Response(
        calendar_file.write(endings, organisation.name, organisation.time_zone, visit.language),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="certifications.ics"'},
    )


def _page(visit: Visit, *, address: str | None = None) -> Response:
    if own.mentor(visit.conn) is None:
        return visit.page("mentor/nobody.html")
    (created_at,) = visit.conn.execute(_CREATED_AT).fetchone() or (None,)
    return visit.page("mentor/calendar.html", address=address, created_at=created_at)

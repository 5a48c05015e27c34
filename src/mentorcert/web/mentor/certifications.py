"""My certifications: the status of each, and what to do about it."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from mentorcert.certifications import own
from mentorcert.web.context import CurrentMember

router = APIRouter()


@router.get("/me")
def show(context: CurrentMember) -> Response:
    """Show the own certifications; a user who is no peer mentor gets a page that says so."""
    _, organisation = context.member()
    mentor = own.peer_mentor(context.conn)
    if mentor is None:
        return context.page("mentor/nobody.html")
    certifications = own.certifications(context.conn, mentor.id, organisation.time_zone)
    statuses = [certification.display_status for certification in certifications]
    return context.page(
        "mentor/certifications.html",
        mentor=mentor,
        zone=ZoneInfo(organisation.time_zone),
        certifications=certifications,
        ending=statuses.count("ending"),
        lost=statuses.count("ended") + statuses.count("suspended"),
    )

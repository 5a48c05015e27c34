"""My certifications: how each stands, and what to do about it."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from mentorcert.web.context import CurrentMember
from mentorcert.web.mentor import queries

router = APIRouter()


@router.get("/me")
def show(context: CurrentMember) -> Response:
    """Show the own certifications; somebody who is no peer mentor is told so."""
    _, organisation = context.member()
    mentor = queries.mentor(context.conn)
    if mentor is None:
        return context.page("mentor/nobody.html")
    certifications = queries.certifications(context.conn, mentor.id, organisation.time_zone)
    context.record_rows({mentor.organisation_id})
    situations = [certification.display_status for certification in certifications]
    return context.page(
        "mentor/certifications.html",
        mentor=mentor,
        zone=ZoneInfo(organisation.time_zone),
        certifications=certifications,
        ending=situations.count("ending"),
        lost=situations.count("ended") + situations.count("suspended"),
    )

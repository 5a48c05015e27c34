"""My certifications: how each stands, and what to do about it."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from mentorcert.web.mentor import own
from mentorcert.web.visit import Member

router = APIRouter()


@router.get("/me")
def show(visit: Member) -> Response:
    """Show the own certifications; somebody who is no peer mentor is told so."""
    _, organisation = visit.member()
    mentor = own.mentor(visit.conn)
    if mentor is None:
        return visit.page("mentor/nobody.html")
    certifications = own.certifications(visit.conn, mentor.id, organisation.time_zone)
    visit.saw({mentor.organisation_id})
    situations = [certification.situation for certification in certifications]
    return visit.page(
        "mentor/certifications.html",
        mentor=mentor,
        zone=ZoneInfo(organisation.time_zone),
        certifications=certifications,
        ending=situations.count("ending"),
        lost=situations.count("ended") + situations.count("suspended"),
    )

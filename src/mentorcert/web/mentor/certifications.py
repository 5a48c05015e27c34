"""My certifications: the status of each, and what to do about it."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response

from mentorcert.certifications import own
from mentorcert.errors import MissingRightError
from mentorcert.organisations import consents, contacts
from mentorcert.web.context import CurrentMember
from mentorcert.web.mentor import requests

router = APIRouter()


@router.get("/me")
def show(context: CurrentMember) -> Response:
    """Show the own certifications; a user who is no peer mentor gets a page that says so."""
    _, organisation = context.member()
    coordinators = context.ahead(contacts.coordinators)
    latest_requests = requests.latest(context)
    sent = context.ahead(own.certifications, organisation.time_zone)
    mentor = own.peer_mentor(context.conn)
    if mentor is None:
        return context.page("mentor/nobody.html")
    certifications = sent.value
    statuses = [certification.display_status for certification in certifications]
    return context.page(
        "mentor/certifications.html",
        mentor=mentor,
        zone=ZoneInfo(organisation.time_zone),
        certifications=certifications,
        coordinators=coordinators.value,
        requests=latest_requests(),
        ending=statuses.count("ending"),
        lost=statuses.count("ended") + statuses.count("suspended"),
    )


@router.post("/me/consent")
def set_consent(context: CurrentMember, given: Annotated[bool, Form()]) -> Response:
    """Give or withdraw the own consent to the public list."""
    mentor = own.peer_mentor(context.conn)
    if mentor is None:
        raise MissingRightError
    consents.record(context.conn, mentor.id, is_given=given, reason=None)
    agreed = context._("You have agreed to be on the public list.")
    off = context._("You are off the public list.")
    return context.redirect("/me", notice=agreed if given else off)

"""The page of a peer mentor, with the courses and everything that happened."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.certifications import timeline
from mentorcert.courses import sign_ups
from mentorcert.notices import letters
from mentorcert.organisations import invitations, mentor_chapters, merges, peer_mentors
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator
from mentorcert.web.coordinator.certification import PageNumber
from mentorcert.web.coordinator.display_names import names_of, time_zone_of
from mentorcert.web.coordinator.letters import STATES
from mentorcert.web.coordinator.timeline import SIZE, timeline_of
from mentorcert.web.invitation_states import state_text

router = APIRouter()

_OUTCOMES: Final[Mapping[str, LazyText]] = {
    "seated": LazyText("Has a seat"),
    "waiting": LazyText("On the waiting list"),
    "withdrawn": LazyText("Has withdrawn"),
    "cancelled": LazyText("Called off"),
    "attended": LazyText("Attended"),
    "unannounced": LazyText("Attended"),
    "absent": LazyText("Did not come"),
}


@router.get("/mentors/{mentor_id}")
def show(context: CurrentCoordinator, mentor_id: UUID, page: PageNumber = 1) -> Response:
    """Show who it is, what the person holds, and the whole history."""
    names = names_of(context)
    links = context.ahead(mentor_chapters.of_peer_mentor, mentor_id)
    certifications = context.ahead(peer_mentors.certifications_of, mentor_id)
    merged = context.ahead(merges.of_peer_mentor, mentor_id)
    found = context.ahead(timeline.of_peer_mentor, mentor_id, skipped=(page - 1) * SIZE, size=SIZE)
    signed_up = context.ahead(sign_ups.courses_of, mentor_id)
    written = context.ahead(letters.to_peer_mentor, mentor_id)
    mentor = peer_mentors.get(context.conn, mentor_id)
    login = context.ahead(peer_mentors.login_address, mentor.user_id) if mentor.user_id else None
    invited = None
    if "org_admin" in context.roles and not mentor.user_id:
        invited = context.ahead(invitations.of_peer_mentor, mentor.organisation_id, mentor_id)
    happened = timeline_of(context, mentor, names, page, found.value)
    return context.page(
        "coordinator/mentor.html",
        mentor=mentor,
        login=login.value if login else None,
        invitation=invited.value if invited else None,
        invitation_state=state_text(context, invited.value) if invited and invited.value else "",
        may_be_invited=invited is not None and mentor.email is not None and not mentor.has_left,
        links={link.chapter_id: link for link in links.value},
        names=names,
        time_zone=time_zone_of(context),
        certifications=certifications.value,
        courses=signed_up.value,
        course_outcomes={outcome: context._(text) for outcome, text in _OUTCOMES.items()},
        merges=merged.value,
        letters=written.value,
        letter_states={state: context._(text) for state, text in STATES.items()},
        timeline=happened,
    )

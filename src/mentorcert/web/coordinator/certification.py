"""One certification: what it is, what happened, and each change with its outcome shown beforehand."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel

from mentorcert.certifications import mentors, repository
from mentorcert.certifications.repository import Certification
from mentorcert.web.coordinator.bulk import Line, Note, evidence
from mentorcert.web.coordinator.names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.queries import OptionalDay
from mentorcert.web.coordinator.timeline import timeline_of
from mentorcert.web.coordinator.trying import REFUSALS, Step, Trial, refusal, try_change
from mentorcert.web.visit import Coordinator, Visit

router = APIRouter()

PageNumber = Annotated[int, Query(ge=1, le=10_000)]


class RenewalForm(BaseModel):
    """A renewal as of a day; without a last valid day, by the type's rule."""

    step: Step = "preview"
    renewed_on: OptionalDay = None
    last_valid_day: OptionalDay = None
    note: Note = None
    seen: Line = None
    seen_on: OptionalDay = None
    shown: str = ""


class ReasonForm(BaseModel):
    """A change that says why."""

    step: Step = "preview"
    note: Note = None
    shown: str = ""


@router.get("/certifications/{certification_id}")
def show(visit: Coordinator, certification_id: UUID, page: PageNumber = 1) -> Response:
    """Show a certification with what can be done, and its history."""
    return _page(visit, repository.get(visit.conn, certification_id), page=page)


@router.get("/certifications/{certification_id}/renew")
def ask_renewal(visit: Coordinator, certification_id: UUID) -> Response:
    """Show the form of a renewal."""
    certification = repository.get(visit.conn, certification_id)
    return _renewal(visit, certification, RenewalForm(renewed_on=today_of(visit)), None)


@router.post("/certifications/{certification_id}/renew")
def renew(visit: Coordinator, certification_id: UUID, form: Annotated[RenewalForm, Form()]) -> Response:
    """Show until when it would hold, or renew it."""
    certification = repository.get(visit.conn, certification_id)
    trial = try_change(
        visit,
        lambda: repository.renew(
            visit.conn,
            certification_id,
            renewed_on=form.renewed_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            evidence=evidence(form.seen, form.seen_on, today_of(visit)),
        ),
        form.step,
        form.shown,
    )
    if trial.is_done:
        return visit.redirect(
            f"/certifications/{certification_id}", notice=visit._("The certification was renewed.")
        )
    return _renewal(visit, certification, form, trial)


@router.post("/certifications/{certification_id}/suspend")
def suspend(visit: Coordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]) -> Response:
    """Suspend it, for a reason."""
    return _change_now(
        visit,
        certification_id,
        lambda: repository.suspend(visit.conn, certification_id, form.note or ""),
        visit._("The certification was suspended."),
    )


@router.post("/certifications/{certification_id}/reinstate")
def reinstate(visit: Coordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]) -> Response:
    """Take the suspension away."""
    return _change_now(
        visit,
        certification_id,
        lambda: repository.reinstate(visit.conn, certification_id, form.note),
        visit._("The certification was reinstated."),
    )


@router.post("/certifications/{certification_id}/revert/{entry_id}")
def revert(
    visit: Coordinator, certification_id: UUID, entry_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Show what it would be without that change, or take the change back, for a reason."""
    certification = repository.get(visit.conn, certification_id)
    # What it would be does not depend on the reason, which is given with the confirmation.
    reason = form.note or ("–" if form.step == "preview" else "")
    trial = try_change(
        visit,
        lambda: repository.revert(visit.conn, certification_id, entry_id, reason),
        form.step,
        form.shown,
    )
    if trial.is_done:
        return visit.redirect(
            f"/certifications/{certification_id}", notice=visit._("The change was taken back.")
        )
    mentor = mentors.get(visit.conn, certification.peer_mentor_id)
    visit.saw({certification.organisation_id})
    return visit.page(
        "coordinator/revert.html",
        status=trial.status,
        certification=certification,
        mentor=mentor,
        names=names_of(visit),
        time_zone=time_zone_of(visit),
        entry_id=entry_id,
        form=form,
        trial=trial,
    )


def _change_now(
    visit: Visit, certification_id: UUID, change: Callable[[], Certification], notice: str
) -> Response:
    """Make a change that leaves the dates as they are."""
    certification = repository.get(visit.conn, certification_id)
    try:
        with visit.conn.transaction():
            change()
    except REFUSALS as error:
        return _page(visit, certification, status=422, error=refusal(visit, error))
    return visit.redirect(f"/certifications/{certification.id}", notice=notice)


def _renewal(visit: Visit, certification: Certification, form: RenewalForm, trial: Trial | None) -> Response:
    mentor = mentors.get(visit.conn, certification.peer_mentor_id)
    visit.saw({certification.organisation_id})
    return visit.page(
        "coordinator/renewal.html",
        status=trial.status if trial else 200,
        certification=certification,
        mentor=mentor,
        names=names_of(visit),
        time_zone=time_zone_of(visit),
        form=form,
        trial=trial,
    )


def _page(
    visit: Visit, certification: Certification, *, page: int = 1, status: int = 200, error: str | None = None
) -> Response:
    mentor = mentors.get(visit.conn, certification.peer_mentor_id)
    visit.saw({certification.organisation_id})
    names = names_of(visit)
    return visit.page(
        "coordinator/certification.html",
        status=status,
        certification=certification,
        mentor=mentor,
        names=names,
        time_zone=time_zone_of(visit),
        timeline=timeline_of(visit, mentor, names, page, certification.id),
        error=error,
    )

"""One certification: what it is, what happened, and each change with its outcome shown beforehand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel

from mentorcert.certifications import repository
from mentorcert.certifications.repository import Certification
from mentorcert.organisations import peer_mentors
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.bulk import Line, Note, evidence
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import OptionalDay
from mentorcert.web.coordinator.preview import PreviewResult, Step, previewed_change
from mentorcert.web.coordinator.timeline import timeline_of

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
def show(context: CurrentCoordinator, certification_id: UUID, page: PageNumber = 1) -> Response:
    """Show a certification with what can be done, and its history."""
    return _page(context, certification_id, page=page)


@router.get("/certifications/{certification_id}/renew")
def ask_renewal(context: CurrentCoordinator, certification_id: UUID) -> Response:
    """Show the form of a renewal."""
    return _renewal(context, certification_id, RenewalForm(renewed_on=today_of(context)), None)


@router.post("/certifications/{certification_id}/renew")
def renew(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[RenewalForm, Form()]
) -> Response:
    """Show until when it would hold, or renew it."""
    with previewed_change(context, form.step, form.shown) as preview:
        preview.outcome = repository.renew(
            context.conn,
            certification_id,
            renewed_on=form.renewed_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            evidence=evidence(form.seen, form.seen_on, today_of(context)),
        )
    if preview.is_done:
        return _changed(context, certification_id, context._("The certification was renewed."))
    return _renewal(context, certification_id, form, preview)


@router.post("/certifications/{certification_id}/suspend")
def suspend(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Suspend it, for a reason."""
    with previewed_change(context) as change:
        change.outcome = repository.suspend(context.conn, certification_id, form.note or "")
    if change.is_done:
        return _changed(context, certification_id, context._("The certification was suspended."))
    return _page(context, certification_id, status=change.status, error=change.refusal)


@router.post("/certifications/{certification_id}/reinstate")
def reinstate(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Take the suspension away."""
    with previewed_change(context) as change:
        change.outcome = repository.reinstate(context.conn, certification_id, form.note)
    if change.is_done:
        return _changed(context, certification_id, context._("The certification was reinstated."))
    return _page(context, certification_id, status=change.status, error=change.refusal)


@router.post("/certifications/{certification_id}/revert/{entry_id}")
def revert(
    context: CurrentCoordinator, certification_id: UUID, entry_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Show what it would be without that change, or take the change back, for a reason."""
    # What it would be does not depend on the reason, which is given with the confirmation.
    reason = form.note or ("–" if form.step == "preview" else "")
    with previewed_change(context, form.step, form.shown) as preview:
        preview.outcome = repository.revert(context.conn, certification_id, entry_id, reason)
    if preview.is_done:
        return _changed(context, certification_id, context._("The change was taken back."))
    certification = repository.get(context.conn, certification_id)
    return context.page(
        "coordinator/revert.html",
        status=preview.status,
        certification=certification,
        mentor=peer_mentors.get(context.conn, certification.peer_mentor_id),
        names=names_of(context),
        time_zone=time_zone_of(context),
        entry_id=entry_id,
        form=form,
        preview=preview,
    )


def _changed(context: RequestContext, certification_id: UUID, notice: str) -> Response:
    return context.redirect(f"/certifications/{certification_id}", notice=notice)


def _renewal(
    context: RequestContext,
    certification_id: UUID,
    form: RenewalForm,
    preview: PreviewResult[Certification] | None,
) -> Response:
    certification = repository.get(context.conn, certification_id)
    return context.page(
        "coordinator/renewal.html",
        status=preview.status if preview else 200,
        certification=certification,
        mentor=peer_mentors.get(context.conn, certification.peer_mentor_id),
        names=names_of(context),
        time_zone=time_zone_of(context),
        form=form,
        preview=preview,
    )


def _page(
    context: RequestContext,
    certification_id: UUID,
    *,
    page: int = 1,
    status: int = 200,
    error: str | None = None,
) -> Response:
    certification = repository.get(context.conn, certification_id)
    mentor = peer_mentors.get(context.conn, certification.peer_mentor_id)
    names = names_of(context)
    return context.page(
        "coordinator/certification.html",
        status=status,
        certification=certification,
        mentor=mentor,
        names=names,
        time_zone=time_zone_of(context),
        timeline=timeline_of(context, mentor, names, page, certification.id),
        error=error,
    )

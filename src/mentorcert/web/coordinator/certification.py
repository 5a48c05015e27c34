"""One certification: what it is, what happened, and each change with its outcome shown beforehand."""

from collections.abc import Callable
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
from mentorcert.web.coordinator.preview import REFUSALS, PreviewResult, Step, preview_change, refusal
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
    return _page(context, repository.get(context.conn, certification_id), page=page)


@router.get("/certifications/{certification_id}/renew")
def ask_renewal(context: CurrentCoordinator, certification_id: UUID) -> Response:
    """Show the form of a renewal."""
    certification = repository.get(context.conn, certification_id)
    return _renewal(context, certification, RenewalForm(renewed_on=today_of(context)), None)


@router.post("/certifications/{certification_id}/renew")
def renew(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[RenewalForm, Form()]
) -> Response:
    """Show until when it would hold, or renew it."""
    certification = repository.get(context.conn, certification_id)
    preview = preview_change(
        context,
        lambda: repository.renew(
            context.conn,
            certification_id,
            renewed_on=form.renewed_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            evidence=evidence(form.seen, form.seen_on, today_of(context)),
        ),
        form.step,
        form.shown,
    )
    if preview.is_done:
        return context.redirect(
            f"/certifications/{certification_id}", notice=context._("The certification was renewed.")
        )
    return _renewal(context, certification, form, preview)


@router.post("/certifications/{certification_id}/suspend")
def suspend(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Suspend it, for a reason."""
    return _change_now(
        context,
        certification_id,
        lambda: repository.suspend(context.conn, certification_id, form.note or ""),
        context._("The certification was suspended."),
    )


@router.post("/certifications/{certification_id}/reinstate")
def reinstate(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Take the suspension away."""
    return _change_now(
        context,
        certification_id,
        lambda: repository.reinstate(context.conn, certification_id, form.note),
        context._("The certification was reinstated."),
    )


@router.post("/certifications/{certification_id}/revert/{entry_id}")
def revert(
    context: CurrentCoordinator, certification_id: UUID, entry_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Show what it would be without that change, or take the change back, for a reason."""
    certification = repository.get(context.conn, certification_id)
    # What it would be does not depend on the reason, which is given with the confirmation.
    reason = form.note or ("–" if form.step == "preview" else "")
    preview = preview_change(
        context,
        lambda: repository.revert(context.conn, certification_id, entry_id, reason),
        form.step,
        form.shown,
    )
    if preview.is_done:
        return context.redirect(
            f"/certifications/{certification_id}", notice=context._("The change was taken back.")
        )
    mentor = peer_mentors.get(context.conn, certification.peer_mentor_id)
    context.record_rows({certification.organisation_id})
    return context.page(
        "coordinator/revert.html",
        status=preview.status,
        certification=certification,
        mentor=mentor,
        names=names_of(context),
        time_zone=time_zone_of(context),
        entry_id=entry_id,
        form=form,
        preview=preview,
    )


def _change_now(
    context: RequestContext, certification_id: UUID, change: Callable[[], Certification], notice: str
) -> Response:
    """Make a change that leaves the dates as they are."""
    certification = repository.get(context.conn, certification_id)
    try:
        with context.conn.transaction():
            change()
    except REFUSALS as error:
        return _page(context, certification, status=422, error=refusal(context, error))
    return context.redirect(f"/certifications/{certification.id}", notice=notice)


def _renewal(
    context: RequestContext, certification: Certification, form: RenewalForm, preview: PreviewResult | None
) -> Response:
    mentor = peer_mentors.get(context.conn, certification.peer_mentor_id)
    context.record_rows({certification.organisation_id})
    return context.page(
        "coordinator/renewal.html",
        status=preview.status if preview else 200,
        certification=certification,
        mentor=mentor,
        names=names_of(context),
        time_zone=time_zone_of(context),
        form=form,
        preview=preview,
    )


def _page(
    context: RequestContext,
    certification: Certification,
    *,
    page: int = 1,
    status: int = 200,
    error: str | None = None,
) -> Response:
    mentor = peer_mentors.get(context.conn, certification.peer_mentor_id)
    context.record_rows({certification.organisation_id})
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

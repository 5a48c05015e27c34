"""One certification: what it is, what happened, and each change with its outcome shown beforehand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response

from mentorcert.certifications import repository, timeline
from mentorcert.certifications.history import Basis
from mentorcert.certifications.repository import Certification
from mentorcert.db.rows import Answer
from mentorcert.organisations import peer_mentors
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.bulk import evidence, evidence_errors
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.preview import PreviewResult, Step, previewed_change
from mentorcert.web.coordinator.timeline import SIZE, timeline_of, undo_text
from mentorcert.web.drafts import drafted, preview_at
from mentorcert.web.fields import Line, MaybeChosen, Note, OptionalDay
from mentorcert.web.page_form import PageForm

router = APIRouter()

PageNumber = Annotated[int, Query(ge=1, le=10_000)]


class RenewalForm(PageForm):
    """A renewal as of a day; without a last valid day, by the type's rule."""

    step: Step = "preview"
    renewed_on: OptionalDay = None
    last_valid_day: OptionalDay = None
    note: Note = None
    seen: Line = None
    seen_on: OptionalDay = None
    basis: MaybeChosen[Basis] = None
    shown: str = ""
    draft: UUID | None = None


class ReasonForm(PageForm):
    """A change that says why."""

    note: Note = None
    shown: str = ""


@router.get("/certifications/{certification_id}")
def show(context: CurrentCoordinator, certification_id: UUID, page: PageNumber = 1) -> Response:
    """Show a certification with what can be done, and its history."""
    return _page(context, certification_id, page=page)


@router.get("/certifications/{certification_id}/renew")
def ask_renewal(
    context: CurrentCoordinator, certification_id: UUID, query: Annotated[RenewalForm, Query()]
) -> Response:
    """Show the form of a renewal, and the result of the days that an address gives, or of what was sent."""
    if draft := drafted(context, query.draft, RenewalForm):
        return _renew(context, certification_id, draft, "preview")
    if query.renewed_on or query.last_valid_day or query.is_faulty:
        return _renew(context, certification_id, query, "preview")
    return _renewal(context, certification_id, RenewalForm(renewed_on=today_of(context)), None)


@router.post("/certifications/{certification_id}/renew")
def renew(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[RenewalForm, Form()]
) -> Response:
    """Go on to the page that shows until when it would hold, or renew it."""
    if form.step == "preview":
        return preview_at(context)
    return _renew(context, certification_id, form, form.step)


def _renew(context: RequestContext, certification_id: UUID, form: RenewalForm, step: Step) -> Response:
    counted_from = None
    errors = form.faults(context) | evidence_errors(context, form)
    if form.basis and form.seen is None:
        errors["seen"] = context._("Write what was seen, such as the diploma of the course.")
    if errors:
        return _renewal(context, certification_id, form, PreviewResult(errors=errors))
    with previewed_change(context, step, form.shown, day="renewed_on") as preview:
        preview.outcome = repository.renew(
            context.conn,
            certification_id,
            renewed_on=form.renewed_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            evidence=evidence(form.seen, form.seen_on, today_of(context), form.basis),
        )
        counted_from = context.ahead(repository.counted_from, certification_id)
    if preview.is_done:
        return _changed(context, certification_id, context._("The certification was renewed."))
    return _renewal(context, certification_id, form, preview, counted_from)


@router.post("/certifications/{certification_id}/suspend")
def suspend(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Suspend it, for a reason."""
    if errors := form.faults(context):
        return _page(context, certification_id, form=form, change=PreviewResult(errors=errors))
    with previewed_change(context) as change:
        change.outcome = repository.suspend(context.conn, certification_id, form.note or "")
    if change.is_done:
        return _changed(context, certification_id, context._("The certification was suspended."))
    return _page(context, certification_id, form=form, change=change)


@router.post("/certifications/{certification_id}/reinstate")
def reinstate(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Take the suspension away."""
    if errors := form.faults(context):
        return _page(context, certification_id, form=form, change=PreviewResult(errors=errors))
    with previewed_change(context) as change:
        change.outcome = repository.reinstate(context.conn, certification_id, form.note)
    if change.is_done:
        return _changed(context, certification_id, context._("The certification was reinstated."))
    return _page(context, certification_id, form=form, change=change)


@router.get("/certifications/{certification_id}/revert/{entry_id}")
def ask_reversal(context: CurrentCoordinator, certification_id: UUID, entry_id: UUID) -> Response:
    """Show what it would be without that change."""
    return _revert(context, certification_id, entry_id, ReasonForm(), "preview")


@router.post("/certifications/{certification_id}/revert/{entry_id}")
def revert(
    context: CurrentCoordinator, certification_id: UUID, entry_id: UUID, form: Annotated[ReasonForm, Form()]
) -> Response:
    """Take a change back, for a reason, if that would still give what was shown."""
    return _revert(context, certification_id, entry_id, form, "confirm")


def _revert(
    context: RequestContext, certification_id: UUID, entry_id: UUID, form: ReasonForm, step: Step
) -> Response:
    errors = form.faults(context)
    # What it would be does not depend on the reason, which is given with the confirmation.
    reason = form.note or ("–" if step == "preview" else "")
    with previewed_change(context, "preview" if errors else step, form.shown) as preview:
        preview.outcome = repository.revert(context.conn, certification_id, entry_id, reason)
    preview.errors |= errors
    if preview.is_done:
        return _changed(context, certification_id, context._("The change is undone."))
    names = names_of(context)
    mentor = context.ahead(peer_mentors.of_certification, certification_id)
    entry = context.ahead(timeline.entry, certification_id, entry_id)
    certification = repository.get(context.conn, certification_id)
    return context.page(
        "coordinator/revert.html",
        undo=undo_text(context, entry.value) if entry.value else context._("Undo a change"),
        status=preview.status,
        certification=certification,
        mentor=mentor.value,
        names=names,
        time_zone=time_zone_of(context),
        entry_id=entry_id,
        form=form,
        preview=preview,
        errors=preview.errors,
    )


def _changed(context: RequestContext, certification_id: UUID, notice: str) -> Response:
    return context.redirect(f"/certifications/{certification_id}", notice=notice)


def _renewal(
    context: RequestContext,
    certification_id: UUID,
    form: RenewalForm,
    preview: PreviewResult[Certification] | None,
    counted_from: Answer[str | None] | None = None,
) -> Response:
    names = names_of(context)
    mentor = context.ahead(peer_mentors.of_certification, certification_id)
    certification = repository.get(context.conn, certification_id)
    return context.page(
        "coordinator/renewal.html",
        status=preview.status if preview else 200,
        certification=certification,
        mentor=mentor.value,
        names=names,
        time_zone=time_zone_of(context),
        form=form,
        preview=preview,
        errors=preview.errors if preview else {},
        counted_from=counted_from.value if counted_from else None,
        is_late=certification.refresher_until is not None
        and (form.renewed_on or today_of(context)) > certification.refresher_until,
    )


def _page(
    context: RequestContext,
    certification_id: UUID,
    *,
    page: int = 1,
    form: ReasonForm | None = None,
    change: PreviewResult[Certification] | None = None,
) -> Response:
    names = names_of(context)
    sent_mentor = context.ahead(peer_mentors.of_certification, certification_id)
    found = context.ahead(
        timeline.of_peer_mentor,
        certification_id=certification_id,
        skipped=(page - 1) * SIZE,
        size=SIZE,
    )
    certification = repository.get(context.conn, certification_id)
    mentor = sent_mentor.value
    return context.page(
        "coordinator/certification.html",
        status=change.status if change else 200,
        certification=certification,
        mentor=mentor,
        names=names,
        time_zone=time_zone_of(context),
        timeline=timeline_of(context, mentor, names, page, found.value),
        form=form or ReasonForm(),
        change=change,
    )

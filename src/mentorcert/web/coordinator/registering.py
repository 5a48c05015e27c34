"""Registering a certification that a peer mentor does not have yet."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BeforeValidator, Field

from mentorcert.certifications import repository
from mentorcert.certifications.repository import Certification
from mentorcert.organisations import peer_mentors
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.bulk import evidence, evidence_errors
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.preview import PreviewResult, Step, previewed_change
from mentorcert.web.drafts import drafted, preview_at
from mentorcert.web.fields import TYPED, Line, Note, OptionalDay, none_if_empty
from mentorcert.web.page_form import PageForm

router = APIRouter()


class RegistrationForm(PageForm):
    """A certification issued on a day (today); without a last valid day, by the type's rule."""

    mentor: UUID
    step: Step = "preview"
    type: Annotated[str | None, Field(max_length=100), BeforeValidator(none_if_empty), TYPED] = None
    issued_on: OptionalDay = None
    last_valid_day: OptionalDay = None
    note: Note = None
    seen: Line = None
    seen_on: OptionalDay = None
    shown: str = ""
    draft: UUID | None = None


@router.get("/certifications/new")
def ask(context: CurrentCoordinator, query: Annotated[RegistrationForm, Query()]) -> Response:
    """Show the form, and the result of the type and the days that an address gives, or of what was sent."""
    if draft := drafted(context, query.draft, RegistrationForm):
        return _register(context, draft, "preview")
    if query.type or query.is_faulty:
        return _register(context, query, "preview")
    return _page(context, query.model_copy(update={"issued_on": query.issued_on or today_of(context)}), None)


@router.post("/certifications/new")
def register(context: CurrentCoordinator, form: Annotated[RegistrationForm, Form()]) -> Response:
    """Go on to the page that shows until when it would hold, or register it."""
    if form.step == "preview":
        return preview_at(context, mentor=form.mentor)
    return _register(context, form, form.step)


def _register(context: RequestContext, form: RegistrationForm, step: Step) -> Response:
    errors = form.faults(context) | evidence_errors(context, form)
    if form.type is None:
        errors["type"] = context._("Choose a certification.")
    if errors or form.type is None:
        return _page(context, form, PreviewResult(errors=errors))
    with previewed_change(context, step, form.shown, day="issued_on") as preview:
        preview.outcome = repository.register(
            context.conn,
            form.mentor,
            form.type,
            issued_on=form.issued_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            evidence=evidence(form.seen, form.seen_on, today_of(context)),
        )
    if preview.is_done and preview.outcome is not None:
        return context.redirect(
            f"/certifications/{preview.outcome.id}", notice=context._("The certification was registered.")
        )
    return _page(context, form, preview)


def _page(
    context: RequestContext, form: RegistrationForm, preview: PreviewResult[Certification] | None
) -> Response:
    names = names_of(context)
    certifications = context.ahead(peer_mentors.certifications_of, form.mentor)
    mentor = peer_mentors.get(context.conn, form.mentor)
    held = {certification.certification_type for certification in certifications.value}
    return context.page(
        "coordinator/registration.html",
        status=preview.status if preview else 200,
        mentor=mentor,
        form=form,
        preview=preview,
        errors=preview.errors if preview else {},
        names=names,
        types=[option for option in names.type_options() if option[0] not in held | names.retired],
        time_zone=time_zone_of(context),
    )

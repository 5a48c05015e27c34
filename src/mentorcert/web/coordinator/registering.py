"""Registering a certification that a peer mentor does not have yet."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, BeforeValidator, Field

from mentorcert.certifications import repository
from mentorcert.certifications.repository import Certification
from mentorcert.organisations import peer_mentors
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.bulk import Line, Note, evidence
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import OptionalDay
from mentorcert.web.coordinator.preview import PreviewResult, Step, previewed_change
from mentorcert.web.fields import none_if_empty

router = APIRouter()


class RegistrationForm(BaseModel):
    """A certification issued on a day (today); without a last valid day, by the type's rule."""

    mentor: UUID
    step: Step = "preview"
    type: Annotated[str, Field(max_length=100), BeforeValidator(none_if_empty)]
    issued_on: OptionalDay = None
    last_valid_day: OptionalDay = None
    note: Note = None
    seen: Line = None
    seen_on: OptionalDay = None
    shown: str = ""


@router.get("/certifications/new")
def ask(context: CurrentCoordinator, mentor: Annotated[UUID, Query()]) -> Response:
    """Show the form."""
    form = RegistrationForm.model_construct(mentor=mentor, type="", issued_on=today_of(context))
    return _page(context, form, None)


@router.post("/certifications/new")
def register(context: CurrentCoordinator, form: Annotated[RegistrationForm, Form()]) -> Response:
    """Show until when it would hold, or register it."""
    with previewed_change(context, form.step, form.shown) as preview:
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
    mentor = peer_mentors.get(context.conn, form.mentor)
    held = {
        certification.certification_type
        for certification in peer_mentors.certifications_of(context.conn, mentor.id)
    }
    names = names_of(context)
    return context.page(
        "coordinator/registration.html",
        status=preview.status if preview else 200,
        mentor=mentor,
        form=form,
        preview=preview,
        names=names,
        types=[option for option in names.type_options() if option[0] not in held],
        time_zone=time_zone_of(context),
    )

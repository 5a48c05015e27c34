"""Registering a certification that a peer mentor does not have yet."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, BeforeValidator, Field

from mentorcert.certifications import mentors, repository
from mentorcert.web.coordinator.bulk import Line, Note, evidence
from mentorcert.web.coordinator.names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.queries import OptionalDay, none_if_empty
from mentorcert.web.coordinator.trying import Step, Trial, try_change
from mentorcert.web.visit import Coordinator, Visit

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
def ask(visit: Coordinator, mentor: Annotated[UUID, Query()]) -> Response:
    """Show the form."""
    form = RegistrationForm.model_construct(mentor=mentor, type="", issued_on=today_of(visit))
    return _page(visit, form, None)


@router.post("/certifications/new")
def register(visit: Coordinator, form: Annotated[RegistrationForm, Form()]) -> Response:
    """Show until when it would hold, or register it."""
    trial = try_change(
        visit,
        lambda: repository.register(
            visit.conn,
            form.mentor,
            form.type,
            issued_on=form.issued_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            evidence=evidence(form.seen, form.seen_on, today_of(visit)),
        ),
        form.step,
        form.shown,
    )
    if trial.is_done and trial.outcome:
        return visit.redirect(
            f"/certifications/{trial.outcome.id}", notice=visit._("The certification was registered.")
        )
    return _page(visit, form, trial)


def _page(visit: Visit, form: RegistrationForm, trial: Trial | None) -> Response:
    mentor = mentors.get(visit.conn, form.mentor)
    visit.saw({mentor.organisation_id})
    held = {
        certification.certification_type for certification in mentors.certifications_of(visit.conn, mentor.id)
    }
    names = names_of(visit)
    return visit.page(
        "coordinator/registration.html",
        status=trial.status if trial else 200,
        mentor=mentor,
        form=form,
        trial=trial,
        names=names,
        types=[option for option in names.type_options() if option[0] not in held],
        time_zone=time_zone_of(visit),
    )

"""A peer mentor stops, from a day and for a reason, or comes back; and somebody erased is readmitted."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.organisations import departures, peer_mentors
from mentorcert.organisations.peer_mentors import PeerMentor
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import today_of, written
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import Maybe, Note, OptionalDay
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried
from mentorcert.web.page_form import PageForm

router = APIRouter()

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "left_on": Refusal("left_on", LazyText("Write the day.")),
    "peer_mentors_left_on_near": Refusal(
        "left_on", LazyText("The day lies more than a year ahead, or is too long ago.")
    ),
    "peer_mentors_left_on_valid": Refusal(
        "left_on", LazyText("The day lies more than a year ahead, or is too long ago.")
    ),
    "readmission_reason": Refusal("reason", LazyText("Say why the person is here again.")),
    "erased_identity": Refusal("external_id", LazyText("Nobody with this number or address was erased.")),
}


_LABELS: Final[Mapping[str, LazyText]] = {
    "left_on": LazyText("From and including"),
    "reason": LazyText("Reason"),
}


class LeavingForm(VersionedForm):
    """From which day the person is no peer mentor any more, and why."""

    left_on: OptionalDay = None
    reason: Note = None


class ReadmissionForm(PageForm):
    """The number or address that was refused, and why the person is here again."""

    external_id: Note = None
    email: Note = None
    reason: Note = None


@router.get("/mentors/{mentor_id}/leave")
def ask(context: CurrentCoordinator, mentor_id: UUID) -> Response:
    """Ask from which day and why."""
    mentor = peer_mentors.get(context.conn, mentor_id)
    form = opened(context, _form_of(mentor), mentor.version)
    proposed = {"left_on": mentor.left_on or today_of(context)}
    return _leaving(context, mentor, form.model_copy(update=proposed))


@router.post("/mentors/{mentor_id}/leave")
def leave(context: CurrentCoordinator, mentor_id: UUID, form: Annotated[LeavingForm, Form()]) -> Response:
    """Write the day, unless somebody else wrote one meanwhile; from then on the person is in no list."""
    return retried(lambda: _leave(context, mentor_id, form))


def _leave(context: RequestContext, mentor_id: UUID, form: LeavingForm) -> Response:
    mentor = peer_mentors.get(context.conn, mentor_id)

    if errors := form.faults(context):
        return _leaving(context, mentor, form, errors)

    def write(name: str, value: Any) -> str:
        if name == "left_on":
            return written(context, "day", date.fromisoformat(value))
        return str(value)

    now = merged(context, form, _form_of(mentor), mentor.version, labels=_LABELS, write=write)
    if now is not None:
        return _leaving(context, mentor, now.form, differences=now.differences)
    with field_errors(context, _REFUSALS) as errors:
        departures.mark_left(context.conn, mentor_id, form.left_on, form.reason, version=mentor.version)
    if errors:
        return _leaving(context, mentor, form, errors)
    return context.redirect(f"/mentors/{mentor_id}", notice=context._("That the person stops was saved."))


@router.post("/mentors/{mentor_id}/return")
def come_back(
    context: CurrentCoordinator, mentor_id: UUID, version: Annotated[Maybe[int], Form()] = None
) -> Response:
    """Take the day away again, if it is the one that was seen."""
    departures.mark_returned(context.conn, mentor_id, version=version)
    return context.redirect(f"/mentors/{mentor_id}", notice=context._("The person is a peer mentor again."))


@router.get("/mentors/readmit")
def ask_readmission(context: CurrentAdministrator) -> Response:
    """Ask for the number or address that was refused."""
    return _readmission(context, ReadmissionForm())


@router.post("/mentors/readmit")
def readmit(context: CurrentAdministrator, form: Annotated[ReadmissionForm, Form()]) -> Response:
    """Let the number or address in again."""
    if errors := form.faults(context):
        return _readmission(context, form, errors)
    with field_errors(context, _REFUSALS) as errors:
        departures.readmit_erased(context.conn, form.external_id, form.email, form.reason)
    if errors:
        return _readmission(context, form, errors)
    return context.redirect(
        "/mentors/new", notice=context._("The number can be used again. Add the person now.")
    )


def _form_of(mentor: PeerMentor) -> LeavingForm:
    return LeavingForm(left_on=mentor.left_on, reason=mentor.left_reason)


def _leaving(
    context: RequestContext,
    mentor: PeerMentor,
    form: LeavingForm,
    errors: dict[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "coordinator/leaving.html",
        status=409 if differences else 422 if errors else 200,
        mentor=mentor,
        form=form,
        errors=errors or {},
        differences=differences,
    )


def _readmission(
    context: RequestContext, form: ReadmissionForm, errors: dict[str, str] | None = None
) -> Response:
    return context.page(
        "coordinator/readmission.html", status=422 if errors else 200, form=form, errors=errors or {}
    )

"""My requests: I ask for a renewal, answer what is asked back, and read the result."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response

from mentorcert.certifications import own, renewal_requests
from mentorcert.errors import MissingRightError, StaleVersionError
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentMember, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Note, OptionalDay
from mentorcert.web.page_form import PageForm

router = APIRouter()

_WRITE: Final = LazyText("Write what you did.")
_NEEDS_COURSE: Final = LazyText(
    "A refresher did not renew it on that day any more: it takes the whole course. Talk to your coordinator."
)
_NEEDS_REGISTRATION: Final = LazyText(
    "A refresher did not renew it on that day any more: it takes a new registration. Talk to your coordinator."
)
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "renewal_requests_text_valid": Refusal("text", _WRITE),
    "renewal_requests_text_length": Refusal("text", LazyText("Write at most 400 characters.")),
    "renewal_requests_text_characters": unreadable("text"),
    "renewal_requests_done_on_valid": Refusal(
        "done_on",
        LazyText("Give a day after the last renewal, and not in the future."),
    ),
    "certification_outdated_course": Refusal("done_on", _NEEDS_COURSE),
    "certification_outdated_registration": Refusal("done_on", _NEEDS_REGISTRATION),
    "renewal_requests_one_open": Refusal("text", LazyText("A request waits already. Load the page again.")),
    "renewal_requests_a_day": Refusal(
        "text", LazyText("You have asked several times today. Try again tomorrow.")
    ),
    "renewal_requests_answer_valid": Refusal("answer", LazyText("Write your answer.")),
    "renewal_requests_answer_length": too_long("answer"),
    "renewal_requests_answer_characters": unreadable("answer"),
}


class RequestForm(PageForm):
    """What was done, and on which day."""

    text: Note = None
    done_on: OptionalDay = None


class AnswerForm(PageForm):
    """What is answered, and the day, which may be corrected."""

    answer: Note = None
    done_on: OptionalDay = None
    version: int


@router.get("/me/certifications/{certification_id}/request")
def show(context: CurrentMember, certification_id: UUID) -> Response:
    """Show the requests for a certification, and the form for what can be done."""
    return _page(context, certification_id, RequestForm())


@router.post("/me/certifications/{certification_id}/request")
def ask(context: CurrentMember, certification_id: UUID, form: Annotated[RequestForm, Form()]) -> Response:
    """Ask for a renewal."""
    errors = form.faults(context)
    if not errors and form.done_on is None:
        errors = {"done_on": context._("Write the day on which you did it.")}
        if not (form.text or "").strip():
            errors["text"] = context._(_WRITE)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            renewal_requests.ask(context.conn, certification_id, form.text or "", form.done_on)
    if errors:
        return _page(context, certification_id, form, errors)
    return context.redirect("/me", notice=context._("Your request was sent."))


@router.post("/me/certifications/{certification_id}/request/{request_id}/answer")
def answer(
    context: CurrentMember, certification_id: UUID, request_id: UUID, form: Annotated[AnswerForm, Form()]
) -> Response:
    """Answer what was asked back."""

    def write() -> None:
        renewal_requests.answer(
            context.conn, request_id, form.answer or "", form.done_on, version=form.version
        )

    return _changed(context, certification_id, form, write, context._("Your answer was sent."))


@router.post("/me/certifications/{certification_id}/request/{request_id}/withdraw")
def withdraw(
    context: CurrentMember, certification_id: UUID, request_id: UUID, version: Annotated[int, Form()]
) -> Response:
    """Withdraw a request."""

    def write() -> None:
        renewal_requests.withdraw(context.conn, request_id, version=version)

    return _changed(context, certification_id, None, write, context._("Your request was withdrawn."))


def _changed(
    context: RequestContext,
    certification_id: UUID,
    form: AnswerForm | None,
    write: Callable[[], None],
    notice: str,
) -> Response:
    errors = form.faults(context) if form else {}
    if not errors:
        try:
            with field_errors(context, _REFUSALS) as errors:
                write()
        except StaleVersionError:
            return _page(context, certification_id, form or RequestForm(), is_stale=True)
    if errors:
        return _page(context, certification_id, form or RequestForm(), errors)
    return context.redirect("/me", notice=notice)


def _page(
    context: RequestContext,
    certification_id: UUID,
    form: RequestForm | AnswerForm,
    errors: Mapping[str, str] | None = None,
    *,
    is_stale: bool = False,
) -> Response:
    _, organisation = context.member()
    found = context.ahead(renewal_requests.of_certification, certification_id)
    held = own.certifications(context.conn, organisation.time_zone)
    certification = next((one for one in held if one.id == certification_id), None)
    if certification is None:
        raise MissingRightError
    requests = [one for one in found.value if one.is_own]
    return context.page(
        "mentor/request.html",
        status=409 if is_stale else 422 if errors else 200,
        certification=certification,
        waiting=next((one for one in requests if one.is_waiting), None),
        earlier=[one for one in requests if not one.is_waiting],
        form=form,
        errors=errors or {},
        is_stale=is_stale,
        zone=ZoneInfo(organisation.time_zone),
    )


def latest(context: RequestContext) -> Callable[[], dict[UUID, renewal_requests.RenewalRequest]]:
    """Ask for the latest request for each certification without waiting; what is returned reads the answer."""
    found = context.ahead(renewal_requests.own)
    return lambda: {one.certification_id: one for one in reversed(found.value)}

"""Requests for renewals: a list of what waits, and each with its preview, to be approved, refused or asked back."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response

from mentorcert.certifications import renewal_requests
from mentorcert.certifications.renewal_requests import RenewalRequest
from mentorcert.certifications.repository import Certification
from mentorcert.errors import MissingRightError, StaleVersionError
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, time_zone_of
from mentorcert.web.coordinator.preview import PreviewResult, Step, previewed_change
from mentorcert.web.drafts import drafted, preview_at
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Note, OptionalDay
from mentorcert.web.page_form import PageForm

router = APIRouter()

_NEEDED: Final = LazyText("Write to the peer mentor here.")
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_reason_required": Refusal("reason", _NEEDED),
    "renewal_requests_reply_valid": Refusal("reply", _NEEDED),
    "renewal_requests_reply_length": too_long("reply"),
    "renewal_requests_reply_characters": unreadable("reply"),
}


class ApprovalForm(PageForm):
    """The renewal by a request, as of the day on which it was done."""

    step: Step = "preview"
    renewed_on: OptionalDay = None
    last_valid_day: OptionalDay = None
    note: Note = None
    shown: str = ""
    version: int = 0
    draft: UUID | None = None


class ReplyForm(PageForm):
    """What is asked back, or why it is refused."""

    reply: Note = None
    reason: Note = None
    version: int


@router.get("/requests")
def show_all(context: CurrentCoordinator) -> Response:
    """Show the requests that wait, the oldest first."""
    names = names_of(context)
    found = renewal_requests.waiting(context.conn)
    return context.page(
        "coordinator/requests.html",
        requests=[one for one in found if not one.is_own],
        names=names,
        is_cut=len(found) == renewal_requests.MOST,
        time_zone=time_zone_of(context),
    )


@router.get("/requests/{request_id}")
def show(context: CurrentCoordinator, request_id: UUID, query: Annotated[ApprovalForm, Query()]) -> Response:
    """Show a request, and until when the certification would hold."""
    form = drafted(context, query.draft, ApprovalForm) or ApprovalForm()
    return _approval(context, request_id, form, "preview")


@router.post("/requests/{request_id}")
def approve(context: CurrentCoordinator, request_id: UUID, form: Annotated[ApprovalForm, Form()]) -> Response:
    """Go on to the page that shows until when it would hold, or renew."""
    if form.step == "preview":
        return preview_at(context)
    return _approval(context, request_id, form, "confirm")


@router.post("/requests/{request_id}/refuse")
def refuse(context: CurrentCoordinator, request_id: UUID, form: Annotated[ReplyForm, Form()]) -> Response:
    """Refuse it, for a reason."""
    return _reply(
        context,
        request_id,
        form,
        lambda: renewal_requests.refuse(context.conn, request_id, form.reason or "", version=form.version),
        context._("The request was refused, and the peer mentor is informed."),
    )


@router.post("/requests/{request_id}/ask-back")
def ask_back(context: CurrentCoordinator, request_id: UUID, form: Annotated[ReplyForm, Form()]) -> Response:
    """Ask the peer mentor something about it."""
    return _reply(
        context,
        request_id,
        form,
        lambda: renewal_requests.ask_back(context.conn, request_id, form.reply or "", version=form.version),
        context._("The question was sent to the peer mentor."),
    )


def _reply(
    context: RequestContext, request_id: UUID, form: ReplyForm, write: Callable[[], None], notice: str
) -> Response:
    is_stale = False
    if not (errors := form.faults(context)):
        try:
            with field_errors(context, _REFUSALS) as errors:
                write()
        except StaleVersionError:
            is_stale = True
    if is_stale or errors:
        return _approval(
            context, request_id, ApprovalForm(), "preview", reply=form, errors=errors, is_stale=is_stale
        )
    return context.redirect("/requests", notice=notice)


def _approval(
    context: RequestContext,
    request_id: UUID,
    form: ApprovalForm,
    step: Step,
    *,
    reply: ReplyForm | None = None,
    errors: Mapping[str, str] | None = None,
    is_stale: bool = False,
) -> Response:
    names = names_of(context)
    request = _of_others(context, request_id)
    preview = None
    if faults := form.faults(context):
        preview = PreviewResult[Certification](errors=faults)
    elif request.is_waiting:
        preview = _previewed(context, request, form, step)
        if preview.is_done:
            return context.redirect(
                f"/certifications/{request.certification_id}",
                notice=context._("The certification was renewed."),
            )
    is_stale |= step == "confirm" and not request.is_waiting
    failed = dict(errors or {}) | (preview.errors if preview else {})
    return context.page(
        "coordinator/request.html",
        status=422 if failed else 409 if is_stale else preview.status if preview else 200,
        asked=request,
        names=names,
        time_zone=time_zone_of(context),
        form=form,
        reply=reply or ReplyForm(version=request.version),
        preview=preview,
        errors=failed,
        is_stale=is_stale,
    )


def _previewed(
    context: RequestContext, request: RenewalRequest, form: ApprovalForm, step: Step
) -> PreviewResult[Certification]:
    # Somebody replied or answered since it was shown: it is shown as it is now.
    is_late = step == "confirm" and form.version != request.version
    with previewed_change(context, "preview" if is_late else step, form.shown, day="renewed_on") as preview:
        preview.outcome = renewal_requests.approve(
            context.conn,
            request.id,
            renewed_on=form.renewed_on,
            last_valid_day=form.last_valid_day,
            note=form.note,
            version=request.version,
        )
    preview.is_stale |= is_late
    return preview


def _of_others(context: RequestContext, request_id: UUID) -> RenewalRequest:
    request = renewal_requests.get(context.conn, request_id)
    if request.is_own:
        raise MissingRightError
    return request

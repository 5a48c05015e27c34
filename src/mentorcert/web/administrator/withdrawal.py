"""Consents of many peer mentors are withdrawn together, with who leaves the public list shown first."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.organisations import consents
from mentorcert.organisations.consequences import SHOWN
from mentorcert.web.administrator.consequences import weighed_change
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.mentor_selection import MentorSelection
from mentorcert.web.coordinator.preview import REFUSALS, PreviewResult, refusal
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.fields import Note

router = APIRouter()


class WithdrawalForm(MentorSelection):
    """Whose consent is withdrawn, and why."""

    reason: Note = None
    shown: Annotated[str, Field(max_length=64)] = ""


@router.get("/admin/consents/withdraw")
def show(context: CurrentAdministrator, draft: UUID | None = None) -> Response:
    """Show who leaves the public list."""
    return _withdraw(context, drafted(context, draft, WithdrawalForm) or WithdrawalForm())


@router.post("/admin/consents/withdraw")
def withdraw(context: CurrentAdministrator, form: Annotated[WithdrawalForm, Form()]) -> Response:
    """Go on to who leaves the public list; withdraw the consents if that was shown and is still so."""
    return _withdraw(context, form)


def _withdraw(context: RequestContext, form: WithdrawalForm) -> Response:
    errors = form.faults(context)
    ids = form.ids(context)
    if not ids:
        return context.redirect(form.back(), notice=context._("Choose at least one peer mentor first."))
    withdrawn = 0
    try:
        with weighed_change(context, None if errors else form.shown or None, sorted(ids)) as result:
            sent = context.ahead(consents.withdraw, ids, form.reason)
        withdrawn = sent.value
    except REFUSALS as error:
        result = PreviewResult(refusal=refusal(context, error))
    result.errors |= errors
    if result.is_done:
        notice = context.ngettext(
            "%(num)s consent was withdrawn.", "%(num)s consents were withdrawn.", withdrawn
        )
        return context.redirect(form.back(), notice=notice)
    return page_at_address(
        context,
        "administrator/withdrawal.html",
        status=result.status,
        form=form,
        result=result,
        size=SHOWN,
        withdrawn=withdrawn,
    )

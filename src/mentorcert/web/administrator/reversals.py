"""Taking a whole extension back: what would become of each certification, and what stands in the way."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.certifications import extensions, repository
from mentorcert.certifications.extensions import Extension, OutcomeCount, ReversalOutcome
from mentorcert.web.administrator.extensions import counts
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.preview import PreviewResult
from mentorcert.web.fields import Text
from mentorcert.web.page_form import PageForm

router = APIRouter()

_SIZE: Final = 50
_BLOCKING: Final = "changed_since"


class ReversalForm(PageForm):
    """Why it is taken back, and what was shown."""

    shown: str = ""
    reason: Text = ""


@router.get("/admin/extensions/{batch_id}")
def show(context: CurrentAdministrator, batch_id: UUID) -> Response:
    """Show an extension, and what taking it back would do."""
    outcomes = context.ahead(extensions.reversal_outcomes, batch_id)
    extension = extensions.get(context.conn, context.member()[1].id, batch_id)
    return _page(context, extension, _result(extension, outcomes.value))


@router.post("/admin/extensions/{batch_id}")
def revert(context: CurrentAdministrator, batch_id: UUID, form: Annotated[ReversalForm, Form()]) -> Response:
    """Take the extension back, all or nothing, if it is still what was shown."""
    context.raise_statement_timeout()
    outcomes = context.ahead(extensions.reversal_outcomes, batch_id)
    extension = extensions.get(context.conn, context.member()[1].id, batch_id)
    result = _result(extension, outcomes.value)
    error = form.faults(context).get("reason") or ("" if form.reason.strip() else context._("Say why."))
    if error:
        return _page(context, extension, result, error)
    # The database says itself what stands in the way.
    if _BLOCKING not in counts(result.outcome):
        result.compare(form.shown)
    if result.is_stale:
        return _page(context, extension, result)
    reverted = repository.revert_batch(context.conn, batch_id, form.reason)
    notice = context.ngettext(
        "%(num)s certification has its former day again.",
        "%(num)s certifications have their former day again.",
        reverted,
    )
    return context.redirect(f"/admin/extensions/{batch_id}", notice=notice)


def _result(extension: Extension, outcomes: Sequence[OutcomeCount]) -> PreviewResult[Sequence[OutcomeCount]]:
    return PreviewResult(()) if extension.reverted_at is not None else PreviewResult(outcomes, outcomes)


def _page(
    context: RequestContext,
    extension: Extension,
    result: PreviewResult[Sequence[OutcomeCount]],
    error: str = "",
) -> Response:
    outcomes = counts(result.outcome)
    shown: ReversalOutcome = _BLOCKING if outcomes.get(_BLOCKING) else "reverted"
    return context.page(
        "administrator/extension.html",
        status=422 if error else result.status,
        extension=extension,
        result=result,
        outcomes=outcomes,
        shown=shown,
        size=_SIZE,
        previewed=extensions.preview_reversal(context.conn, extension.batch_id, shown, size=_SIZE)
        if outcomes
        else [],
        error=error,
    )

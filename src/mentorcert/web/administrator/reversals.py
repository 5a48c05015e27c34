"""Taking a whole extension back: what would become of each certification, and what stands in the way."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.certifications import extensions, repository
from mentorcert.certifications.extensions import Extension, OutcomeCount, ReversalOutcome
from mentorcert.web.administrator.extensions import counts
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.preview import PreviewResult

router = APIRouter()

_SIZE: Final = 50
_BLOCKING: Final = "changed_since"


class ReversalForm(BaseModel):
    """Why it is taken back, and what was shown."""

    shown: str = ""
    reason: str = Field("", max_length=1000)


@router.get("/admin/extensions/{batch_id}")
def show(context: CurrentAdministrator, batch_id: UUID) -> Response:
    """Show an extension, and what taking it back would do."""
    extension = extensions.get(context.conn, context.member()[1].id, batch_id)
    return _page(context, extension, _outcomes(context, extension))


@router.post("/admin/extensions/{batch_id}")
def revert(context: CurrentAdministrator, batch_id: UUID, form: Annotated[ReversalForm, Form()]) -> Response:
    """Take the extension back, all or nothing, if it is still what was shown."""
    context.raise_statement_timeout()
    extension = extensions.get(context.conn, context.member()[1].id, batch_id)
    result = _outcomes(context, extension)
    if not form.reason.strip():
        return _page(context, extension, result, context._("Say why."))
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


def _outcomes(context: RequestContext, extension: Extension) -> PreviewResult[Sequence[OutcomeCount]]:
    if extension.reverted_at is not None:
        return PreviewResult(())
    outcomes = extensions.reversal_outcomes(context.conn, extension.batch_id)
    return PreviewResult(outcomes, outcomes)


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

"""Taking a whole extension back: what would become of each certification, and what stands in the way."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.certifications import repository
from mentorcert.web.administrator.extensions import QUERIES, SIZE, Counted, Extension, Previewed
from mentorcert.web.administrator.queries import row, rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

_BLOCKING: Final = "changed_since"


class ReversalForm(BaseModel):
    """Why it is taken back."""

    reason: str = Field("", max_length=1000)


@router.get("/admin/extensions/{batch_id}")
def show(context: CurrentAdministrator, batch_id: UUID) -> Response:
    """Show an extension, and what taking it back would do."""
    return _extension(context, batch_id)


@router.post("/admin/extensions/{batch_id}")
def revert(context: CurrentAdministrator, batch_id: UUID, form: Annotated[ReversalForm, Form()]) -> Response:
    """Take the extension back, all or nothing."""
    if not form.reason.strip():
        return _extension(context, batch_id, context._("Say why."))
    context.raise_statement_timeout()
    reverted = repository.revert_batch(context.conn, batch_id, form.reason)
    notice = context.ngettext(
        "%(num)s certification has its former day again.",
        "%(num)s certifications have their former day again.",
        reverted,
    )
    return context.redirect(f"/admin/extensions/{batch_id}", notice=notice)


def _extension(context: RequestContext, batch_id: UUID, error: str = "") -> Response:
    _, organisation = context.member()
    extension = row(
        context.conn, Extension, QUERIES.extensions.sql, organisation_id=organisation.id, batch_id=batch_id
    )
    context.record_rows({organisation.id})
    outcomes: dict[str, int] = {}
    if extension.reverted_at is None:
        counted = rows(context.conn, Counted, QUERIES.reversal_outcomes.sql, batch_id=batch_id)
        outcomes = {one.outcome: one.certifications for one in counted}
    shown = _BLOCKING if outcomes.get(_BLOCKING) else "reverted"
    return context.page(
        "administrator/extension.html",
        status=422 if error else 200,
        extension=extension,
        outcomes=outcomes,
        shown=shown,
        size=SIZE,
        previewed=rows(
            context.conn,
            Previewed,
            QUERIES.reversal_previewed.sql,
            batch_id=batch_id,
            outcome=shown,
            size=SIZE if outcomes else 0,
        ),
        error=error,
    )

"""A change of weight in the pages: its consequences first, then the change; and undoing one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Form, Response

from mentorcert.db.rows import mapped_errors
from mentorcert.organisations import consequences
from mentorcert.organisations.consequences import SHOWN, Consequence
from mentorcert.translatable import LazyText
from mentorcert.web.context import SAFE_METHODS, CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.preview import REFUSALS, PreviewResult, refusal
from mentorcert.web.drafts import page_at_address
from mentorcert.web.form_versions import VersionedForm

router = APIRouter()

Result = PreviewResult[Sequence[Consequence]]

# The page to which each table belongs, and what the trail calls it.
SECTIONS: Final[Mapping[str, tuple[str, LazyText]]] = {
    "certification_types": ("/admin/types", LazyText("Certification types")),
    "chapters": ("/admin/chapters", LazyText("Chapters")),
}


@contextmanager
def weighed_change(
    context: RequestContext, shown: str | None, change: object, *, later: Callable[[], None] | None = None
) -> Iterator[Result]:
    """Make a change in a savepoint; keep it where its consequences are confirmed, or where it has none.

    `shown` is the fingerprint that a form confirms: empty where nothing was shown, None where nothing
    is kept, as where an address is read. `change` is what the form asks for, so that it confirms no other
    change. Of a change that takes effect later, the consequences are those that it would have now;
    `later` is made instead of it.
    """
    result: Result = PreviewResult()
    if context.request.method in SAFE_METHODS:
        shown = None
    context.raise_statement_timeout()
    with mapped_errors(), context.conn.transaction() as savepoint:
        consequences.note_state(context.conn)
        yield result
        result.outcome = consequences.found(context.conn)
        result.shown = (change, result.outcome)
        if shown:
            result.compare(shown)
        result.is_done = shown is not None and not result.is_stale and bool(shown or not result.outcome)
        instead = later if result.is_done else None
        if not result.is_done or later is not None:
            raise psycopg.Rollback(savepoint)
    if instead is not None:
        instead()


def preview_page(
    context: RequestContext, result: Result, heading: str, table: str, form: VersionedForm | None
) -> Response:
    """Show the consequences of what a form sent, and ask to confirm it or to go back to the form."""
    back, section = SECTIONS[table]
    return page_at_address(
        context,
        "administrator/consequences.html",
        status=result.status,
        heading=heading,
        back=back,
        section=context._(section),
        fields=_fields(form) if form else {},
        result=result,
        size=SHOWN,
    )


def _fields(form: VersionedForm) -> dict[str, Any]:
    """Return what a form sent, with what it showed when it was opened."""
    sent = {**form.model_dump(), "seen": form.seen}
    return {name: "" if value is None else value for name, value in sent.items()}


@router.get("/admin/changes/{entry_id}/undo")
def ask_undo(context: CurrentAdministrator, entry_id: UUID) -> Response:
    """Show what undoing a change of a type or chapter would do."""
    return _undo(context, entry_id, None)


@router.post("/admin/changes/{entry_id}/undo")
def undo(context: CurrentAdministrator, entry_id: UUID, shown: Annotated[str, Form()] = "") -> Response:
    """Undo a change of a type or chapter, if it would still do what was shown."""
    return _undo(context, entry_id, shown)


def _undo(context: RequestContext, entry_id: UUID, shown: str | None) -> Response:
    entry = consequences.get_undoable(context.conn, entry_id)
    name = entry.name_nb if context.language == "nb" else entry.name_en
    try:
        with weighed_change(context, shown, entry_id) as result:
            consequences.undo(context.conn, entry_id)
    except REFUSALS as error:
        result = PreviewResult(refusal=refusal(context, error))
    if result.is_done:
        notice = context._("The change of %(name)s is undone.", name=name)
        return context.redirect(SECTIONS[entry.table_name][0], notice=notice)
    heading = context._("Undo the change of %(name)s", name=name)
    return preview_page(context, result, heading, entry.table_name, None)

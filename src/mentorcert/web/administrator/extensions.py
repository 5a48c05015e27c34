"""Extensions for everybody of a type: what one would do, doing it, and those there were."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response

from mentorcert.certifications import extensions, repository
from mentorcert.certifications.extensions import Outcome, OutcomeCount, Selection
from mentorcert.errors import InvalidInputError
from mentorcert.organisations.types import CertificationType
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.chapters import chapters_of, options
from mentorcert.web.administrator.types import types_of
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.preview import PreviewResult
from mentorcert.web.fields import Chosen, OptionalDay, OptionalId, Text
from mentorcert.web.page_form import PageForm

router = APIRouter()

_SIZE: Final = 50


class SelectionQuery(PageForm):
    """Which certifications are extended, and to which day."""

    certification_type: Text = ""
    last_valid_day: OptionalDay = None
    chapter_id: OptionalId = None
    expired_since: OptionalDay = None

    def selection(self) -> Selection:
        """Return it as the registry takes it; raises InvalidInputError without a day."""
        if self.last_valid_day is None:
            raise InvalidInputError(LazyText("Write the new last valid day."))
        return Selection(self.certification_type, self.last_valid_day, self.chapter_id, self.expired_since)

    def url(self, **more: object) -> str:
        """Return the address of the preview."""
        given = {**self.selection().parameters(), **more}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"/admin/extensions/preview?{query}"


class PreviewQuery(SelectionQuery):
    """A page of the preview."""

    outcome: Chosen[Outcome] = "extended"
    after_id: UUID | None = None


class ExtensionForm(SelectionQuery):
    """An extension whose preview was looked at."""

    shown: str = ""
    reason: Text = ""


@router.get("/admin/extensions")
def show(context: CurrentAdministrator) -> Response:
    """Show the form, and the extensions there were."""
    return _choice(context, SelectionQuery())


def _choice(
    context: RequestContext, query: SelectionQuery, errors: Mapping[str, str] | None = None
) -> Response:
    _, organisation = context.member()
    types, chapters = types_of(context), chapters_of(context)
    return context.page(
        "administrator/extensions.html",
        status=422 if errors else 200,
        query=query,
        errors=errors or {},
        extensions=extensions.extensions(context.conn, organisation.id),
        types=[(type_.code, _name(context, type_)) for type_ in types.value],
        chapters=options(chapters.value, context._("The whole organisation")),
    )


@router.get("/admin/extensions/preview")
def preview(context: CurrentAdministrator, query: Annotated[PreviewQuery, Query()]) -> Response:
    """Show what would become of each certification; nothing is changed."""
    errors = query.faults(context)
    if query.last_valid_day is None:
        errors.setdefault("last_valid_day", context._("Write the new last valid day."))
    if errors:
        return _choice(context, query, errors)
    return _preview(context, query, _outcomes(context, query))


@router.post("/admin/extensions")
def extend(context: CurrentAdministrator, form: Annotated[ExtensionForm, Form()]) -> Response:
    """Extend, if it is still what the preview said."""
    errors = form.faults(context)
    if form.last_valid_day is None:
        errors.setdefault("last_valid_day", context._("Write the new last valid day."))
    if errors.keys() - {"reason"}:
        return _choice(context, form, errors)
    selection = form.selection()
    query = PreviewQuery.model_validate(selection.parameters())
    result = _outcomes(context, query)
    if errors or not form.reason.strip():
        return _preview(
            context, query, result, {"reason": context._("Say why.")} | errors, form.typed("reason")
        )
    result.compare(form.shown)
    if result.is_stale:
        return _preview(context, query, result, reason=form.reason)
    context.raise_statement_timeout()
    batch_id = repository.extend(
        context.conn,
        selection.certification_type,
        selection.last_valid_day,
        form.reason,
        chapter_id=selection.chapter_id,
        expired_since=selection.expired_since,
    )
    extended = counts(result.outcome).get("extended", 0)
    notice = context.ngettext(
        "%(num)s certification is extended.", "%(num)s certifications are extended.", extended
    )
    return context.redirect(f"/admin/extensions/{batch_id}", notice=notice)


def counts(outcomes: Sequence[OutcomeCount] | None) -> dict[str, int]:
    """Return how many certifications have each outcome."""
    return {outcome.outcome: outcome.certifications for outcome in outcomes or ()}


def _outcomes(context: RequestContext, query: PreviewQuery) -> PreviewResult[Sequence[OutcomeCount]]:
    outcomes = extensions.outcomes(context.conn, query.selection())
    return PreviewResult(outcomes, outcomes)


def _preview(
    context: RequestContext,
    query: PreviewQuery,
    result: PreviewResult[Sequence[OutcomeCount]],
    errors: Mapping[str, str] | None = None,
    reason: str = "",
) -> Response:
    sent_types, chapters = types_of(context), chapters_of(context)
    found = extensions.preview(
        context.conn,
        query.selection(),
        query.outcome,
        after_id=query.after_id,
        size=_SIZE + 1,
    )
    last = found[_SIZE - 1] if len(found) > _SIZE else None
    types = {type_.code: _name(context, type_) for type_ in sent_types.value}
    return context.page(
        "administrator/extension_preview.html",
        status=422 if errors else result.status,
        query=query,
        selection=query.selection().parameters(),
        type=types.get(query.certification_type, query.certification_type),
        result=result,
        outcomes=counts(result.outcome),
        previewed=found[:_SIZE],
        next_url=last and query.url(outcome=query.outcome, after_id=last.certification_id),
        first_url=query.url(outcome=query.outcome) if query.after_id else None,
        chapter=next((chapter.name for chapter in chapters.value if chapter.id == query.chapter_id), None),
        errors=errors or {},
        reason=reason,
    )


def _name(context: RequestContext, type_: CertificationType) -> str:
    return type_.name(context.language)

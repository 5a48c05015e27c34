"""Extensions for everybody of a type: what one would do, doing it, and those there were."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.certifications import extensions, repository
from mentorcert.certifications.extensions import Outcome, OutcomeCount, Selection
from mentorcert.organisations.types import CertificationType
from mentorcert.web.administrator.chapters import chapters_of, options
from mentorcert.web.administrator.types import types_of
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.preview import PreviewResult
from mentorcert.web.fields import Day, Maybe, OptionalId

router = APIRouter()

_SIZE: Final = 50


class SelectionQuery(BaseModel):
    """Which certifications are extended, and to which day."""

    certification_type: str = Field(max_length=100)
    last_valid_day: Day
    chapter_id: OptionalId = None
    expired_since: Maybe[Day] = None

    def selection(self) -> Selection:
        """Return it as the registry takes it."""
        return Selection(self.certification_type, self.last_valid_day, self.chapter_id, self.expired_since)

    def url(self, **more: object) -> str:
        """Return the address of the preview."""
        given = {**self.selection().parameters(), **more}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"/admin/extensions/preview?{query}"


class PreviewQuery(SelectionQuery):
    """A page of the preview."""

    outcome: Outcome = "extended"
    after_expires_at: datetime | None = None
    after_id: UUID | None = None


class ExtensionForm(SelectionQuery):
    """An extension whose preview was looked at."""

    shown: str = ""
    reason: str = Field("", max_length=1000)


@router.get("/admin/extensions")
def show(context: CurrentAdministrator) -> Response:
    """Show the form, and the extensions there were."""
    _, organisation = context.member()
    return context.page(
        "administrator/extensions.html",
        extensions=extensions.extensions(context.conn, organisation.id),
        types=[(type_.code, _name(context, type_)) for type_ in types_of(context)],
        chapters=options(chapters_of(context), context._("The whole organisation")),
    )


@router.get("/admin/extensions/preview")
def preview(context: CurrentAdministrator, query: Annotated[PreviewQuery, Query()]) -> Response:
    """Show what would become of each certification; nothing is changed."""
    return _preview(context, query, _outcomes(context, query))


@router.post("/admin/extensions")
def extend(context: CurrentAdministrator, form: Annotated[ExtensionForm, Form()]) -> Response:
    """Extend, if it is still what the preview said."""
    query = PreviewQuery.model_validate(form.selection().parameters())
    result = _outcomes(context, query)
    if not form.reason.strip():
        return _preview(context, query, result, {"reason": context._("Say why.")}, form.reason)
    result.compare(form.shown)
    if result.is_stale:
        return _preview(context, query, result, reason=form.reason)
    context.raise_statement_timeout()
    batch_id = repository.extend(
        context.conn,
        form.certification_type,
        form.last_valid_day,
        form.reason,
        chapter_id=form.chapter_id,
        expired_since=form.expired_since,
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
    found = extensions.preview(
        context.conn,
        query.selection(),
        query.outcome,
        after_expires_at=query.after_expires_at,
        after_id=query.after_id,
        size=_SIZE + 1,
    )
    last = found[_SIZE - 1] if len(found) > _SIZE else None
    types = {type_.code: _name(context, type_) for type_ in types_of(context)}
    return context.page(
        "administrator/extension_preview.html",
        status=422 if errors else result.status,
        query=query,
        selection=query.selection().parameters(),
        type=types.get(query.certification_type, query.certification_type),
        result=result,
        outcomes=counts(result.outcome),
        previewed=found[:_SIZE],
        next_url=last
        and query.url(
            outcome=query.outcome, after_expires_at=last.expires_at, after_id=last.certification_id
        ),
        first_url=query.url(outcome=query.outcome) if query.after_id else None,
        chapter=next(
            (chapter.name for chapter in chapters_of(context) if chapter.id == query.chapter_id), None
        ),
        errors=errors or {},
        reason=reason,
    )


def _name(context: RequestContext, type_: CertificationType) -> str:
    return type_.name_nb if context.language == "nb" else type_.name_en

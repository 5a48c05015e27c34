"""Extensions for everybody of a type: what one would do, doing it, and those there were."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import repository
from mentorcert.web.administrator import types
from mentorcert.web.administrator.chapters import chapters_of, choices
from mentorcert.web.administrator.fields import Day, OptionalDay, OptionalId
from mentorcert.web.administrator.queries import rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

Outcome = Literal["extended", "holds_longer", "expired", "erased"]

QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that was made; the addresses are those of members of now."""

    batch_id: UUID
    certification_type: str
    last_valid_day: date
    chapter: str | None
    expired_since: date | None
    reason: str
    certifications: int
    extended_at: datetime
    extended_by: str | None
    reverted_at: datetime | None
    reverted_by: str | None
    reversal_reason: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many certifications something would become of."""

    outcome: str
    certifications: int


@dataclass(frozen=True, slots=True)
class Previewed:
    """A certification, when it ends now (None: never), and when it would."""

    certification_id: UUID
    full_name: str
    external_id: str
    expires_at: datetime | None
    new_expires_at: datetime | None


class Choice(BaseModel):
    """Which certifications are extended, and to which day."""

    certification_type: str = Field(max_length=100)
    last_valid_day: Day
    chapter_id: OptionalId = None
    expired_since: OptionalDay = None

    def url(self, **more: object) -> str:
        """Return the address of the preview."""
        given = {name: value for name, value in {**self.choice(), **more}.items() if value is not None}
        return f"/admin/extensions/preview?{urlencode(given)}"

    def choice(self) -> dict[str, object]:
        """Return what the functions of the database take."""
        return {name: getattr(self, name) for name in Choice.model_fields}


class PreviewQuery(Choice):
    """A page of the preview."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome = "extended"
    after_expires_at: datetime | None = None
    after_id: UUID | None = None


class ExtensionForm(Choice):
    """An extension that was looked at: `expected` certifications would be extended."""

    expected: int
    reason: str = Field("", max_length=1000)


@router.get("/admin/extensions")
def show(context: CurrentAdministrator) -> Response:
    """Show the choice, and the extensions there were."""
    _, organisation = context.member()
    context.record_rows({organisation.id})
    return context.page(
        "administrator/extensions.html",
        extensions=rows(
            context.conn, Extension, QUERIES.extensions.sql, organisation_id=organisation.id, batch_id=None
        ),
        types=[(type_.code, _name(context, type_)) for type_ in types.types_of(context)],
        chapters=choices(chapters_of(context), context._("The whole organisation")),
    )


@router.get("/admin/extensions/preview")
def preview(context: CurrentAdministrator, query: Annotated[PreviewQuery, Query()]) -> Response:
    """Show what would become of each certification; nothing is changed."""
    return _preview(context, query)


@router.post("/admin/extensions")
def extend(context: CurrentAdministrator, form: Annotated[ExtensionForm, Form()]) -> Response:
    """Extend, if it is still what the preview said."""
    shown = PreviewQuery.model_validate(form.choice())
    if not form.reason.strip():
        return _preview(context, shown, {"reason": context._("Say why.")}, form.reason)
    if _outcomes(context, shown).get("extended", 0) != form.expected:
        stale = context._("Something has changed since you looked. See the numbers again before you confirm.")
        return _preview(context, shown, {"expected": stale}, form.reason)
    context.raise_statement_timeout()
    batch_id = repository.extend(
        context.conn,
        form.certification_type,
        form.last_valid_day,
        form.reason,
        chapter_id=form.chapter_id,
        expired_since=form.expired_since,
    )
    notice = context.ngettext(
        "%(num)s certification is extended.", "%(num)s certifications are extended.", form.expected
    )
    return context.redirect(f"/admin/extensions/{batch_id}", notice=notice)


def _outcomes(context: RequestContext, choice: Choice) -> dict[str, int]:
    counted = rows(context.conn, Counted, QUERIES.outcomes.sql, **choice.choice())
    return {one.outcome: one.certifications for one in counted}


def _preview(
    context: RequestContext, query: PreviewQuery, errors: Mapping[str, str] | None = None, reason: str = ""
) -> Response:
    context.record_rows({context.member()[1].id})
    found = rows(context.conn, Previewed, QUERIES.previewed.sql, **query.model_dump(), size=SIZE + 1)
    last = found[SIZE - 1] if len(found) > SIZE else None
    return context.page(
        "administrator/extension_preview.html",
        status=422 if errors else 200,
        query=query,
        type=next(
            (_name(context, one) for one in types.types_of(context) if one.code == query.certification_type),
            query.certification_type,
        ),
        outcomes=_outcomes(context, query),
        previewed=found[:SIZE],
        next_url=last
        and query.url(
            outcome=query.outcome, after_expires_at=last.expires_at, after_id=last.certification_id
        ),
        first_url=query.url(outcome=query.outcome) if query.after_id else None,
        chapter=next((one.name for one in chapters_of(context) if one.id == query.chapter_id), None),
        errors=errors or {},
        reason=reason,
    )


def _name(context: RequestContext, type_: types.CertificationType) -> str:
    return type_.name_nb if context.language == "nb" else type_.name_en

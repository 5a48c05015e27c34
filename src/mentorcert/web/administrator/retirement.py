"""A type or chapter is retired, or taken into use again, with the consequences shown first."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.organisations import retirement
from mentorcert.organisations.retirement import Table
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.consequences import SECTIONS, preview_page, weighed_change
from mentorcert.web.context import SAFE_METHODS, CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.display_names import today_of
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.field_errors import Refusal, field_errors, unreadable
from mentorcert.web.fields import Note, OptionalDay
from mentorcert.web.form_versions import VersionedForm

router = APIRouter()

TABLES: Final[Mapping[str, Table]] = {"types": "certification_types", "chapters": "chapters"}
_DAY: Final = Refusal("retired_on", LazyText("Give today or an earlier day."))
REASON_NEEDED: Final = Refusal("reason", LazyText("Write a reason, of at most 500 characters."))

_REFUSALS: Final[Mapping[str, Refusal]] = {
    **dict.fromkeys(
        (
            "certification_types_retired_on_not_future", "chapters_retired_on_not_future",
            "certification_types_retired_on_in_calendar", "chapters_retired_on_in_calendar",
        ),
        _DAY,
    ),
    **dict.fromkeys(
        (
            "certification_types_retired_reason_valid", "chapters_retired_reason_valid",
            "certification_types_retired_reason_length", "chapters_retired_reason_length",
        ),
        REASON_NEEDED,
    ),
    "certification_types_retired_reason_characters": unreadable("reason"),
    "chapters_retired_reason_characters": unreadable("reason"),
    "chapters_retired_empty": Refusal(
        "retired_on",
        LazyText("Peer mentors are in this chapter, or chapters lie under it. Move them first."),
    ),
    "chapters_parent_not_retired": Refusal("retired_on", LazyText("The chapter above is retired.")),
}  # fmt: skip


class RetirementForm(VersionedForm):
    """From which day it is retired, and why; `restore` takes it into use again."""

    retired_on: OptionalDay = None
    reason: Note = None
    restore: bool = False
    action: Literal["save", "edit"] = "save"
    shown: str = Field("", max_length=64)


Section = Literal["types", "chapters"]


@router.get("/admin/{section}/{subject_id}/retire")
def ask(
    context: CurrentAdministrator, section: Section, subject_id: UUID, draft: UUID | None = None
) -> Response:
    """Ask from which day and why; or, if it is retired, whether it comes back; or show the consequences of what was sent."""
    if form := drafted(context, draft, RetirementForm):
        return _retire(context, section, subject_id, form)
    return _form(context, section, subject_id, RetirementForm(retired_on=today_of(context)))


@router.post("/admin/{section}/{subject_id}/retire")
def retire(
    context: CurrentAdministrator, section: Section, subject_id: UUID, form: Annotated[RetirementForm, Form()]
) -> Response:
    """Go on to the consequences, or make the change that was shown."""
    return _retire(context, section, subject_id, form)


def _retire(context: RequestContext, section: Section, subject_id: UUID, form: RetirementForm) -> Response:
    if form.action == "edit":
        return _form(context, section, subject_id, form)
    if errors := form.faults(context):
        return _form(context, section, subject_id, form, errors)
    table = TABLES[section]
    sent = context.ahead(retirement.get, table, subject_id)
    # Who goes back to the preview of what was confirmed is not asked once more.
    if context.request.method in SAFE_METHODS and (sent.value.retired_on is None) is form.restore:
        return _form(context, section, subject_id, RetirementForm(retired_on=today_of(context)))
    day, reason = (None, None) if form.restore else (form.retired_on or today_of(context), form.reason)
    with (
        field_errors(context, _REFUSALS) as errors,
        weighed_change(context, form.shown, (subject_id, day, reason)) as result,
    ):
        retirement.change(context.conn, table, subject_id, day, reason)
    if errors:
        return _form(context, section, subject_id, form, errors)
    name = name_of(context, sent.value)
    if not result.is_done:
        again, retired = (
            context._("Take %(name)s into use again", name=name),
            context._("Retire %(name)s", name=name),
        )
        heading = again if form.restore else retired
        return preview_page(context, result, heading, table, form)
    again, retired = (
        context._("%(name)s is in use again.", name=name),
        context._("%(name)s is retired.", name=name),
    )
    return context.redirect(SECTIONS[table][0], notice=again if form.restore else retired)


def name_of(context: RequestContext, found: retirement.Retirable) -> str:
    """Return the name in the reader's language."""
    return found.name_nb if context.language == "nb" else found.name_en


def _form(
    context: RequestContext,
    section: Section,
    subject_id: UUID,
    form: RetirementForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    table = TABLES[section]
    found = retirement.get(context.conn, table, subject_id)
    back, title = SECTIONS[table]
    return page_at_address(
        context,
        "administrator/retirement.html",
        status=422 if errors else 200,
        section=section,
        back=back,
        title=context._(title),
        name=name_of(context, found),
        found=found,
        form=form,
        errors=errors or {},
    )

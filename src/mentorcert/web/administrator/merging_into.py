"""A type or chapter is merged into another one: whom that changes is shown first."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.db.rows import Answer
from mentorcert.organisations import retirement
from mentorcert.organisations.retirement import Table
from mentorcert.organisations.types import by_name
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.chapters import chapters_of, options
from mentorcert.web.administrator.consequences import SECTIONS, preview_page, weighed_change
from mentorcert.web.administrator.retirement import REASON_NEEDED, TABLES, Section, name_of
from mentorcert.web.administrator.types import types_of
from mentorcert.web.context import SAFE_METHODS, CurrentAdministrator, RequestContext
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.field_errors import Refusal, field_errors, unreadable
from mentorcert.web.fields import Note, OptionalId
from mentorcert.web.form_versions import VersionedForm

router = APIRouter()

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "merged_into_id": Refusal("into", LazyText("Choose one from the list.")),
    "chapters_no_cycle": Refusal("into", LazyText("That chapter lies under this one.")),
    **{
        f"chapters_places_{check}": Refusal(
            "into", LazyText("Together they serve more postal places than a chapter can have. Remove some first.")
        )
        for check in ("valid", "length")
    },
    **{
        f"{table}_retired_reason_{check}": refusal
        for table in SECTIONS
        for check, refusal in (
            ("valid", REASON_NEEDED), ("length", REASON_NEEDED), ("characters", unreadable("reason")),
        )
    },
}  # fmt: skip


class MergeForm(VersionedForm):
    """Into which one, and why."""

    into: OptionalId = None
    reason: Note = None
    action: Literal["save", "edit"] = "save"
    shown: str = Field("", max_length=64)


@router.get("/admin/{section}/{subject_id}/merge")
def ask(
    context: CurrentAdministrator, section: Section, subject_id: UUID, draft: UUID | None = None
) -> Response:
    """Ask into which one and why, or show what moves by what was sent."""
    if form := drafted(context, draft, MergeForm):
        return _merge(context, section, subject_id, form)
    return _form(context, section, subject_id, MergeForm())


@router.post("/admin/{section}/{subject_id}/merge")
def merge(
    context: CurrentAdministrator, section: Section, subject_id: UUID, form: Annotated[MergeForm, Form()]
) -> Response:
    """Go on to what moves and whom that changes, or merge as was shown."""
    return _merge(context, section, subject_id, form)


def _merge(context: RequestContext, section: Section, subject_id: UUID, form: MergeForm) -> Response:
    if form.action == "edit":
        return _form(context, section, subject_id, form)
    if errors := form.faults(context):
        return _form(context, section, subject_id, form, errors)
    table = TABLES[section]
    sent = context.ahead(retirement.get, table, subject_id)
    if context.request.method in SAFE_METHODS and sent.value.retired_on is not None:
        return _form(context, section, subject_id, form)
    with (
        field_errors(context, _REFUSALS) as errors,
        weighed_change(context, form.shown, (subject_id, form.into, form.reason)) as result,
    ):
        retirement.merge(context.conn, table, subject_id, form.into, form.reason)
    if errors:
        return _form(context, section, subject_id, form, errors)
    name = name_of(context, sent.value)
    if not result.is_done:
        return preview_page(context, result, context._("Merge %(name)s", name=name), table, form)
    return context.redirect(SECTIONS[table][0], notice=context._("%(name)s is merged.", name=name))


def _form(
    context: RequestContext,
    section: Section,
    subject_id: UUID,
    form: MergeForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    table = TABLES[section]
    others = _others(context, table, subject_id)
    found = retirement.get(context.conn, table, subject_id)
    back, title = SECTIONS[table]
    return page_at_address(
        context,
        "administrator/merge_into.html",
        status=422 if errors else 200,
        section=section,
        back=back,
        title=context._(title),
        name=name_of(context, found),
        found=found,
        subject_id=subject_id,
        form=form,
        errors=errors or {},
        others=others.value,
    )


def _others(context: RequestContext, table: Table, subject_id: UUID) -> Answer[list[tuple[str, str]]]:
    none = context._("Choose")
    if table == "chapters":
        chapters = chapters_of(context)
        # Without the chapter itself, those under it have no way to the top: they are no choice.
        return Answer(
            lambda: options([chapter for chapter in chapters.value if chapter.id != subject_id], none)
        )
    types = types_of(context)
    return Answer(
        lambda: [
            ("", none),
            *(
                (str(type_.id), type_.name(context.language))
                for type_ in by_name(types.value, context.language)
                if type_.id != subject_id and type_.retired_on is None
            ),
        ]
    )

"""Chapters: the tree, and adding, renaming and moving them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.db.rows import Answer
from mentorcert.errors import MissingRightError
from mentorcert.organisations import chapters
from mentorcert.organisations.chapters import Chapter, Placing
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.consequences import preview_page, weighed_change
from mentorcert.web.chapter_list import ChapterQuery, chapter_list
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import OptionalId, Text
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_LIST: Final = "/admin/chapters"

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "chapters_organisation_id_code_key": Refusal(
        "code", LazyText("There is a chapter with this code already.")
    ),
    "chapters_code_characters": unreadable("code"),
    "chapters_code_length": too_long("code"),
    "chapters_name_characters": unreadable("name"),
    "chapters_name_length": too_long("name"),
    "chapters_code_valid": Refusal("code", LazyText("A code has no spaces, and none of | ; and ,.")),
    "chapters_name_valid": Refusal("name", LazyText("A name is one line, without |.")),
    "chapters_parent_not_retired": Refusal("parent_id", LazyText("The chapter above is retired.")),
    "chapters_no_cycle": Refusal("parent_id", LazyText("A chapter cannot lie under itself.")),
    "chapters_parent_id_fkey": Refusal("parent_id", LazyText("Choose a chapter from the list.")),
}


_LABELS: Final[Mapping[str, LazyText]] = {
    "name": LazyText("Name"),
    "code": LazyText("Code"),
    "parent_id": LazyText("Lies under"),
}


class ChapterForm(VersionedForm):
    """A chapter as its form sends it."""

    code: Text = ""
    name: Text = ""
    parent_id: OptionalId = None
    action: Literal["save", "edit"] = "save"
    shown: str = Field("", max_length=64)

    def placing(self) -> Placing:
        """Return what is written of the chapter."""
        return Placing(self.parent_id, self.code.strip(), self.name.strip())


def _faults(context: RequestContext, form: ChapterForm) -> dict[str, str]:
    missing = {"code": context._("Write the code."), "name": context._("Write the name.")}
    return form.faults(context) | {
        name: text for name, text in missing.items() if not getattr(form, name).strip()
    }


def chapters_of(context: RequestContext) -> Answer[list[Chapter]]:
    """Ask for the chapters of the visitor's organisation by name."""
    return context.ahead(chapters.of_organisation, context.member()[1].id)


def options(among: Sequence[Chapter], empty: str) -> list[tuple[str, str]]:
    """Return the options of a field, indented as the tree is; retired ones are no choice, `empty` is what the empty one says."""
    in_use = [chapter for chapter in among if chapter.retired_on is None]
    indented = [
        (str(chapter.id), "\u2007\u2007" * depth + chapter.name) for depth, chapter in chapters.tree(in_use)
    ]
    return [("", empty), *indented]


@router.get("/admin/chapters")
def show(context: CurrentAdministrator, query: Annotated[ChapterQuery, Query()]) -> Response:
    """Show the tree, or what is searched for in it."""
    depths: dict[UUID, int] = {}
    counties: dict[UUID, str] = {}
    county, every = "", []
    for depth, chapter in chapters.tree(chapters_of(context).value):
        county = county if depth else chapter.name
        depths[chapter.id], counties[chapter.id] = depth, county
        every.append(chapter)
    return context.page(
        "administrator/chapters.html",
        query=query,
        chapters=chapter_list(every, query, lambda one: counties[one.id], context._("Other chapters")),
        depths=depths,
    )


@router.get("/admin/chapters/new")
def new(context: CurrentAdministrator, under: OptionalId = None) -> Response:
    """Show an empty form."""
    return _form(context, chapters_of(context).value, None, ChapterForm(parent_id=under))


@router.post("/admin/chapters/new")
def add(context: CurrentAdministrator, form: Annotated[ChapterForm, Form()]) -> Response:
    """Add a chapter."""
    placing = form.placing()
    errors = _faults(context, form)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            chapters.add(context.conn, placing)
    if errors:
        return _form(context, chapters_of(context).value, None, form, errors=errors)
    return context.redirect(_LIST, notice=context._("The chapter %(name)s is added.", name=placing.name))


@router.get("/admin/chapters/{chapter_id}")
def edit(context: CurrentAdministrator, chapter_id: UUID, draft: UUID | None = None) -> Response:
    """Show the form of a chapter, or the consequences of what was sent."""
    if form := drafted(context, draft, ChapterForm):
        return _change(context, chapter_id, form)
    every = chapters_of(context).value
    chapter = _find(every, chapter_id)
    return _form(context, every, chapter_id, opened(context, _form_of(chapter), chapter.version))


@router.post("/admin/chapters/{chapter_id}")
def change(context: CurrentAdministrator, chapter_id: UUID, form: Annotated[ChapterForm, Form()]) -> Response:
    """Rename or move a chapter, unless somebody else changed it meanwhile."""
    return retried(lambda: _change(context, chapter_id, form))


def _change(context: RequestContext, chapter_id: UUID, form: ChapterForm) -> Response:
    every = chapters_of(context).value
    if form.action == "edit":
        return _form(context, every, chapter_id, form)
    if errors := _faults(context, form):
        return _form(context, every, chapter_id, form, errors=errors)
    chapter = _find(every, chapter_id)
    names = {str(other.id): other.name for other in every}

    def write(name: str, value: Any) -> str:
        return names.get(value, "") if name == "parent_id" else str(value)

    now = merged(context, form, _form_of(chapter), chapter.version, labels=_LABELS, write=write)
    if now is not None:
        return _form(context, every, chapter_id, now.form, differences=now.differences)
    placing = form.placing()
    with field_errors(context, _REFUSALS) as errors, weighed_change(context, form.shown, placing) as result:
        changed = context.ahead(chapters.change, chapter, placing)
    if errors:
        return _form(context, every, chapter_id, form, errors=errors)
    changed.value  # noqa: B018 raises what was refused
    if not result.is_done:
        return preview_page(context, result, context._("Change the chapter"), "chapters", form)
    return context.redirect(_LIST, notice=context._("The chapter %(name)s is changed.", name=placing.name))


def _find(every: Sequence[Chapter], chapter_id: UUID) -> Chapter:
    for chapter in every:
        if chapter.id == chapter_id:
            return chapter
    raise MissingRightError


def _form_of(chapter: Chapter) -> ChapterForm:
    return ChapterForm(code=chapter.code, name=chapter.name, parent_id=chapter.parent_id)


def _form(
    context: RequestContext,
    every: Sequence[Chapter],
    chapter_id: UUID | None,
    form: ChapterForm,
    *,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    others = [chapter for chapter in every if chapter.id != chapter_id]
    return page_at_address(
        context,
        "administrator/chapter.html",
        status=409 if differences else 422 if errors else 200,
        differences=differences,
        chapter_id=chapter_id,
        form=form,
        errors=errors or {},
        # Without the chapter itself, those under it have no way to the top: they are no choice.
        parents=options(others, context._("None: at the top")),
    )

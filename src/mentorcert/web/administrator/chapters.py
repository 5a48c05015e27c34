"""Chapters: the tree, and adding, renaming and moving them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.errors import MissingRightError
from mentorcert.organisations import chapters
from mentorcert.organisations.chapters import Chapter
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import OptionalId

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
    "chapters_no_cycle": Refusal("parent_id", LazyText("A chapter cannot lie under itself.")),
    "chapters_parent_id_fkey": Refusal("parent_id", LazyText("Choose a chapter from the list.")),
}


class ChapterForm(BaseModel):
    """A chapter as its form sends it."""

    code: str = Field("", max_length=100)
    name: str = Field("", max_length=200)
    parent_id: OptionalId = None

    def stripped(self) -> "ChapterForm":
        """Return it without space around its texts."""
        return self.model_copy(update={"code": self.code.strip(), "name": self.name.strip()})


def chapters_of(context: RequestContext) -> list[Chapter]:
    """Return the chapters of the visitor's organisation by name."""
    return chapters.of_organisation(context.conn, context.member()[1].id)


def options(among: Sequence[Chapter], empty: str) -> list[tuple[str, str]]:
    """Return the options of a field, indented as the tree is; `empty` is what the empty one says."""
    indented = [
        (str(chapter.id), "\u2007\u2007" * depth + chapter.name) for depth, chapter in chapters.tree(among)
    ]
    return [("", empty), *indented]


@router.get("/admin/chapters")
def show(context: CurrentAdministrator) -> Response:
    """Show the tree."""
    return context.page("administrator/chapters.html", chapters=list(chapters.tree(chapters_of(context))))


@router.get("/admin/chapters/new")
def new(context: CurrentAdministrator, under: OptionalId = None) -> Response:
    """Show an empty form."""
    return _form(context, None, ChapterForm(parent_id=under))


@router.post("/admin/chapters/new")
def add(context: CurrentAdministrator, form: Annotated[ChapterForm, Form()]) -> Response:
    """Add a chapter."""
    chapter = form.stripped()
    with field_errors(context, _REFUSALS) as errors:
        chapters.add(context.conn, **chapter.model_dump())
    if errors:
        return _form(context, None, form, errors)
    return context.redirect(_LIST, notice=context._("The chapter %(name)s is added.", name=chapter.name))


@router.get("/admin/chapters/{chapter_id}")
def edit(context: CurrentAdministrator, chapter_id: UUID) -> Response:
    """Show the form of a chapter."""
    for chapter in chapters_of(context):
        if chapter.id == chapter_id:
            form = ChapterForm(code=chapter.code, name=chapter.name, parent_id=chapter.parent_id)
            return _form(context, chapter_id, form)
    raise MissingRightError


@router.post("/admin/chapters/{chapter_id}")
def change(context: CurrentAdministrator, chapter_id: UUID, form: Annotated[ChapterForm, Form()]) -> Response:
    """Rename or move a chapter."""
    chapter = form.stripped()
    with field_errors(context, _REFUSALS) as errors:
        chapters.change(context.conn, chapter_id, **chapter.model_dump())
    if errors:
        return _form(context, chapter_id, form, errors)
    return context.redirect(_LIST, notice=context._("The chapter %(name)s is changed.", name=chapter.name))


def _form(
    context: RequestContext,
    chapter_id: UUID | None,
    form: ChapterForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    others = [chapter for chapter in chapters_of(context) if chapter.id != chapter_id]
    return context.page(
        "administrator/chapter.html",
        status=422 if errors else 200,
        chapter_id=chapter_id,
        form=form,
        errors=errors or {},
        # Without the chapter itself, those under it have no way to the top: they are no choice.
        parents=options(others, context._("None: at the top")),
    )

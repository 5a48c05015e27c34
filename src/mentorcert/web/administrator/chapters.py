"""Chapters: the tree, and adding, renaming and moving them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.errors import MissingRightError
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.fields import OptionalId
from mentorcert.web.administrator.queries import Refusal, attempt, require_one, rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_LIST: Final = "/admin/chapters"

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "chapters_organisation_id_code_key": Refusal(
        "code", LazyText("There is a chapter with this code already.")
    ),
    "chapters_code_valid": Refusal("code", LazyText("A code has no spaces, and none of | ; and ,.")),
    "chapters_name_valid": Refusal("name", LazyText("A name is one line, without |.")),
    "chapters_no_cycle": Refusal("parent_id", LazyText("A chapter cannot lie under itself.")),
    "chapters_parent_id_fkey": Refusal("parent_id", LazyText("Choose a chapter from the list.")),
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter; without a parent it is at the top."""

    id: UUID
    parent_id: UUID | None
    code: str
    name: str


class ChapterForm(BaseModel):
    """A chapter as its form sends it."""

    code: str = Field("", max_length=100)
    name: str = Field("", max_length=200)
    parent_id: OptionalId = None


def chapters_of(context: RequestContext) -> list[Chapter]:
    """Return the chapters of the visitor's organisation by name."""
    return rows(context.conn, Chapter, _QUERIES.chapters.sql, organisation_id=context.member()[1].id)


def tree(chapters: list[Chapter]) -> Iterator[tuple[int, Chapter]]:
    """Yield each chapter with its depth, and after it those under it."""
    below = defaultdict(list)
    for chapter in chapters:
        below[chapter.parent_id].append(chapter)
    waiting = [(0, chapter) for chapter in reversed(below[None])]
    while waiting:
        depth, chapter = waiting.pop()
        yield depth, chapter
        waiting += [(depth + 1, under) for under in reversed(below[chapter.id])]


def choices(chapters: list[Chapter], nothing: str) -> list[tuple[str, str]]:
    """Return the options of a field; `nothing` is what the empty one says."""
    indented = [(str(chapter.id), "\u2007\u2007" * depth + chapter.name) for depth, chapter in tree(chapters)]
    return [("", nothing), *indented]


@router.get("/admin/chapters")
def show(context: CurrentAdministrator) -> Response:
    """Show the tree."""
    context.record_rows({context.member()[1].id})
    return context.page("administrator/chapters.html", chapters=list(tree(chapters_of(context))))


@router.get("/admin/chapters/new")
def new(context: CurrentAdministrator, under: OptionalId = None) -> Response:
    """Show an empty form."""
    return _form(context, None, ChapterForm(parent_id=under))


@router.post("/admin/chapters/new")
def add(context: CurrentAdministrator, form: Annotated[ChapterForm, Form()]) -> Response:
    """Add a chapter."""
    errors = attempt(context, _REFUSALS, lambda: _QUERIES.add(context.conn, **_values(form)))
    if errors:
        return _form(context, None, form, errors)
    return context.redirect(_LIST, notice=context._("The chapter %(name)s is added.", name=form.name.strip()))


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
    errors = attempt(
        context, _REFUSALS, lambda: require_one(_QUERIES.change(context.conn, id=chapter_id, **_values(form)))
    )
    if errors:
        return _form(context, chapter_id, form, errors)
    return context.redirect(
        _LIST, notice=context._("The chapter %(name)s is changed.", name=form.name.strip())
    )


def _values(form: ChapterForm) -> dict[str, object]:
    return {"code": form.code.strip(), "name": form.name.strip(), "parent_id": form.parent_id}


def _form(
    context: RequestContext,
    chapter_id: UUID | None,
    form: ChapterForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    context.record_rows({context.member()[1].id})
    others = [chapter for chapter in chapters_of(context) if chapter.id != chapter_id]
    return context.page(
        "administrator/chapter.html",
        status=422 if errors else 200,
        chapter_id=chapter_id,
        form=form,
        errors=errors or {},
        # Without the chapter itself, those under it have no way to the top: they are no choice.
        parents=choices(others, context._("None: at the top")),
    )

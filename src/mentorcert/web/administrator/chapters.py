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
from mentorcert.web.administrator.fields import OptionalId
from mentorcert.web.administrator.queries import Refusal, attempt, require_one, rows
from mentorcert.web.visit import Administrator, Visit
from mentorcert.wording import Sentence

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_LIST: Final = "/admin/chapters"

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "chapters_organisation_id_code_key": Refusal(
        "code", Sentence("There is a chapter with this code already.")
    ),
    "chapters_code_valid": Refusal("code", Sentence("A code has no spaces, and none of | ; and ,.")),
    "chapters_name_valid": Refusal("name", Sentence("A name is one line, without |.")),
    "chapters_no_cycle": Refusal("parent_id", Sentence("A chapter cannot lie under itself.")),
    "chapters_parent_id_fkey": Refusal("parent_id", Sentence("Choose a chapter from the list.")),
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


def chapters_of(visit: Visit) -> list[Chapter]:
    """Return the chapters of the visitor's organisation by name."""
    return rows(visit.conn, Chapter, _QUERIES.chapters.sql, organisation_id=visit.member()[1].id)


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
def show(visit: Administrator) -> Response:
    """Show the tree."""
    visit.saw({visit.member()[1].id})
    return visit.page("administrator/chapters.html", chapters=list(tree(chapters_of(visit))))


@router.get("/admin/chapters/new")
def new(visit: Administrator, under: OptionalId = None) -> Response:
    """Show an empty form."""
    return _form(visit, None, ChapterForm(parent_id=under))


@router.post("/admin/chapters/new")
def add(visit: Administrator, form: Annotated[ChapterForm, Form()]) -> Response:
    """Add a chapter."""
    errors = attempt(visit, _REFUSALS, lambda: _QUERIES.add(visit.conn, **_values(form)))
    if errors:
        return _form(visit, None, form, errors)
    return visit.redirect(_LIST, notice=visit._("The chapter %(name)s is added.", name=form.name.strip()))


@router.get("/admin/chapters/{chapter_id}")
def edit(visit: Administrator, chapter_id: UUID) -> Response:
    """Show the form of a chapter."""
    for chapter in chapters_of(visit):
        if chapter.id == chapter_id:
            form = ChapterForm(code=chapter.code, name=chapter.name, parent_id=chapter.parent_id)
            return _form(visit, chapter_id, form)
    raise MissingRightError


@router.post("/admin/chapters/{chapter_id}")
def change(visit: Administrator, chapter_id: UUID, form: Annotated[ChapterForm, Form()]) -> Response:
    """Rename or move a chapter."""
    errors = attempt(
        visit, _REFUSALS, lambda: require_one(_QUERIES.change(visit.conn, id=chapter_id, **_values(form)))
    )
    if errors:
        return _form(visit, chapter_id, form, errors)
    return visit.redirect(_LIST, notice=visit._("The chapter %(name)s is changed.", name=form.name.strip()))


def _values(form: ChapterForm) -> dict[str, object]:
    return {"code": form.code.strip(), "name": form.name.strip(), "parent_id": form.parent_id}


def _form(
    visit: Visit, chapter_id: UUID | None, form: ChapterForm, errors: Mapping[str, str] | None = None
) -> Response:
    visit.saw({visit.member()[1].id})
    others = [chapter for chapter in chapters_of(visit) if chapter.id != chapter_id]
    return visit.page(
        "administrator/chapter.html",
        status=422 if errors else 200,
        chapter_id=chapter_id,
        form=form,
        errors=errors or {},
        # Without the chapter itself, those under it have no way to the top: they are no choice.
        parents=choices(others, visit._("None: at the top")),
    )

"""Signing people up for a course, and taking them off."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.certifications import mentor_list
from mentorcert.certifications.mentor_list import MentorFilters, Standing
from mentorcert.courses import courses, sign_ups
from mentorcert.courses.courses import Course
from mentorcert.db.rows import Answer, mapped_errors
from mentorcert.errors import CourseSettledError, MissingRightError, TransitionError
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.chapter_choices import chapter_choice
from mentorcert.web.coordinator.courses import course_page
from mentorcert.web.coordinator.display_names import Names, names_of
from mentorcert.web.coordinator.list_query import TypeCode
from mentorcert.web.course_words import course_name
from mentorcert.web.fields import Maybe, MaybeChosen, OptionalId, SearchText
from mentorcert.web.page_form import PageForm

router = APIRouter()

_SIZE: Final = 50


class PeopleQuery(PageForm):
    """Who is looked for: by name, chapter, or how they stand with the first certification of the course."""

    q: SearchText = None
    chapter: OptionalId = None
    chapter_name: SearchText = None
    standing: MaybeChosen[Standing] = None
    type: TypeCode = None
    after: Maybe[str] = None


class PeopleForm(PageForm):
    """Who is signed up."""

    id: Annotated[list[UUID], Field(max_length=_SIZE)] = Field(default_factory=list)


@router.get("/courses/{course_id}/people")
def ask(context: CurrentCoordinator, course_id: UUID, query: Annotated[PeopleQuery, Query()]) -> Response:
    """Show whom the visitor can sign up, and what each lacks."""
    return _page(context, course_id, query)


@router.post("/courses/{course_id}/people")
def sign_up(context: CurrentCoordinator, course_id: UUID, form: Annotated[PeopleForm, Form()]) -> Response:
    """Sign them up; where no seat is free they wait."""
    if not form.id:
        error = context._("Tick at least one person.")
        return _page(context, course_id, PeopleQuery(), {"id": error})
    sent = names_of(context), context.ahead(courses.get, course_id)
    try:
        with mapped_errors(), context.conn.transaction():
            states = sign_ups.sign_up_people(context.conn, course_id, form.id)
    except CourseSettledError:
        return course_page(context, course_id, is_settled=True)
    except MissingRightError:
        error = context._(
            "The course is not for one of them: they are in no chapter of it. Nobody was signed up."
        )
        return _page(context, course_id, PeopleQuery(), {"id": error}, sent=sent)
    seated, waiting = states.count("seated"), states.count("waiting")
    said = [
        context.ngettext("%(num)s person has a seat.", "%(num)s people have a seat.", seated)
        if seated
        else "",
        context.ngettext("%(num)s person waits.", "%(num)s people wait.", waiting) if waiting else "",
    ]
    notice = " ".join(filter(None, said)) or context._("They are signed up already.")
    return context.redirect(f"/courses/{course_id}", notice=notice)


@router.post("/courses/{course_id}/people/{peer_mentor_id}/withdraw")
def take_off(context: CurrentCoordinator, course_id: UUID, peer_mentor_id: UUID) -> Response:
    """Take somebody off the list; the seat goes to the first who waits."""
    try:
        with mapped_errors(), context.conn.transaction():
            sign_ups.withdraw(context.conn, course_id, peer_mentor_id)
    except TransitionError:
        return course_page(context, course_id, is_settled=True)
    return context.redirect(
        f"/courses/{course_id}",
        notice=context._("The person is off the list. A seat that became free went to the first who waited."),
    )


def _page(
    context: RequestContext,
    course_id: UUID,
    query: PeopleQuery,
    errors: Mapping[str, str] | None = None,
    *,
    sent: tuple[Names, Answer[Course]] | None = None,
) -> Response:
    names, sent_course = sent or (names_of(context), context.ahead(courses.get, course_id))
    signed_up = context.ahead(sign_ups.of_course, course_id)
    course = sent_course.value
    if course.state != "planned":
        return course_page(context, course_id, is_settled=True)
    chapters = chapter_choice(context, names, query)
    wrong = {**query.faults(context), **chapters.errors, **(errors or {})}
    chapter = chapters.found or query.chapter
    filters = MentorFilters(
        query=query.q,
        chapter_id=UUID(str(chapter)) if chapter else None,
        standing=query.standing if query.type else None,
        certification_type=query.type if query.standing else None,
        on_day=course.days[0],
    )
    page = mentor_list.page(context.conn, filters, after=query.after, size=_SIZE)
    ids = [mentor.id for mentor in page.rows]
    lacking: dict[UUID, list[str]] = {}
    if course.required_types and ids:
        for one in sign_ups.missing(context.conn, course_id, ids):
            lacking.setdefault(one.peer_mentor_id, []).append(one.certification_type)
    return context.page(
        "coordinator/course_people.html",
        status=422 if wrong else 200,
        course=course,
        course_name=course_name,
        query=query,
        errors=wrong,
        chapters=chapters,
        standings=_standings(context, names, course),
        mentors=page.rows,
        next=page.next,
        signed_up={one.peer_mentor_id: one.state for one in signed_up.value if one.state != "withdrawn"},
        lacking=lacking,
        names=names,
    )


def _standings(context: RequestContext, names: Names, course: Course) -> list[tuple[str, str, str]]:
    """Return links to those whom the course may concern: the type, the standing, and what it is called."""
    return [
        (code, standing, text)
        for code in course.types
        for standing, text in (
            ("held", context._("Hold %(type)s", type=names.type(code))),
            ("lapsed", context._("%(type)s will have ended by then", type=names.type(code))),
            ("never", context._("Never held %(type)s", type=names.type(code))),
        )
    ]

"""Courses: which there are, and the page of each with who is signed up; cancelling one, and opening it again."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.courses import closing, courses, sign_ups
from mentorcert.courses.courses import Course
from mentorcert.courses.sign_ups import SignUp
from mentorcert.errors import CourseSettledError, MissingRightError, StaleVersionError
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, today_of
from mentorcert.web.course_words import KINDS, STATES, course_name
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Note
from mentorcert.web.mentor.courses import calendar_answer
from mentorcert.web.page_form import PageForm

router = APIRouter()

_PAST: Final = timedelta(days=365)
_NEEDED: Final = LazyText("Say why. Those who are signed up read it.")
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_reason_required": Refusal("reason", _NEEDED),
    "courses_reason_valid": Refusal("reason", _NEEDED),
    "courses_reason_length": too_long("reason"),
    "courses_reason_characters": unreadable("reason"),
}


class CoursesQuery(PageForm):
    """The courses of a year; without one, those to come and of the last twelve months."""

    year: Annotated[int | None, Field(ge=1900, le=2199)] = None


class CancelForm(PageForm):
    """Why a course is cancelled, or opened again, and which version was seen."""

    reason: Note = None
    version: int


@router.get("/courses")
def show_all(context: CurrentCoordinator, query: Annotated[CoursesQuery, Query()]) -> Response:
    """Show the courses: what waits to be closed, what comes, and what has been."""
    today = today_of(context)
    names = names_of(context)
    since, until = today - _PAST, None
    if query.year is not None:
        since, until = today.replace(query.year, 1, 1), today.replace(query.year, 12, 31)
    found = courses.between(context.conn, since, until)
    planned = [one for one in found if one.state == "planned"]
    settled = sorted((one for one in found if one.state != "planned"), key=lambda one: one.days, reverse=True)
    return context.page(
        "coordinator/courses.html",
        to_close=[one for one in planned if one.days[-1] <= today and one.may_manage],
        coming=[one for one in planned if one.days[-1] > today or not one.may_manage],
        held=[one for one in settled if one.state == "closed"],
        cancelled=[one for one in settled if one.state == "cancelled"],
        is_cut=len(found) == courses.MOST,
        year=query.year,
        this_year=today.year,
        names=names,
        course_name=course_name,
        kinds=KINDS,
        may_plan="org_admin" in context.roles or any(one.is_coordinated for one in names.open_chapters),
    )


@router.get("/courses/{course_id}.ics")
def download(context: CurrentCoordinator, course_id: UUID) -> Response:
    """Answer with a course as a calendar file."""
    return calendar_answer(context, course_id)


@router.get("/courses/{course_id}")
def show(context: CurrentCoordinator, course_id: UUID) -> Response:
    """Show a course, its seats, and who is signed up."""
    return course_page(context, course_id)


@router.get("/courses/{course_id}/cancel")
def ask_cancel(context: CurrentCoordinator, course_id: UUID) -> Response:
    """Show whom it concerns, and ask why."""
    course = managed(context, course_id)
    return _cancellation(context, course, CancelForm(version=course.version))


@router.post("/courses/{course_id}/cancel")
def cancel(context: CurrentCoordinator, course_id: UUID, form: Annotated[CancelForm, Form()]) -> Response:
    """Cancel it, if it is as it was seen."""
    is_stale = False
    if not (errors := form.faults(context)):
        try:
            with field_errors(context, _REFUSALS) as errors:
                courses.cancel(context.conn, course_id, form.reason or "", version=form.version)
        except StaleVersionError:
            is_stale = True
        except CourseSettledError:
            return course_page(context, course_id, is_settled=True)
    if errors or is_stale:
        course = managed(context, course_id)
        return _cancellation(context, course, form, errors, is_stale=is_stale)
    return context.redirect(
        f"/courses/{course_id}",
        notice=context._("The course was cancelled. Those who are signed up get a mail."),
    )


@router.post("/courses/{course_id}/open")
def open_again(context: CurrentCoordinator, course_id: UUID, form: Annotated[CancelForm, Form()]) -> Response:
    """Open a closed course that changed no certification; what changed some is undone as a whole."""
    if not (errors := form.faults(context)):
        try:
            with field_errors(context, _REFUSALS) as errors:
                closing.reopen(context.conn, course_id, form.reason or "")
        except CourseSettledError:
            return course_page(context, course_id, is_settled=True)
    if errors:
        return course_page(context, course_id, form=form, errors=errors)
    return context.redirect(f"/courses/{course_id}", notice=context._("The course is open again."))


def managed(context: RequestContext, course_id: UUID) -> Course:
    """Return a course that the visitor manages; raises MissingRightError for all others."""
    course = courses.get(context.conn, course_id)
    if not course.may_manage:
        raise MissingRightError
    return course


def out_of_reach(course: Course, signed_up: Sequence[SignUp]) -> int:
    """Return how many have a seat whom the visitor does not see."""
    return max(0, course.seated - sum(one.state == "seated" for one in signed_up))


def course_page(
    context: RequestContext,
    course_id: UUID,
    *,
    form: CancelForm | None = None,
    errors: Mapping[str, str] | None = None,
    refusal: str = "",
    is_settled: bool = False,
) -> Response:
    """Answer with the page of a course, and what was refused there."""
    names = names_of(context)
    signed_up = context.ahead(sign_ups.of_course, course_id)
    course = courses.get(context.conn, course_id)
    today = today_of(context)
    people = {
        state: [one for one in signed_up.value if one.state == state]
        for state in ("seated", "unannounced", "waiting", "withdrawn")
    }
    return context.page(
        "coordinator/course.html",
        status=409 if is_settled else 422 if errors or refusal else 200,
        course=course,
        people=people,
        out_of_reach=out_of_reach(course, signed_up.value),
        names=names,
        course_name=course_name,
        kinds=KINDS,
        states=STATES,
        form=form or CancelForm(version=course.version),
        errors=errors or {},
        refusal=refusal,
        is_settled=is_settled,
        has_begun=today >= course.days[0],
        is_over=today >= course.days[-1],
        time_zone=names.time_zone,
    )


def _cancellation(
    context: RequestContext,
    course: Course,
    form: CancelForm,
    errors: Mapping[str, str] | None = None,
    *,
    is_stale: bool = False,
) -> Response:
    return context.page(
        "coordinator/course_cancellation.html",
        status=409 if is_stale else 422 if errors else 200,
        course=course,
        course_name=course_name,
        form=form.model_copy(update={"version": course.version}),
        errors=errors or {},
        is_stale=is_stale,
    )

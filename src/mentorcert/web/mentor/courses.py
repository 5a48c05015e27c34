"""Courses for me: what each renews, whether I can sign up, and my place on its waiting list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.certifications import own
from mentorcert.certifications.own import OwnCertification
from mentorcert.courses import calendar, courses, sign_ups
from mentorcert.courses.courses import Course
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import (
    CourseSettledError,
    DuplicateError,
    InvalidArgumentError,
    PrerequisitesMissingError,
    TransitionError,
)
from mentorcert.web.context import CurrentMember, RequestContext
from mentorcert.web.coordinator.display_names import names_of, today_of
from mentorcert.web.course_words import KINDS, course_name
from mentorcert.web.mentor import calendar_file

router = APIRouter()

_PAST: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class CourseForMe:
    """A course, what it gives with what I hold of it, and what I lack to sign up."""

    course: Course
    held: Sequence[tuple[str, OwnCertification | None]]
    missing: Sequence[str]

    @property
    def renews_nothing(self) -> bool:
        """Whether it is a refresher of what I do not hold."""
        return self.course.kind == "refresher" and not any(held for _, held in self.held)


@router.get("/me/courses")
def show(context: CurrentMember) -> Response:
    """Show the courses to come, those for which I am signed up first, and those that I attended."""
    return _page(context)


@router.post("/me/courses/{course_id}/sign-up")
def sign_up(context: CurrentMember, course_id: UUID) -> Response:
    """Sign me up; without a free seat I wait."""
    try:
        with mapped_errors(), context.conn.transaction():
            state = sign_ups.sign_up(context.conn, course_id)
    except PrerequisitesMissingError:
        return _page(context, context._("You lack something that must be held before the course."))
    except (CourseSettledError, DuplicateError, InvalidArgumentError):
        return _page(
            context, context._("The course was changed since you opened the page. Here it is as it is now.")
        )
    notice = (
        context._("You are signed up.")
        if state == "seated"
        else context._(
            "The course is full: you are on the waiting list. You get a mail when a seat becomes free."
        )
    )
    return context.redirect("/me/courses", notice=notice)


@router.post("/me/courses/{course_id}/withdraw")
def withdraw(context: CurrentMember, course_id: UUID) -> Response:
    """Withdraw my sign-up."""
    try:
        with mapped_errors(), context.conn.transaction():
            sign_ups.withdraw(context.conn, course_id)
    except (TransitionError, InvalidArgumentError):
        return _page(
            context, context._("The course was changed since you opened the page. Here it is as it is now.")
        )
    return context.redirect("/me/courses", notice=context._("You are not signed up any more."))


@router.get("/me/courses/{course_id}.ics")
def download(context: CurrentMember, course_id: UUID) -> Response:
    """Answer with a course as a calendar file."""
    return calendar_answer(context, course_id)


def calendar_answer(context: RequestContext, course_id: UUID) -> Response:
    """Answer with a course that the visitor sees, for a calendar."""
    _, organisation = context.member()
    course = courses.get(context.conn, course_id)
    return Response(
        calendar_file.write(
            [],
            organisation.name,
            organisation.time_zone,
            context.language,
            courses=[calendar.entry_of(course)],
        ),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="course.ics"'},
    )


def _page(context: RequestContext, refusal: str = "") -> Response:
    _, organisation = context.member()
    names = names_of(context)
    today = today_of(context)
    sent = context.ahead(courses.between, today - _PAST)
    missing = context.ahead(sign_ups.own_missing, today)
    certifications = context.ahead(own.certifications, organisation.time_zone)
    if own.peer_mentor(context.conn) is None:
        return context.page("mentor/nobody.html")
    found = sent.value
    lacking = missing.value
    coming = [one for one in found if one.days[-1] >= today and one.state != "closed"]
    held = {one.certification_type: one for one in certifications.value}
    mine = [one for one in coming if one.own_state in ("seated", "waiting")]
    others = [_of_mine(one, held, lacking.get(one.id, [])) for one in coming if one.may_sign_up]
    attended = [one for one in found if one.own_attendance == "attended"]
    return context.page(
        "mentor/courses.html",
        status=422 if refusal else 200,
        mine=[_of_mine(one, held, []) for one in mine],
        others=others,
        attended=list(reversed(attended)),
        refusal=refusal,
        today=today,
        names=names,
        course_name=course_name,
        kinds=KINDS,
    )


def _of_mine(course: Course, held: Mapping[str, OwnCertification], missing: Sequence[str]) -> CourseForMe:
    return CourseForMe(course, [(code, held.get(code)) for code in course.types], missing)

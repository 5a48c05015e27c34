"""Closing a course: what each who attended gets, who gets nothing and why, and then the closing itself."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.courses import closing, courses, sign_ups
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import (
    CourseOutcomesChangedError,
    CourseSettledError,
    DatabaseError,
    MissingRightError,
)
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.courses import course_page
from mentorcert.web.coordinator.display_names import names_of
from mentorcert.web.coordinator.preview import Step
from mentorcert.web.course_words import course_name
from mentorcert.web.page_form import PageForm

router = APIRouter()

_REFUSALS: Final = {
    "course_not_over": LazyText("The course is not over yet: it is closed from its last day on."),
    "course_too_large": LazyText(
        "A course certifies at most 5,000 at once. Plan another one for some of those who attended."
    ),
    "course_attendance_in_reach": LazyText(
        "Somebody who attended is in no chapter of yours: an administrator closes the course."
    ),
}
REASONS: Final = {
    "peer_mentor_left": LazyText("Has left by the last day of the course."),
    "course_prerequisites_held": LazyText("Does not hold what the course asks for."),
    "certification_type_retired": LazyText("The certification is not given any more."),
    "course_refresher_renews": LazyText("Does not hold it: a refresher renews only what is held."),
    "certification_outdated_course": LazyText(
        "Ended too long ago for a refresher: the whole course is needed."
    ),
    "certification_outdated_registration": LazyText("Ended too long ago: it is registered again."),
}


class CloseForm(PageForm):
    """What was shown of the closing."""

    step: Step = "confirm"
    shown: str = ""


@router.get("/courses/{course_id}/close")
def ask(context: CurrentCoordinator, course_id: UUID) -> Response:
    """Show each result, and who gets nothing; nothing is changed."""
    return _page(context, course_id)


@router.post("/courses/{course_id}/close")
def close(context: CurrentCoordinator, course_id: UUID, form: Annotated[CloseForm, Form()]) -> Response:
    """Close it, if it would still give what was shown."""
    context.raise_statement_timeout()
    try:
        with mapped_errors(), context.conn.transaction():
            number = closing.close(context.conn, course_id, form.shown or None)
    except CourseOutcomesChangedError:
        return _page(context, course_id, is_stale=True)
    except CourseSettledError:
        return course_page(context, course_id, is_settled=True)
    return context.redirect(
        f"/courses/{course_id}",
        notice=context.ngettext(
            "The course is closed: %(num)s certification was issued or renewed.",
            "The course is closed: %(num)s certifications were issued or renewed.",
            number,
        ),
    )


def _page(context: RequestContext, course_id: UUID, *, is_stale: bool = False) -> Response:
    names = names_of(context)
    signed_up = context.ahead(sign_ups.of_course, course_id)
    sent = context.ahead(courses.get, course_id)
    outcomes: list[closing.ClosingOutcome] = []
    error: DatabaseError | None = None
    try:
        with mapped_errors(), context.conn.transaction():
            outcomes = list(closing.preview(context.conn, course_id))
    except DatabaseError as raised:
        error = raised
    course = sent.value
    if not course.may_manage:
        raise MissingRightError
    if course.state != "planned":
        return course_page(context, course_id, is_settled=True)
    if error and error.constraint not in _REFUSALS:
        raise error
    refusal = context._(_REFUSALS[error.constraint or ""]) if error else ""
    refused = [one for one in outcomes if one.outcome == "refused"]
    return context.page(
        "coordinator/course_closing.html",
        status=422 if refusal else 409 if is_stale else 200,
        course=course,
        course_name=course_name,
        names=names,
        given=[one for one in outcomes if one.outcome in ("issue", "renew", "reinstate")],
        unchanged=[one for one in outcomes if one.outcome == "unchanged"],
        refused=refused,
        reasons={
            name: context._(REASONS.get(name, LazyText("A rule of the registry is against it.")))
            for name in {one.refusal or "" for one in refused}
        },
        absent=[one for one in signed_up.value if one.state == "seated" and one.attendance != "attended"],
        shown=closing.fingerprint(outcomes) or "",
        refusal=refusal,
        is_stale=is_stale,
    )

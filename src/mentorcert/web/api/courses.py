"""Courses: planned, signed up for, attended, and closed by certifying who attended."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications.history import Status
from mentorcert.courses import closing, courses, sign_ups
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.changes import of_a_visible_row
from mentorcert.web.api.fields import Day, Id, Remark
from mentorcert.web.api.operation import ADDING, API, LISTING, READING, Operation, bearer

router = APIRouter(prefix=API, tags=["courses"], route_class=Operation, dependencies=[bearer])

_VERSION: Final = Field(None, description="The version that was read: another one is not changed (PT409).")
_TEXT: Final = r"^[^\x00]*$"
_MOST_PEOPLE: Final = 5000
_Code = Annotated[str, Field(pattern=_TEXT)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CourseDay(_Body):
    """A day, and from when to when by the organisation's clock."""

    day: Day
    starts: time | None = Field(None, examples=["10:00"])
    ends: time | None = Field(None, examples=["16:00"])


class Plan(_Body):
    """What is written of a course, as a whole."""

    kind: courses.Kind = Field(
        description="`course` gives a first certification too; `refresher` renews what is held."
    )
    name_nb: str = Field(max_length=200, pattern=_TEXT, examples=["Grunnkurs i Midtvik"])
    name_en: str | None = Field(None, max_length=200, pattern=_TEXT)
    types: list[_Code] = Field(max_length=20, description="The codes of the types that it gives or renews.")
    required_types: list[_Code] = Field(
        [],
        max_length=20,
        description="What must be held, valid: on the first day to sign up, on the last to be certified.",
    )
    chapter_ids: list[UUID] = Field(
        [],
        max_length=500,
        description="For whom it is, with the chapters below; none: the whole organisation.",
    )
    days: list[CourseDay] = Field(min_length=1, max_length=20, description="In their order.")
    place: str | None = Field(None, max_length=200, pattern=_TEXT)
    link: str | None = Field(
        None, max_length=500, pattern=_TEXT, description="Where it is held online, or its page."
    )
    seats: int | None = Field(None, ge=1, le=5000, description="`null`: as many as come.")
    responsible_id: UUID | None = Field(
        None, description="A coordinator or administrator; by default who plans it."
    )
    note: str | None = Field(None, max_length=2000, pattern=_TEXT)

    def written(self) -> courses.Plan:
        """Return it for the registry."""
        days = [courses.CourseDay(each.day, each.starts, each.ends) for each in self.days]
        fields = {
            name: getattr(self, name) for name in type(self).model_fields if name not in {"days", "version"}
        }
        return courses.Plan(**fields, days=days)


class Change(Plan):
    """All that is written of the course, once more."""

    version: int | None = _VERSION


class Course(BaseModel):
    """A course, and the caller's own sign-up for it."""

    id: UUID
    kind: courses.Kind
    name_nb: str
    name_en: str | None
    types: list[str]
    required_types: list[str]
    chapter_ids: list[UUID]
    days: list[CourseDay]
    place: str | None
    link: str | None
    seats: int | None
    seated: int = Field(description="How many have a seat.")
    waiting: int
    responsible_id: UUID | None
    responsible: str | None
    note: str | None
    state: courses.State
    reason: str | None = Field(description="Why it was cancelled.")
    settled_at: datetime | None
    own_state: courses.SignUpState | None
    own_place: int | None = Field(description="Your place on the waiting list.")
    own_attendance: courses.Attendance | None
    may_sign_up: bool
    may_manage: bool
    version: int

    @classmethod
    def of(cls, row: courses.Course) -> Self:
        """Return a row as the API shows it."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name not in {"days", "settled_at"}}
        return cls(
            **fields,
            days=[CourseDay(day=each.day, starts=each.starts, ends=each.ends) for each in row.schedule],
            settled_at=row.settled_at.astimezone(UTC) if row.settled_at else None,
        )


class Courses(BaseModel):
    """Courses, the earliest first."""

    items: list[Course]


class Cancellation(_Body):
    """Why it is cancelled; who is signed up reads it."""

    reason: Remark
    version: int | None = _VERSION


class SignUp(BaseModel):
    """Who has a seat, waits, came or withdrew."""

    id: UUID
    peer_mentor_id: UUID
    full_name: str
    state: courses.SignUpState = Field(description="`unannounced`: came without having signed up.")
    place: int | None = Field(description="On the waiting list.")
    attendance: courses.Attendance | None
    missing: list[str] = Field(
        description="The types that the course requires and the person does not hold, valid."
    )
    is_own: bool
    by_peer_mentor: bool = Field(description="Whether the person signed up, and no coordinator.")
    signed_up_at: datetime

    @classmethod
    def of(cls, row: sign_ups.SignUp) -> Self:
        """Return a row as the API shows it."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "signed_up_at"}
        return cls(**fields, signed_up_at=row.signed_up_at.astimezone(UTC))


class SignUps(BaseModel):
    """Those within your reach, and your own."""

    items: list[SignUp]


class Person(_Body):
    """Whom it is about; `{}` is you."""

    peer_mentor_id: UUID | None = None


class SignedUp(BaseModel):
    """Whether there was a seat."""

    state: courses.SignUpState


class Attendance(_Body):
    """Who attended (also without having signed up), was absent, or neither."""

    attended: list[UUID] = Field([], max_length=_MOST_PEOPLE)
    absent: list[UUID] = Field([], max_length=_MOST_PEOPLE)
    unset: list[UUID] = Field([], max_length=_MOST_PEOPLE)


class Changed(BaseModel):
    """How many were changed."""

    changed: int


class ClosingResult(BaseModel):
    """What closing gives somebody of one type."""

    peer_mentor_id: UUID
    full_name: str
    certification_type: str
    certification_id: UUID | None
    outcome: closing.Outcome = Field(
        description="`reinstate`: the course gave it before it was opened again; `unchanged`: issued or renewed since."
    )
    refusal: str | None = Field(description="The rule against it.")
    last_valid_day: date | None
    status: Status | None = Field(
        description="What it is then: what is renewed while suspended stays suspended."
    )


class Closing(BaseModel):
    """What closing the course gives; `fingerprint` is what `close_course` takes."""

    items: list[ClosingResult]
    fingerprint: str | None = Field(description="`null` where nobody attended.")


class Confirmation(_Body):
    """The fingerprint of what was previewed."""

    fingerprint: str | None = Field(max_length=64, pattern=_TEXT)


class Reopening(_Body):
    """Why, and whether what was changed since is left out."""

    reason: Remark
    leaves_out: bool = False


@router.get("/courses", operation_id="list_courses", responses=LISTING)
def list_courses(
    context: ApiMember,
    since: Annotated[Day | None, Query(description="Held on this day or later.")] = None,
    until: Annotated[Day | None, Query(description="Held on this day or before.")] = None,
) -> Courses:
    """List the courses for your chapters (as administrator: all), the earliest first; the first 200."""
    return Courses(items=[Course.of(row) for row in courses.between(context.conn, since, until)])


@router.get("/courses/{course_id}", operation_id="get_course", responses=READING)
def get_course(context: ApiMember, course_id: Id) -> Course:
    """Read one of them."""
    return Course.of(courses.get(context.conn, course_id))


@router.post("/courses", operation_id="plan_course", status_code=201, responses=ADDING)
def plan_course(context: ApiMember, plan: Plan) -> Course:
    """Plan a course, of chapters that you coordinate or as administrator."""
    with of_a_visible_row():
        course_id = courses.plan(context.conn, plan.written())
    return Course.of(courses.get(context.conn, course_id))


@router.post("/courses/{course_id}/change", operation_id="change_course", responses=ADDING)
def change_course(context: ApiMember, course_id: Id, change: Change) -> Course:
    """Write a planned course once more, as a whole; more seats are taken by who waits."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        courses.change(context.conn, course_id, change.written(), version=change.version)
        return Course.of(courses.get(context.conn, course_id))


@router.post("/courses/{course_id}/cancel", operation_id="cancel_course", responses=ADDING)
def cancel_course(context: ApiMember, course_id: Id, cancellation: Cancellation) -> Course:
    """Cancel a planned course."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        courses.cancel(context.conn, course_id, cancellation.reason, version=cancellation.version)
        return Course.of(courses.get(context.conn, course_id))


@router.get("/courses/{course_id}/sign-ups", operation_id="list_course_sign_ups", responses=READING)
def list_course_sign_ups(context: ApiMember, course_id: Id) -> SignUps:
    """List who is signed up, of people within your reach, and you."""
    courses.get(context.conn, course_id)
    return SignUps(items=[SignUp.of(row) for row in sign_ups.of_course(context.conn, course_id)])


@router.post(
    "/courses/{course_id}/sign-ups", operation_id="sign_up_for_course", status_code=201, responses=ADDING
)
def sign_up_for_course(context: ApiMember, course_id: Id, person: Person) -> SignedUp:
    """Sign up, until the first day, with what the course requires; or sign somebody within your reach up."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        return SignedUp(state=sign_ups.sign_up(context.conn, course_id, person.peer_mentor_id))


@router.post("/courses/{course_id}/withdraw", operation_id="withdraw_from_course", responses=ADDING)
def withdraw_from_course(context: ApiMember, course_id: Id, person: Person) -> Course:
    """Withdraw from it, or somebody within your reach; who waits first gets the seat."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        sign_ups.withdraw(context.conn, course_id, person.peer_mentor_id)
        return Course.of(courses.get(context.conn, course_id))


@router.post("/courses/{course_id}/attendance", operation_id="set_course_attendance", responses=ADDING)
def set_course_attendance(context: ApiMember, course_id: Id, attendance: Attendance) -> Changed:
    """Say of many at once who attended, from the first day on."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        changed = sign_ups.set_attendance(
            context.conn,
            course_id,
            attended=attendance.attended,
            absent=attendance.absent,
            unset=attendance.unset,
        )
    return Changed(changed=changed)


@router.get("/courses/{course_id}/closing", operation_id="preview_course_closing", responses=READING)
def preview_course_closing(context: ApiMember, course_id: Id) -> Closing:
    """See what closing the course gives each who attended; nothing is changed."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        found = closing.preview(context.conn, course_id)
    items = [
        ClosingResult(**{name: getattr(row, name) for name in ClosingResult.model_fields}) for row in found
    ]
    return Closing(items=items, fingerprint=closing.fingerprint(found))


@router.post("/courses/{course_id}/close", operation_id="close_course", responses=ADDING)
def close_course(context: ApiMember, course_id: Id, confirmation: Confirmation) -> Changed:
    """Close it: issue and renew as was previewed, all of it or nothing (PT409 where that has changed since)."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        return Changed(changed=closing.close(context.conn, course_id, confirmation.fingerprint))


@router.post("/courses/{course_id}/reopen", operation_id="reopen_course", responses=ADDING)
def reopen_course(context: ApiMember, course_id: Id, reopening: Reopening) -> Changed:
    """Take the closing back: renewals are undone, what was issued is suspended, who attended stays."""
    with of_a_visible_row(context.ahead(courses.get, course_id)):
        return Changed(
            changed=closing.reopen(context.conn, course_id, reopening.reason, leaves_out=reopening.leaves_out)
        )

"""Courses as an organisation plans and holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError

MOST: Final = 200
"""How many are read at once; as public.courses says."""

Kind = Literal["course", "refresher"]
State = Literal["planned", "cancelled", "closed"]
SignUpState = Literal["seated", "waiting", "withdrawn", "unannounced"]
Attendance = Literal["attended", "absent"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class CourseDay:
    """A day of a course, and when it begins and ends by the organisation's clock, where somebody said it."""

    day: date
    starts: time | None = None
    ends: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is written of a course: no chapters is the whole organisation, no seats as many as come."""

    kind: Kind
    name_nb: str
    types: Sequence[str]
    days: Sequence[CourseDay]
    name_en: str | None = None
    chapter_ids: Sequence[UUID] = ()
    required_types: Sequence[str] = ()
    place: str | None = None
    link: str | None = None
    seats: int | None = None
    responsible_id: UUID | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A course; `own_…` is the caller's own sign-up, `batch_id` what its closing changed, for who manages it."""

    id: UUID
    organisation_id: UUID
    kind: Kind
    name_nb: str
    name_en: str | None
    types: list[str]
    required_types: list[str]
    chapter_ids: list[UUID]
    days: list[date]
    starts: list[time | None]
    ends: list[time | None]
    place: str | None
    link: str | None
    seats: int | None
    responsible_id: UUID | None
    responsible: str | None
    note: str | None
    state: State
    reason: str | None
    settled_at: datetime | None
    batch_id: UUID | None
    seated: int
    waiting: int
    own_state: SignUpState | None
    own_place: int | None
    own_attendance: Attendance | None
    may_sign_up: bool
    may_manage: bool
    version: int

    @property
    def schedule(self) -> list[CourseDay]:
        """The days with their times."""
        return [CourseDay(*each) for each in zip(self.days, self.starts, self.ends, strict=True)]

    @property
    def free_seats(self) -> int | None:
        """How many seats are free; None where there is no limit."""
        return None if self.seats is None else self.seats - self.seated


@dataclass(frozen=True, slots=True)
class Responsible:
    """A coordinator or administrator; the name, else the address."""

    user_id: UUID
    organisation_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ListedCourse:
    """A course, for the operator: how many had a seat, waited and attended."""

    id: UUID
    organisation: str
    kind: Kind
    name: str
    first_day: date
    last_day: date
    state: State
    seats: int | None
    seated: int
    waiting: int
    attended: int


def between(conn: Connection, since: date | None = None, until: date | None = None) -> Sequence[Course]:
    """Return those for the caller's chapters that are held in a span of days, the earliest first."""
    return rows.fetch_all(conn, Course, _QUERIES.courses, course_id=None, since=since, until=until)


def get(conn: Connection, course_id: UUID) -> Course:
    """Return one; raises MissingRightError where the caller sees none with this id."""
    found = rows.fetch_optional(conn, Course, _QUERIES.courses, course_id=course_id, since=None, until=None)
    if found is None:
        raise MissingRightError(code="42501", constraint="certification_right")
    return found


def of_organisation(conn: Connection, slug: str | None, since: date | None) -> Sequence[ListedCourse]:
    """Return the courses of an organisation, or of all, from a day (today) on, the earliest first; for the operator."""
    return rows.fetch_all(conn, ListedCourse, _QUERIES.of_organisation, slug=slug, since=since)


def responsibles(conn: Connection) -> list[Responsible]:
    """Return whom the caller can make responsible for a course, by name."""
    return rows.fetch_all(conn, Responsible, _QUERIES.responsibles)


def plan(conn: Connection, planned: Plan) -> UUID:
    """Plan a course; who is responsible is the caller, where nobody else is named.

    Raises MissingRightError, UnknownTypeError, RetiredError, InvalidArgumentError and ValueRejectedError.
    """
    return rows.fetch_one(conn, UUID, _QUERIES.plan, **_written(planned))


def change(conn: Connection, course_id: UUID, planned: Plan, *, version: int | None = None) -> None:
    """Write a planned course once more, as a whole. Raises as `plan`, CourseSettledError and StaleVersionError."""
    rows.send(conn, _QUERIES.change, course_id=course_id, version=version, **_written(planned))


def cancel(conn: Connection, course_id: UUID, reason: str, *, version: int | None = None) -> None:
    """Cancel a planned course. Raises MissingRightError, ReasonRequiredError, CourseSettledError, StaleVersionError."""
    rows.send(conn, _QUERIES.cancel, course_id=course_id, reason=reason, version=version)


def _written(planned: Plan) -> dict[str, object]:
    return {
        "kind": planned.kind,
        "name_nb": planned.name_nb,
        "name_en": planned.name_en,
        "types": list(planned.types),
        "required_types": list(planned.required_types),
        "chapter_ids": list(planned.chapter_ids),
        "days": [each.day for each in planned.days],
        "starts": [each.starts for each in planned.days],
        "ends": [each.ends for each in planned.days],
        "place": planned.place,
        "link": planned.link,
        "seats": planned.seats,
        "responsible_id": planned.responsible_id,
        "note": planned.note,
    }

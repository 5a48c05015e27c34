"""Sign-ups: who has a seat in a course, waits for one, and attended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.courses.courses import Attendance, SignUpState, State
from mentorcert.db import rows
from mentorcert.db.connection import Connection

# As many as a page shows of one person.
COURSES_SHOWN: Final = 50
_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class SignUp:
    """Who is signed up; `place` is that on the waiting list, `missing` what the course requires and the person lacks."""

    id: UUID
    organisation_id: UUID
    course_id: UUID
    peer_mentor_id: UUID
    full_name: str
    state: SignUpState
    place: int | None
    attendance: Attendance | None
    missing: list[str]
    is_own: bool
    by_peer_mentor: bool
    signed_up_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class CourseOf:
    """A course in which somebody is signed up or came."""

    course_id: UUID
    organisation_id: UUID
    name_nb: str
    name_en: str | None
    days: list[date]
    course_state: State
    state: SignUpState
    place: int | None
    attendance: Attendance | None

    @property
    def outcome(self) -> Literal["cancelled", "attended", "absent"] | SignUpState:
        """How it ended, or stands: of a closed course, who had a seat and is not said to have attended did not come."""
        if self.course_state == "cancelled":
            return "cancelled"
        if self.attendance is None and self.course_state == "closed" and self.state == "seated":
            return "absent"
        return self.attendance or self.state


@dataclass(frozen=True, slots=True)
class Missing:
    """A type that a course requires and somebody does not hold, valid, on its first day."""

    peer_mentor_id: UUID
    certification_type: str


def of_course(conn: Connection, course_id: UUID) -> Sequence[SignUp]:
    """Return those within the caller's reach, and the caller's own: the seated first, each in the order of signing up."""
    return rows.fetch_all(conn, SignUp, _QUERIES.sign_ups, course_id=course_id, peer_mentor_id=None)


def by_name(conn: Connection, course_id: UUID) -> Sequence[SignUp]:
    """Return the same by name."""
    return rows.fetch_all(conn, SignUp, _QUERIES.sign_ups_by_name, course_id=course_id)


def courses_of(conn: Connection, peer_mentor_id: UUID) -> Sequence[CourseOf]:
    """Return the courses of one person within reach, those that the caller may read, the latest first."""
    return rows.fetch_all(
        conn, CourseOf, _QUERIES.courses_of, peer_mentor_id=peer_mentor_id, size=COURSES_SHOWN
    )


def missing(conn: Connection, course_id: UUID, peer_mentor_ids: Collection[UUID]) -> Sequence[Missing]:
    """Return what these people lack of what a course requires; nothing of those out of reach."""
    return rows.fetch_all(
        conn, Missing, _QUERIES.missing, course_id=course_id, peer_mentor_ids=list(peer_mentor_ids)
    )


def own_missing(conn: Connection, since: date) -> dict[UUID, list[str]]:
    """Return the types that the caller lacks to sign up for the courses from a day on, by course."""
    lacking: dict[UUID, list[str]] = {}
    for course_id, type_ in rows.fetch_all(conn, tuple[UUID, str], _QUERIES.own_missing, since=since):
        lacking.setdefault(course_id, []).append(type_)
    return lacking


def sign_up(conn: Connection, course_id: UUID, peer_mentor_id: UUID | None = None) -> SignUpState:
    """Sign the caller up, or somebody within reach; return `seated`, or `waiting`.

    Raises MissingRightError, CourseSettledError, DuplicateError, and of the own sign-up PrerequisitesMissingError, and
    InvalidArgumentError once the course has begun.
    """
    state = rows.fetch_one(conn, str, _QUERIES.sign_up, course_id=course_id, peer_mentor_id=peer_mentor_id)
    return "seated" if state == "seated" else "waiting"


def sign_up_people(
    conn: Connection, course_id: UUID, peer_mentor_ids: Collection[UUID]
) -> Sequence[SignUpState]:
    """Sign several people within reach up, in this order; return `seated` or `waiting` of each who was not on the list.

    All of them or nobody. Raises MissingRightError, CourseSettledError, and of oneself what `sign_up` raises.
    """
    states = rows.fetch_all(
        conn, str, _QUERIES.sign_up_people, course_id=course_id, peer_mentor_ids=list(peer_mentor_ids)
    )
    return ["seated" if state == "seated" else "waiting" for state in states]


def withdraw(conn: Connection, course_id: UUID, peer_mentor_id: UUID | None = None) -> None:
    """Withdraw the caller's sign-up, or somebody's within reach; who waits first gets the seat.

    Raises MissingRightError, TransitionError, and of the own sign-up InvalidArgumentError once the course has begun.
    """
    rows.send(conn, _QUERIES.withdraw, course_id=course_id, peer_mentor_id=peer_mentor_id)


def set_attendance(
    conn: Connection,
    course_id: UUID,
    *,
    attended: Collection[UUID] = (),
    absent: Collection[UUID] = (),
    unset: Collection[UUID] = (),
) -> int:
    """Say of many who attended, also without having signed up, was absent or neither; return how many were changed.

    Raises MissingRightError, CourseSettledError, and InvalidArgumentError before the first day.
    """
    return rows.fetch_one(
        conn,
        int,
        _QUERIES.set_attendance,
        course_id=course_id,
        attended=list(attended),
        absent=list(absent),
        unset=list(unset),
    )

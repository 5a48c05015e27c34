"""Courses in a calendar: what it shows of one, and those of a calendar feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final
from uuid import UUID

from mentorcert.courses.courses import Course
from mentorcert.db import rows
from mentorcert.db.connection import Connection

PAST: Final = timedelta(days=90)
"""How long a course stays in a calendar; as public.courses_of_calendar says."""

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class CalendarCourse:
    """What a calendar shows of a course to somebody who has a seat, or waits for one."""

    id: UUID
    name_nb: str
    name_en: str | None
    days: list[date]
    starts: list[time | None]
    ends: list[time | None]
    place: str | None
    link: str | None
    is_cancelled: bool
    is_waiting: bool
    version: int


def entry_of(course: Course) -> CalendarCourse:
    """Return what a calendar shows of a course."""
    return CalendarCourse(
        course.id,
        course.name_nb,
        course.name_en,
        course.days,
        course.starts,
        course.ends,
        course.place,
        course.link,
        course.state == "cancelled",
        course.own_state == "waiting",
        course.version,
    )


def of_feed(conn: Connection, token: str) -> Sequence[CalendarCourse]:
    """Return the courses of a calendar feed; none for a token that is unknown or revoked."""
    return rows.fetch_all(conn, CalendarCourse, _QUERIES.of_feed, token=token.replace("\0", ""))

"""What goes on among the sample people: courses to come, held and closed, and requests for renewals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final
from uuid import UUID

from mentorcert.certifications import renewal_requests
from mentorcert.courses import closing, courses, sign_ups
from mentorcert.courses.courses import CourseDay, Kind, Plan
from mentorcert.db import rows
from mentorcert.db.connection import Connection, become

_SEATS: Final = 6
_WAITING: Final = 2
# What those who ask for a renewal say that they have done.
_DONE: Final = ("Fagdag om samtalen", "Kurskveld på nett", "Helgesamling for likepersoner")
_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class _Offered:
    """A kind of course, the type that it gives or renews, and its Norwegian and English name."""

    kind: Kind
    certification_type: str
    name_nb: str
    name_en: str


@dataclass(frozen=True, slots=True)
class _Coordinator:
    """The sample coordinator of an organisation, and its administrator."""

    slug: str
    id: UUID
    chapter_id: UUID
    administrator_id: UUID
    today: date


@dataclass(frozen=True, slots=True)
class _Held:
    """A certification."""

    id: UUID
    peer_mentor_id: UUID


# What each example organisation renews by a refresher, and what it gives by a course.
_OFFERED: Final = {
    "hom": (
        _Offered("refresher", "likeperson", "Oppfriskning for likepersoner", "Refresher for peer mentors"),
        _Offered("course", "horselshjelper", "Kurs for hørselshjelpere", "Course for hearing aid helpers"),
    ),
    "apen-samtale": (
        _Offered(
            "refresher",
            "conversation",
            "Oppfriskning for samtalepartnere",
            "Refresher for conversation partners",
        ),
        _Offered("course", "first-aid", "Førstehjelpskurs", "First-aid course"),
    ),
}


def ensure(conn: Connection) -> int:
    """Lay courses and requests about today, of the sample coordinators' chapters, where there are none.

    Returns in how many organisations. Needs the sample people and the owner's connection.
    """
    with conn.transaction():
        coordinators = rows.fetch_all(conn, _Coordinator, _QUERIES.coordinators_without)
        # All that the owner of the database looks up and links, then what people do.
        chosen = [(each, *_choose(conn, each)) for each in coordinators]
        for each in chosen:
            _act(conn, *each)
    return len(chosen)


def _choose(
    conn: Connection, coordinator: _Coordinator
) -> tuple[Mapping[UUID, UUID], Sequence[UUID], Sequence[UUID]]:
    """Return whose certifications of each type end next; before them, by their new logins, those who will ask."""
    renewed, given = (
        rows.fetch_all(
            conn,
            _Held,
            _QUERIES.ending_next,
            chapter_id=coordinator.chapter_id,
            certification_type=offered.certification_type,
            size=size,
        )
        for offered, size in zip(
            _OFFERED[coordinator.slug], (len(_DONE) + 2 * _SEATS + _WAITING, _SEATS), strict=True
        )
    )
    asking = {
        rows.fetch_one(
            conn,
            UUID,
            _QUERIES.add_login,
            slug=coordinator.slug,
            number=number,
            peer_mentor_id=held.peer_mentor_id,
        ): held.id
        for number, held in enumerate(renewed[: len(_DONE)])
    }
    ending, others = ([held.peer_mentor_id for held in those] for those in (renewed[len(_DONE) :], given))
    return asking, ending, others


def _act(
    conn: Connection,
    coordinator: _Coordinator,
    asking: Mapping[UUID, UUID],
    ending: Sequence[UUID],
    others: Sequence[UUID],
) -> None:
    requests = []
    for days_ago, (text, (user_id, certification_id)) in enumerate(
        zip(_DONE, asking.items(), strict=False), start=3
    ):
        become(conn, user_id)
        done_on = coordinator.today - timedelta(days=days_ago)
        requests.append(renewal_requests.ask(conn, certification_id, text, done_on))
    become(conn, coordinator.id)
    # Two wait, the rest is answered.
    for request in requests[2:]:
        renewal_requests.approve(conn, request)
    refresher, course = _OFFERED[coordinator.slug]
    coming, held = ending[: _SEATS + _WAITING], ending[_SEATS + _WAITING :]
    _hold(conn, coordinator, refresher, 21, coming)
    yesterday = _hold(conn, coordinator, course, -1, others)
    if others:
        sign_ups.set_attendance(conn, yesterday, attended=others[1:], absent=others[:1])
    if held:
        closed = _hold(conn, coordinator, refresher, -28, held)
        sign_ups.set_attendance(conn, closed, attended=held)
        closing.close(conn, closed, closing.fingerprint(closing.preview(conn, closed)))
    # One for everybody, the sample peer mentor too.
    become(conn, coordinator.administrator_id)
    day = CourseDay(coordinator.today + timedelta(days=42), time(18), time(20))
    courses.plan(
        conn,
        Plan(
            kind="refresher",
            name_nb="Oppfriskning på nett",
            name_en="Refresher online",
            types=[refresher.certification_type],
            days=[day],
            link="https://meet.example.org/refresher",
        ),
    )


def _hold(
    conn: Connection, coordinator: _Coordinator, offered: _Offered, ahead: int, people: Sequence[UUID]
) -> UUID:
    """Plan a course that many days from today, and sign people up."""
    day = coordinator.today + timedelta(days=ahead)
    written = Plan(
        kind=offered.kind,
        name_nb=offered.name_nb,
        name_en=offered.name_en,
        types=[offered.certification_type],
        days=[CourseDay(day, time(10), time(15))],
        chapter_ids=[coordinator.chapter_id],
        place="Organisasjonenes hus",
        seats=_SEATS,
    )
    course_id = courses.plan(conn, written)
    for person in people:
        sign_ups.sign_up(conn, course_id, person)
    return course_id

"""Courses, from the plan to what follows from them, and beside what happens at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.certifications import repository
from mentorcert.courses import closing, courses, sign_ups
from mentorcert.courses.courses import Course, CourseDay, Plan
from mentorcert.db.connection import Connection, acting_as, become, connect
from mentorcert.errors import (
    CourseOutcomesChangedError,
    CourseSettledError,
    DuplicateError,
    InvalidArgumentError,
    MissingRightError,
    PrerequisitesMissingError,
    StaleVersionError,
)
from mentorcert.organisations import data_subjects
from tests.support.large_courses import attend_in_thousands
from tests.support.merging import merge
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch, join, kinds, rows, set_up, today
from tests.support.servers import DEBIAN_15, EMBEDDED_18
from tests.support.sessions import meanwhile, wait_until, waiting


class Scene:
    """A coordinator, and peer mentors with a login in the chapter."""

    def __init__(self, conn: Connection, people: int = 3) -> None:
        self.conn = conn
        self.organisation: Organisation = set_up(conn)
        self.coordinator = uuid4()
        join(self.organisation, self.coordinator, "coordinator", self.organisation.chapter)
        self.mentors: list[UUID] = []
        self.logins: list[UUID] = []
        for number in range(1, people + 1):
            self.add(f"{number}")

    def add(self, external_id: str) -> None:
        """Add a peer mentor of the chapter, with a login."""
        self.mentors.append(self.organisation.mentor(external_id))
        self.logins.append(uuid4())
        join(self.organisation, self.logins[-1], "peer_mentor")
        self.conn.execute(
            "update mentorcert.peer_mentors set user_id = %s where id = %s",
            (self.logins[-1], self.mentors[-1]),
        )

    def written(self, days: int = 30, **more: Any) -> Plan:
        """A course some days from today, of the chapter."""
        plan = {
            "kind": "course",
            "name_nb": "Kurs",
            "types": ["basic"],
            "chapter_ids": [self.organisation.chapter],
        }
        return Plan(**{**plan, "days": [CourseDay(today(self.conn, days))], **more})

    def plan(self, days: int = 30, **more: Any) -> UUID:
        with acting_as(self.conn, self.coordinator) as acting:
            return courses.plan(acting, self.written(days, **more))

    def get(self, course: UUID, who: UUID | None = None) -> Course:
        with acting_as(self.conn, who or self.coordinator) as acting:
            return courses.get(acting, course)

    def attended(self, course: UUID, *mentors: UUID) -> None:
        with acting_as(self.conn, self.coordinator) as acting:
            sign_ups.set_attendance(acting, course, attended=mentors)

    def close(self, course: UUID) -> int:
        with acting_as(self.conn, self.coordinator) as acting:
            return closing.close(acting, course, closing.fingerprint(closing.preview(acting, course)))


@pytest.fixture
def scene(conn: Connection) -> Scene:
    return Scene(conn)


def test_a_course_gives_and_renews_and_is_taken_back(scene: Scene) -> None:
    first, second, third = scene.mentors
    held = scene.organisation.certify(first, last_day=today(scene.conn, 20))
    before = fetch(scene.conn, "select expires_at from public.peer_mentor_certifications where id = %s", held)
    course = scene.plan(-1)
    with acting_as(scene.conn, scene.coordinator) as acting:
        sign_ups.sign_up(acting, course, third)
        assert sign_ups.set_attendance(acting, course, attended=[first, second], absent=[third]) == 3
        listed = sign_ups.of_course(acting, course)
        assert [(one.peer_mentor_id, one.state, one.attendance) for one in listed] == [
            (third, "seated", "absent"),
            (first, "unannounced", "attended"),
            (second, "unannounced", "attended"),
        ]
        previewed = closing.preview(acting, course)
        assert {one.peer_mentor_id: one.outcome for one in previewed} == {first: "renew", second: "issue"}
        assert closing.close(acting, course, closing.fingerprint(previewed)) == 2
    assert scene.get(course).state == "closed"
    with pytest.raises(CourseSettledError), acting_as(scene.conn, scene.coordinator) as acting:
        closing.close(acting, course, closing.fingerprint(previewed))
    assert kinds(scene.conn, held) == ["issued", "renewed"]
    [(given, evidence)] = rows(
        scene.conn,
        "select id, renewal_history #>> '{-1,evidence,course_id}' from public.peer_mentor_certifications"
        " where peer_mentor_id = %s",
        second,
    )
    assert evidence == str(course)
    with acting_as(scene.conn, scene.coordinator) as acting:
        assert closing.reopen(acting, course, "The wrong list") == 2
    assert (
        fetch(scene.conn, "select expires_at from public.peer_mentor_certifications where id = %s", held)
        == before
    )
    assert (kinds(scene.conn, held), kinds(scene.conn, given)) == (
        ["issued", "renewed", "reverted"],
        ["issued", "suspended"],
    )
    assert scene.get(course).state == "planned"
    assert scene.close(course) == 2
    assert kinds(scene.conn, given) == ["issued", "suspended", "reinstated"]
    with acting_as(scene.conn, scene.coordinator) as acting:
        assert closing.reopen(acting, course, "Once more") == 2
    assert kinds(scene.conn, given)[-1] == "suspended"
    assert scene.close(course) == 2


def test_the_waiting_list_moves_up(scene: Scene) -> None:
    course = scene.plan(seats=1)
    for login, state in zip(scene.logins, ("seated", "waiting", "waiting"), strict=True):
        with acting_as(scene.conn, login) as acting:
            assert sign_ups.sign_up(acting, course) == state
    assert scene.get(course, scene.logins[2]).own_place == 2
    with acting_as(scene.conn, scene.logins[0]) as acting:
        sign_ups.withdraw(acting, course)
    assert scene.get(course, scene.logins[1]).own_state == "seated"
    shown = scene.get(course)
    assert (shown.seated, shown.waiting) == (1, 1)
    with acting_as(scene.conn, scene.coordinator) as acting:
        courses.change(acting, course, scene.written(seats=2), version=shown.version)
        assert courses.get(acting, course).waiting == 0
    with pytest.raises(InvalidArgumentError), acting_as(scene.conn, scene.coordinator) as acting:
        courses.change(acting, course, scene.written(seats=1))
    with pytest.raises(StaleVersionError), acting_as(scene.conn, scene.coordinator) as acting:
        courses.change(acting, course, scene.written(), version=shown.version)
    with pytest.raises(DuplicateError), acting_as(scene.conn, scene.logins[1]) as acting:
        sign_ups.sign_up(acting, course)


def test_what_a_course_requires(scene: Scene) -> None:
    course = scene.plan(types=["half"], required_types=["basic"], seats=9)
    with pytest.raises(PrerequisitesMissingError), acting_as(scene.conn, scene.logins[0]) as acting:
        sign_ups.sign_up(acting, course)
    scene.organisation.certify(scene.mentors[1], last_day=today(scene.conn, 29))
    with acting_as(scene.conn, scene.coordinator) as acting:
        lacking = sign_ups.missing(acting, course, scene.mentors)
    assert {one.peer_mentor_id for one in lacking} == set(scene.mentors)
    scene.organisation.certify(scene.mentors[2], last_day=today(scene.conn, 30))
    with acting_as(scene.conn, scene.logins[1]) as acting:
        assert sign_ups.own_missing(acting, today(scene.conn)) == {course: ["basic"]}
    with acting_as(scene.conn, scene.logins[2]) as acting:
        assert sign_ups.own_missing(acting, today(scene.conn)) == {}
        assert sign_ups.sign_up(acting, course) == "seated"


def test_what_was_held_on_the_last_day_counts_also_when_renewed_since(scene: Scene) -> None:
    held = scene.organisation.certify(scene.mentors[0], last_day=today(scene.conn, 5))
    course = scene.plan(-3, types=["half"], required_types=["basic"])
    scene.attended(course, scene.mentors[0])
    with scene.organisation.as_admin():
        scene.conn.execute("select public.renew_certification(%s)", (held,))
    with acting_as(scene.conn, scene.coordinator) as acting:
        assert [one.outcome for one in closing.preview(acting, course)] == ["issue"]


def test_what_changed_since_the_preview_is_not_closed(scene: Scene) -> None:
    held = scene.organisation.certify(scene.mentors[0], last_day=today(scene.conn, 5))
    course = scene.plan(-3)
    scene.attended(course, scene.mentors[0])
    with acting_as(scene.conn, scene.coordinator) as acting:
        previewed = closing.fingerprint(closing.preview(acting, course))
    with scene.organisation.as_admin():
        scene.conn.execute("select public.renew_certification(%s)", (held,))
    with pytest.raises(CourseOutcomesChangedError), acting_as(scene.conn, scene.coordinator) as acting:
        closing.close(acting, course, previewed)
    assert scene.get(course).state == "planned"
    assert scene.close(course) == 0
    with acting_as(scene.conn, scene.coordinator) as acting:
        assert closing.reopen(acting, course, "x") == 0


# Not through the pooler: it has fewer connections than these are transactions at once.
@pytest.mark.parametrize("server", [EMBEDDED_18, DEBIAN_15], indirect=True)
def test_seats_are_given_exactly_once(scene: Scene, database: str) -> None:
    """Two withdraw and two sign up at once: each seat is taken, in the order of signing up, and none twice."""
    for number in range(4, 8):
        scene.add(f"{number}")
    course = scene.plan(seats=3)
    for login in scene.logins[:5]:
        with acting_as(scene.conn, login) as acting:
            sign_ups.sign_up(acting, course)

    def at_once(work: object, login: UUID) -> None:
        with connect(database) as own, own.transaction():
            become(own, login)
            work(own, course)  # type: ignore[operator]

    with connect(database) as gate, ThreadPoolExecutor(4) as threads:
        gate.execute("select from mentorcert_private.courses where id = %s for update", (course,))
        works = [
            threads.submit(at_once, work, login)
            for work, login in (
                (sign_ups.withdraw, scene.logins[0]), (sign_ups.sign_up, scene.logins[5]),
                (sign_ups.withdraw, scene.logins[1]), (sign_ups.sign_up, scene.logins[6]),
            )
        ]  # fmt: skip
        wait_until(lambda: waiting(scene.conn) == 4, "all four to wait for the course")
        gate.commit()
        for work in works:
            work.result(DEADLINE_S)
    with acting_as(scene.conn, scene.coordinator) as acting:
        listed = sign_ups.of_course(acting, course)
    by_state = {
        state: {one.peer_mentor_id for one in listed if one.state == state}
        for state in ("seated", "waiting", "withdrawn")
    }
    assert by_state["seated"] == {scene.mentors[2], scene.mentors[3], scene.mentors[4]}
    assert by_state["waiting"] == {scene.mentors[5], scene.mentors[6]}
    assert by_state["withdrawn"] == {scene.mentors[0], scene.mentors[1]}
    assert scene.get(course).seated == 3


def test_who_is_erased_meanwhile_is_not_signed_up(scene: Scene, database: str) -> None:
    course = scene.plan()

    def erase(conn: Connection) -> None:
        conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (scene.mentors[0],))

    def sign_up(conn: Connection) -> None:
        become(conn, scene.coordinator)
        sign_ups.sign_up(conn, course, scene.mentors[0])

    with pytest.raises(MissingRightError):
        meanwhile(scene.conn, database, erase, sign_up)
    assert scene.get(course).seated == 0


def test_attendance_that_is_said_meanwhile_is_not_closed(scene: Scene, database: str) -> None:
    course = scene.plan(-1)
    scene.attended(course, scene.mentors[0])
    with acting_as(scene.conn, scene.coordinator) as acting:
        previewed = closing.fingerprint(closing.preview(acting, course))

    def attend(conn: Connection) -> None:
        become(conn, scene.coordinator)
        sign_ups.set_attendance(conn, course, attended=[scene.mentors[1]])

    def close(conn: Connection) -> int:
        become(conn, scene.coordinator)
        return closing.close(conn, course, previewed)

    with pytest.raises(CourseOutcomesChangedError):
        meanwhile(scene.conn, database, attend, close)


def test_who_attended_meanwhile_once_more_is_not_certified_unlocked(scene: Scene, database: str) -> None:
    course = scene.plan(-1)
    first, second, _ = scene.mentors
    scene.attended(course, first, second)
    with acting_as(scene.conn, scene.coordinator) as acting:
        previewed = closing.fingerprint(closing.preview(acting, course))
        sign_ups.set_attendance(acting, course, unset=[second])

    def attend(conn: Connection) -> None:
        become(conn, scene.coordinator)
        sign_ups.set_attendance(conn, course, attended=[first, second])

    def close(conn: Connection) -> int:
        become(conn, scene.coordinator)
        return closing.close(conn, course, previewed)

    with pytest.raises(CourseOutcomesChangedError):
        meanwhile(scene.conn, database, attend, close)
    assert scene.close(course) == 2


def test_a_course_is_closed_once(scene: Scene, database: str) -> None:
    course = scene.plan(-1)
    scene.attended(course, *scene.mentors)
    with acting_as(scene.conn, scene.coordinator) as acting:
        previewed = closing.fingerprint(closing.preview(acting, course))

    def close(conn: Connection) -> int:
        become(conn, scene.coordinator)
        return closing.close(conn, course, previewed)

    with pytest.raises(CourseSettledError):
        meanwhile(scene.conn, database, close, close)
    assert fetch(scene.conn, "select count(*) from public.peer_mentor_certifications") == 3
    assert fetch(scene.conn, "select count(*) from mentorcert_private.change_batches") == 1


WAITING: dict[str, Callable[[Scene, Connection, UUID], object]] = {
    "change": lambda scene, conn, course: courses.change(conn, course, scene.written(-1, name_nb="Et annet")),
    "cancel": lambda _, conn, course: courses.cancel(conn, course, "Nobody comes."),
    "attend": lambda scene, conn, course: sign_ups.set_attendance(conn, course, attended=scene.mentors),
    "sign up": lambda scene, conn, course: sign_ups.sign_up(conn, course, scene.mentors[0]),
    "close": lambda _, conn, course: closing.close(conn, course, None),
}


@pytest.mark.parametrize("does", WAITING)
def test_a_course_that_is_moved_away_meanwhile_is_not_the_coordinator_s_any_more(
    scene: Scene, database: str, does: str
) -> None:
    course = scene.plan(-1)
    elsewhere = fetch(
        scene.conn,
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'BGO', 'Bergen') returning id",
        scene.organisation.id,
    )

    def move(conn: Connection) -> None:
        conn.execute(
            "update mentorcert_private.courses set chapter_ids = %s where id = %s", ([elsewhere], course)
        )

    def act(conn: Connection) -> None:
        become(conn, scene.coordinator)
        WAITING[does](scene, conn, course)

    with pytest.raises(MissingRightError):
        meanwhile(scene.conn, database, move, act)


def test_an_export_of_a_person_has_the_courses(scene: Scene) -> None:
    course = scene.plan(-1)
    scene.attended(course, scene.mentors[0])
    exported = data_subjects.export(scene.conn, scene.mentors[0])
    [line] = exported["courses"]
    assert (line["course_id"], line["name"], line["attendance"]) == (str(course), "Kurs", "attended")


def test_the_operator_lists_counts(scene: Scene) -> None:
    course = scene.plan(-1)
    scene.attended(course, scene.mentors[0])
    [listed] = courses.of_organisation(scene.conn, "demo", today(scene.conn, -1))
    assert (listed.id, listed.seated, listed.attended) == (course, 0, 1)
    assert courses.of_organisation(scene.conn, None, None) == []


@pytest.mark.parametrize("moved_to", [-3, -1], ids=["earlier", "later"])
def test_a_course_closed_on_a_wrong_day_is_moved_and_closed_again(scene: Scene, moved_to: int) -> None:
    """What was issued is reinstated with its dates; what was renewed is renewed as of the other day."""
    held = scene.organisation.certify(scene.mentors[0], last_day=today(scene.conn, 20))
    course = scene.plan(-2)
    scene.attended(course, *scene.mentors[:2])
    scene.close(course)
    with acting_as(scene.conn, scene.coordinator) as acting:
        closing.reopen(acting, course, "It was another day")
        courses.change(acting, course, scene.written(moved_to))
    assert scene.close(course) == 2
    assert kinds(scene.conn, held) == ["issued", "renewed", "reverted", "renewed"]
    assert fetch(
        scene.conn, "select issued_at from public.peer_mentor_certifications where id = %s", held
    ) == scene.organisation.midnight(today(scene.conn, moved_to))
    with acting_as(scene.conn, scene.coordinator) as acting:
        assert closing.reopen(acting, course, "Once more") == 2


def test_what_another_course_gave_and_took_back_is_renewed_and_stays_suspended(scene: Scene) -> None:
    """A renewal ends no suspension; the preview says so, of this one as of one for another reason, and it comes so."""
    earlier, later = scene.plan(-3), scene.plan(-1)
    scene.attended(earlier, scene.mentors[0])
    scene.close(earlier)
    with acting_as(scene.conn, scene.coordinator) as acting:
        closing.reopen(acting, earlier, "A mistake")
    scene.attended(later, *scene.mentors[:2])
    held = scene.organisation.certify(scene.mentors[1], last_day=today(scene.conn, 20))

    def said() -> list[closing.ClosingOutcome]:
        with acting_as(scene.conn, scene.coordinator) as acting:
            return list(closing.preview(acting, later))

    before = said()
    assert [(one.outcome, one.status) for one in before] == [("renew", "suspended"), ("renew", "active")]
    with acting_as(scene.conn, scene.coordinator) as acting:
        repository.suspend(acting, held, "A complaint")
    with pytest.raises(CourseOutcomesChangedError), acting_as(scene.conn, scene.coordinator) as acting:
        closing.close(acting, later, closing.fingerprint(before))
    after = said()
    assert [one.status for one in after] == ["suspended", "suspended"]
    assert scene.close(later) == 2
    found = rows(
        scene.conn,
        "select id, issued_at, expires_at, status from public.peer_mentor_certifications order by id",
    )
    assert found == sorted((one.certification_id, one.issued_at, one.expires_at, one.status) for one in after)


def test_what_an_administrator_gave_without_an_end_is_no_obstacle(scene: Scene) -> None:
    held = scene.organisation.certify(scene.mentors[0])
    course = scene.plan(-1)
    scene.attended(course, *scene.mentors[:2])
    with acting_as(scene.conn, scene.coordinator) as acting:
        outcomes = {one.peer_mentor_id: one.outcome for one in closing.preview(acting, course)}
    assert outcomes == {scene.mentors[0]: "unchanged", scene.mentors[1]: "issue"}
    assert scene.close(course) == 1
    assert kinds(scene.conn, held) == ["issued"]


def test_a_closing_is_no_larger_than_a_change_of_many(scene: Scene) -> None:
    course = scene.plan(-1, types=["basic", "half"])
    attend_in_thousands(scene.organisation, course)
    with pytest.raises(InvalidArgumentError), acting_as(scene.conn, scene.coordinator) as acting:
        closing.preview(acting, course)


def test_a_login_that_is_responsible_is_deleted_also_when_the_type_is_retired(scene: Scene) -> None:
    course = scene.plan(10)
    scene.conn.execute(
        "update mentorcert.certification_types set retired_on = %s, retired_reason = 'x' where code = 'basic'",
        (today(scene.conn),),
    )
    scene.conn.execute("delete from mentorcert.memberships where user_id = %s", (scene.coordinator,))
    scene.conn.execute("delete from auth.users where id = %s", (scene.coordinator,))
    assert scene.get(course, scene.organisation.admin).responsible_id is None


def test_a_merge_of_who_has_left_moves_what_was_attended(scene: Scene) -> None:
    course = scene.plan(-1)
    scene.attended(course, scene.mentors[0])
    scene.conn.execute(
        "update mentorcert.peer_mentors set left_on = %s where id = %s", (today(scene.conn), scene.mentors[0])
    )
    scene.conn.execute("update mentorcert.peer_mentors set user_id = null where id = %s", (scene.mentors[0],))
    merge(scene.organisation, scene.mentors[1], scene.mentors[0])
    with acting_as(scene.conn, scene.coordinator) as acting:
        [listed] = sign_ups.of_course(acting, course)
    assert (listed.peer_mentor_id, listed.attendance) == (scene.mentors[1], "attended")


def test_a_merge_gives_no_place_back_that_was_given_up(scene: Scene) -> None:
    """Who withdrew and signed up by another row comes where that row stands."""
    course = scene.plan(seats=1)
    scene.add("4")
    seated, kept, other, twice = scene.mentors
    with acting_as(scene.conn, scene.coordinator) as acting:
        for mentor in (seated, kept, other, twice):
            sign_ups.sign_up(acting, course, mentor)
        sign_ups.withdraw(acting, course, kept)
    scene.conn.execute("update mentorcert.peer_mentors set user_id = null where id = %s", (twice,))
    merge(scene.organisation, kept, twice)
    with acting_as(scene.conn, scene.coordinator) as acting:
        waiting_now = [one.peer_mentor_id for one in sign_ups.of_course(acting, course) if one.place]
    assert waiting_now == [other, kept]


def test_who_leaves_before_the_course_takes_no_seat_of_it(scene: Scene) -> None:
    course = scene.plan(30, seats=1)
    scene.conn.execute(
        "update mentorcert.peer_mentors set left_on = %s where id = %s",
        (today(scene.conn, 5), scene.mentors[0]),
    )
    assert not scene.get(course, scene.logins[0]).may_sign_up
    for who in (scene.logins[0], scene.coordinator):
        with pytest.raises(MissingRightError), acting_as(scene.conn, who) as acting:
            sign_ups.sign_up(acting, course, scene.mentors[0])


def test_many_who_leave_at_once_wait_in_no_circle(scene: Scene, database: str) -> None:
    scene.add("4")
    first, second = sorted(scene.plan() for _ in range(2))
    # As their rows come, one statement meets the second course first, the other one the first.
    with acting_as(scene.conn, scene.coordinator) as acting:
        for mentor, course in zip(scene.mentors, (second, first, first, second), strict=True):
            sign_ups.sign_up(acting, course, mentor)

    def leave(conn: Connection, mentors: list[UUID]) -> int:
        with conn.transaction():
            return conn.execute(
                "update mentorcert.peer_mentors set left_on = current_date - 1 where id = any(%s)", (mentors,)
            ).rowcount

    with (
        connect(database) as holder,
        connect(database) as one,
        connect(database) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        with holder.transaction():
            holder.execute("select from mentorcert_private.courses where id = %s for no key update", (first,))
            results = [threads.submit(leave, one, scene.mentors[2:])]
            wait_until(lambda: waiting(scene.conn) == 1, "one to wait")
            results.append(threads.submit(leave, other, scene.mentors[:2]))
            wait_until(lambda: waiting(scene.conn) == 2, "both to wait")
        assert [result.result(DEADLINE_S) for result in results] == [2, 2]
    states = rows(scene.conn, "select distinct state from mentorcert_private.course_sign_ups")
    assert states == [("withdrawn",)]


def test_a_deleted_login_has_not_signed_up_somebody_without_one(scene: Scene) -> None:
    course = scene.plan()
    with acting_as(scene.conn, scene.coordinator) as acting:
        sign_ups.sign_up(acting, course, scene.mentors[0])
    scene.conn.execute("update mentorcert.peer_mentors set user_id = null where id = %s", (scene.mentors[0],))
    scene.conn.execute("update mentorcert_private.course_sign_ups set signed_up_by = null")
    with acting_as(scene.conn, scene.coordinator) as acting:
        assert [one.by_peer_mentor for one in sign_ups.of_course(acting, course)] == [False]


@pytest.mark.parametrize(
    "more",
    [
        "starts => '{{10:00}}'",
        "chapter_ids => array[array[:chapter]]",
        "starts => '{23:00}', ends => '{24:00}'",
    ],
    ids=["starts", "chapters", "midnight"],
)
def test_what_no_reader_understands_is_not_planned(scene: Scene, more: str) -> None:
    """PostgREST takes nested lists: one such course would break the page of all courses for the whole chapter."""
    chapter = f"'{scene.organisation.chapter}'::uuid"
    chapters = "" if "chapter_ids" in more else ", chapter_ids => array[:chapter]"
    statement = f"kind => 'course', name_nb => 'x', types => array['basic'], days => array[current_date + 9], {more}{chapters}"
    with pytest.raises(psycopg.errors.CheckViolation), acting_as(scene.conn, scene.coordinator) as acting:
        acting.execute(f"select public.plan_course({statement})".replace(":chapter", chapter))

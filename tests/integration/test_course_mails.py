"""Mails about courses: each step once, in the language of the reader, and only while it is true."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from mentorcert.courses import courses, sign_ups
from mentorcert.courses.courses import CourseDay, Plan
from mentorcert.db.connection import Connection, acting_as
from mentorcert.notices.outbox import QueuedSender
from tests.support import mail
from tests.support.mail import PAGES, Mailbox, text_of
from tests.support.noticing import address, person
from tests.support.registry import Organisation, fetch, join, set_up, today


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


class Scene:
    """Two peer mentors with an address, one of whom reads English."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.organisation: Organisation = set_up(conn)
        self.first = person(self.organisation, "1", language="en")
        self.second = person(self.organisation, "2")

    def plan(self, ahead: int = 30, **more: object) -> Plan:
        planned: dict[str, object] = {
            "kind": "course",
            "name_nb": "Grunnkurs",
            "name_en": "Basic course",
            "types": ["basic"],
            "days": [CourseDay(today(self.conn, ahead))],
            "place": "Oslo",
            "seats": 1,
            **more,
        }
        return Plan(**planned)  # type: ignore[arg-type]

    def planned(self, ahead: int = 30, **more: object) -> UUID:
        with acting_as(self.conn, self.organisation.admin) as acting:
            return courses.plan(acting, self.plan(ahead, **more))

    def sign_up(self, course: UUID, *mentors: UUID) -> None:
        with acting_as(self.conn, self.organisation.admin) as acting:
            for mentor in mentors:
                sign_ups.sign_up(acting, course, mentor)

    def withdraw(self, course: UUID, mentor: UUID) -> None:
        with acting_as(self.conn, self.organisation.admin) as acting:
            sign_ups.withdraw(acting, course, mentor)

    def change(self, course: UUID, ahead: int = 30, **more: object) -> None:
        with acting_as(self.conn, self.organisation.admin) as acting:
            courses.change(acting, course, self.plan(ahead, **more))


@pytest.fixture
def scene(conn: Connection) -> Scene:
    return Scene(conn)


def sent(scene: Scene, box: Mailbox) -> list[tuple[str, str, str]]:
    """Send what waits; return to whom, the subject, and the text."""
    box.mails.clear()
    QueuedSender(box.server, PAGES).run(scene.conn)
    return sorted((to, message["Subject"], text_of(message)) for to, message in box.mails)


def subjects(scene: Scene, box: Mailbox) -> list[tuple[str, str]]:
    return [(to, subject) for to, subject, _ in sent(scene, box)]


def test_each_step_is_a_mail(scene: Scene, box: Mailbox) -> None:
    course = scene.planned()
    scene.sign_up(course, scene.first, scene.second)
    (one, other) = sent(scene, box)
    assert one[:2] == (address(1), "You are signed up for Basic course")
    assert other[:2] == (address(2), "Du står på ventelisten til Grunnkurs")
    assert ("Oslo" in one[2], f"{PAGES}/me/courses" in one[2], "plass 1" in other[2]) == (True, True, True)
    assert sent(scene, box) == []
    scene.withdraw(course, scene.first)
    assert subjects(scene, box) == [
        (address(1), "You are not signed up for Basic course any more"),
        (address(2), "Du har fått plass på Grunnkurs"),
    ]
    scene.change(course, 31, place="Bergen")
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject, "Bergen" in text) == (address(2), "Endret: Grunnkurs", True)
    # What nobody needs to know of
    scene.change(course, 31, place="Bergen", note="Bring a pen", seats=3)
    assert sent(scene, box) == []
    with acting_as(scene.conn, scene.organisation.admin) as acting:
        courses.cancel(acting, course, "For få påmeldte")
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject, "For få påmeldte" in text) == (address(2), "Avlyst: Grunnkurs", True)
    assert sent(scene, box) == []


def test_who_is_taken_off_by_somebody_else_is_informed_once(scene: Scene, box: Mailbox) -> None:
    course = scene.planned(seats=None)
    scene.sign_up(course, scene.first, scene.second)
    assert len(sent(scene, box)) == 2
    scene.withdraw(course, scene.first)
    login = uuid4()
    join(scene.organisation, login, "peer_mentor")
    scene.conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, scene.second))
    with acting_as(scene.conn, login) as acting:
        sign_ups.withdraw(acting, course)
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject) == (address(1), "You are not signed up for Basic course any more")
    assert ("somebody else has taken you off" in text, "If you cannot come" in text) == (True, False)
    assert sent(scene, box) == []
    # Once more, after another sign-up; not where that is true again by the time of sending.
    scene.sign_up(course, scene.first)
    assert len(sent(scene, box)) == 1
    scene.withdraw(course, scene.first)
    scene.sign_up(course, scene.first)
    assert subjects(scene, box) == [(address(1), "You are signed up for Basic course")]
    scene.withdraw(course, scene.first)
    assert subjects(scene, box) == [(address(1), "You are not signed up for Basic course any more")]


def test_what_is_not_true_any_more_is_not_sent(scene: Scene, box: Mailbox) -> None:
    course = scene.planned(seats=None)
    scene.sign_up(course, scene.first, scene.second)
    scene.withdraw(course, scene.first)
    scene.change(course, 33, seats=None)
    # The mail that still waits says the new day.
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject) == (address(2), "Du er påmeldt Grunnkurs")
    assert f"{today(scene.conn, 33).day}." in text
    scene.sign_up(course, scene.first)
    with acting_as(scene.conn, scene.organisation.admin) as acting:
        courses.cancel(acting, course, "Too few")
    assert subjects(scene, box) == [
        (address(1), "Cancelled: Basic course"),
        (address(2), "Avlyst: Grunnkurs"),
    ]


def test_nobody_is_written_to_of_the_past(scene: Scene, box: Mailbox) -> None:
    course = scene.planned(-3)
    scene.sign_up(course, scene.first)
    scene.change(course, -2, place="Bergen")
    with acting_as(scene.conn, scene.organisation.admin) as acting:
        courses.cancel(acting, course, "It was not held")
    assert sent(scene, box) == []


def test_a_reminder_once(scene: Scene, box: Mailbox) -> None:
    near, far = scene.planned(2, seats=None), scene.planned(9, seats=None)
    for course in (near, far):
        scene.sign_up(course, scene.first, scene.second)
    assert len(sent(scene, box)) == 4
    assert sent(scene, box) == []
    # Signed up, and written to, long ago
    scene.conn.execute(
        "update mentorcert_private.course_sign_ups set signed_up_at = now() - interval '20 days'"
    )
    scene.conn.execute("update mentorcert_private.notice_mails set queued_at = now() - interval '20 days'")
    scene.conn.execute(
        "update mentorcert.peer_mentors set reminders_paused = true where id = %s", (scene.second,)
    )
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject) == (address(1), "Reminder: Basic course")
    assert "which is soon" in text
    assert sent(scene, box) == []
    scene.conn.execute("update mentorcert_private.notice_mails set queued_at = now() - interval '20 days'")
    assert sent(scene, box) == []
    # Another day is another course to remember, unless its change was written about.
    scene.change(near, 1, seats=None)
    assert [subject for _, subject in subjects(scene, box)] == ["Changed: Basic course", "Endret: Grunnkurs"]
    assert sent(scene, box) == []


def test_who_has_no_address_waits_in_no_queue(scene: Scene, box: Mailbox) -> None:
    scene.conn.execute("update mentorcert.peer_mentors set email = null where id = %s", (scene.first,))
    scene.sign_up(scene.planned(), scene.first)
    assert fetch(scene.conn, "select count(*) from mentorcert_private.notice_mails") == 0
    assert sent(scene, box) == []


def test_who_leaves_is_not_written_to(scene: Scene, box: Mailbox) -> None:
    course = scene.planned(seats=None)
    scene.sign_up(course, scene.first)
    scene.conn.execute(
        "update mentorcert.peer_mentors set left_on = %s where id = %s",
        (today(scene.conn) - timedelta(days=1), scene.first),
    )
    assert sent(scene, box) == []

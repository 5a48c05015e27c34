"""Mails about requests for renewals: each step once, in the language of the reader, and only while it is the latest."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import renewal_requests
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import DuplicateError, MissingRightError, TransitionError
from mentorcert.notices.outbox import QueuedSender
from tests.support import mail
from tests.support.mail import PAGES, Mailbox, text_of
from tests.support.noticing import address, person
from tests.support.registry import Organisation, fetch, join, kinds, set_up, today

CORA = "cora@example.org"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


class Scene:
    """A peer mentor with a login and a certification, and the coordinator of the chapter."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.organisation: Organisation = set_up(conn)
        self.mentor = person(self.organisation, "1", language="en")
        self.held: UUID = self.organisation.certify(self.mentor, last_day=today(conn, 20))
        self.login, self.coordinator = uuid4(), uuid4()
        join(self.organisation, self.login, "peer_mentor")
        join(self.organisation, self.coordinator, "coordinator", self.organisation.chapter)
        conn.execute(
            "update mentorcert.peer_mentors set user_id = %s where id = %s", (self.login, self.mentor)
        )
        conn.execute(
            "update auth.users set email = %s, email_confirmed_at = now() where id = %s",
            (CORA, self.coordinator),
        )

    def ask(self) -> UUID:
        with acting_as(self.conn, self.login) as acting:
            return renewal_requests.ask(acting, self.held, "Course", today(self.conn, -1))


@pytest.fixture
def scene(conn: Connection) -> Scene:
    return Scene(conn)


def sent(scene: Scene, box: Mailbox) -> list[tuple[str, str, str]]:
    """Send what waits; return to whom, the subject, and the text."""
    box.mails.clear()
    QueuedSender(box.server, PAGES).run(scene.conn)
    return [(to, message["Subject"], text_of(message)) for to, message in box.mails]


def test_each_step_is_a_mail(scene: Scene, box: Mailbox) -> None:
    request = scene.ask()
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject.endswith("ber om å få fornyet en sertifisering")) == (CORA, True)
    assert f"{PAGES}/requests/{request}" in text
    assert sent(scene, box) == []
    with acting_as(scene.conn, scene.coordinator) as acting:
        renewal_requests.ask_back(acting, request, "Which course?")
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject) == (address(1), "A question about your request for a renewal")
    assert "Which course?" in text
    with acting_as(scene.conn, scene.login) as acting:
        renewal_requests.answer(acting, request, "The second")
    [(to, *_)] = sent(scene, box)
    assert to == CORA
    with acting_as(scene.conn, scene.coordinator) as acting:
        renewal_requests.approve(acting, request)
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject) == (address(1), "Your certification was renewed")
    assert "The last valid day is" in text
    assert sent(scene, box) == []


def test_what_has_gone_on_is_not_sent(scene: Scene, box: Mailbox) -> None:
    request = scene.ask()
    with acting_as(scene.conn, scene.coordinator) as acting:
        renewal_requests.refuse(acting, request, "Not this one")
    [(to, subject, text)] = sent(scene, box)
    assert (to, subject) == (address(1), "Your request for a renewal was refused")
    assert "Not this one" in text
    scene.ask()
    with acting_as(scene.conn, scene.coordinator) as acting:
        acting.execute("select public.renew_certification(%s)", (scene.held,))
    assert sent(scene, box) == []


def test_a_question_and_two_approvals_at_once(scene: Scene, database: str, box: Mailbox) -> None:
    """One of many is taken: nothing is asked, renewed or sent twice."""
    day = today(scene.conn, -1)

    def asked(_: int) -> bool:
        try:
            with connect(database, autocommit=True) as own, acting_as(own, scene.login) as acting:
                renewal_requests.ask(acting, scene.held, "Course", day)
        except DuplicateError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(asked, range(4))) == [False, False, False, True]
    request = fetch(scene.conn, "select id from mentorcert_private.renewal_requests")
    days = [today(scene.conn, -1), today(scene.conn)] * 2

    def approved(number: int) -> bool:
        try:
            with connect(database, autocommit=True) as own, acting_as(own, scene.coordinator) as acting:
                renewal_requests.approve(acting, request, renewed_on=days[number])
        except TransitionError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(approved, range(4))) == [False, False, False, True]
    assert kinds(scene.conn, scene.held) == ["issued", "renewed"]
    assert [to for to, *_ in sent(scene, box)] == [address(1)]


def test_who_has_no_right_renews_nothing(scene: Scene) -> None:
    request = scene.ask()
    for user in (scene.login, uuid4()):
        with pytest.raises(MissingRightError), acting_as(scene.conn, user) as acting:
            renewal_requests.approve(acting, request)
    assert kinds(scene.conn, scene.held) == ["issued"]
    assert [one.id for one in renewal_requests.of_organisation(scene.conn, None)] == [request]

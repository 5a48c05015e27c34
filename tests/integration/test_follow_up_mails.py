"""Mails about follow-ups: on the day, once, to the person responsible, in that person's language."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.notices.outbox import QueuedSender
from tests.support import mail
from tests.support.mail import PAGES, Mailbox, nothing, text_of
from tests.support.noticing import person
from tests.support.registry import Organisation, fetch, join, rows, set_up

CORA = "cora@example.org"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


class Scene:
    """A coordinator who is responsible for a follow-up of a peer mentor, due since eight in the morning."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.organisation: Organisation = set_up(conn)
        self.mentor = person(self.organisation)
        self.coordinator = uuid4()
        join(self.organisation, self.coordinator, "coordinator", self.organisation.chapter)
        conn.execute(
            "update auth.users set email = %s, email_confirmed_at = now() where id = %s",
            (CORA, self.coordinator),
        )
        self.day = fetch(conn, "select mentorcert_private.day_of(now() - interval '8 hours', 'Europe/Oslo')")
        with acting_as(conn, self.coordinator) as acting:
            self.note: UUID = fetch(
                acting, "select public.write_note(%s, 'Private words', %s)", self.mentor, self.day
            )


@pytest.fixture
def scene(conn: Connection) -> Scene:
    return Scene(conn)


def sent(scene: Scene, box: Mailbox) -> list[tuple[str, str, str]]:
    """Send what waits; return to whom, the subject, and the text."""
    box.mails.clear()
    QueuedSender(box.server, PAGES).run(scene.conn)
    return [(to, message["Subject"], text_of(message)) for to, message in box.mails]


def states(scene: Scene) -> list[str]:
    return [state for (state,) in rows(scene.conn, "select state from mentorcert_private.notice_mails")]


def test_a_mail_on_the_day(scene: Scene, box: Mailbox) -> None:
    [(to, subject, text)] = sent(scene, box)
    assert to == CORA
    assert subject.startswith(f"Oppfølging {scene.day.day}. ")
    assert f"Se notatet: {PAGES}/mentors/{scene.mentor}/notes" in text
    assert "Private words" not in str(box.mails)
    assert sent(scene, box) == []
    assert states(scene) == ["sent"]


def test_in_the_language_of_the_login(scene: Scene, box: Mailbox) -> None:
    own = person(scene.organisation, "2", language="en")
    scene.conn.execute(
        "update mentorcert.peer_mentors set user_id = %s where id = %s", (scene.coordinator, own)
    )
    [(_, subject, text)] = sent(scene, box)
    assert subject.startswith(f"Follow-up on {scene.day.day} ")
    assert "See what was noted:" in text


def test_what_is_done_is_not_sent(scene: Scene, box: Mailbox) -> None:
    """Nor is it once it was given back by the mail server and done meanwhile."""
    box.before_data = lambda _: "450 later"
    assert sent(scene, box) == []
    assert states(scene) == ["queued"]
    with acting_as(scene.conn, scene.coordinator) as acting:
        acting.execute("select public.settle_note(%s, true)", (scene.note,))
    scene.conn.execute("update mentorcert_private.notice_mails set claimed_at = now() - interval '1 hour'")
    box.before_data = nothing
    assert sent(scene, box) == []
    assert states(scene) == ["released"]


def test_workers_at_once_send_it_once(scene: Scene, database: str, box: Mailbox) -> None:
    def work(_: int) -> None:
        with connect(database, autocommit=True) as own:
            QueuedSender(box.server, PAGES).run(own)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert box.recipients == [CORA]


def test_nothing_while_notices_are_held(scene: Scene, box: Mailbox) -> None:
    scene.conn.execute("insert into mentorcert_private.restores (epoch, reason) values (1, 'test')")
    assert sent(scene, box) == []
    assert states(scene) == []

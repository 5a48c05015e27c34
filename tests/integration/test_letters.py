"""Letters from the draft to the mail server: each person once, alone, with an address to answer to."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import InvalidArgumentError
from mentorcert.notices import ledger, letters
from mentorcert.notices.outbox import QueuedSender
from mentorcert.organisations import data_subjects
from tests.support import mail
from tests.support.mail import PAGES, SENDER, Mailbox, hang_up, text_of
from tests.support.noticing import address, person
from tests.support.registry import Organisation, fetch, rows, set_up

ADAM = "adam@example.org"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    made = set_up(conn)
    conn.execute(
        "update auth.users set email = %s, email_confirmed_at = now() where id = %s", (ADAM, made.admin)
    )
    return made


def drafted(
    organisation: Organisation, mentors: list[UUID], subject: str = "Møte", body: str = "Vel møtt."
) -> UUID:
    with organisation.as_admin() as acting:
        letter = letters.draft(acting, mentors)
        letters.write(acting, letter, subject, body)
    return letter


def sent(organisation: Organisation, letter: UUID) -> int:
    with organisation.as_admin() as acting:
        return letters.send(acting, letter, letters.get(acting, letter).written_at)


def run(conn: Connection, box: Mailbox) -> dict[str, int]:
    report = QueuedSender(box.server, PAGES).run(conn)
    return dict(report.mails) | ({"error": 1} if report.error else {})


def states(conn: Connection) -> list[str]:
    found = rows(
        conn,
        "select mail.state from mentorcert_private.notice_mails as mail join mentorcert.peer_mentors as mentor"
        " on mentor.id = mail.peer_mentor_id order by mentor.external_id",
    )
    return [state for (state,) in found]


def test_each_gets_a_mail_of_their_own(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    mentors = [person(organisation, "1"), person(organisation, "2", language="en")]
    letter = drafted(
        organisation, mentors, "Kurs\r\nBcc: x@example.org =?utf-8?q?x?=", "Linje én\n\nLinje 3 <b>"
    )
    assert sent(organisation, letter) == 2
    assert run(conn, box) == {"sent": 2}
    assert sorted(box.recipients) == [address(1), address(2)]
    by_address = dict(box.mails)
    for to, message in box.mails:
        assert message["To"] == to
        assert (message["From"], message["Reply-To"]) == (SENDER, ADAM)
        assert message["Bcc"] is message["Cc"] is message["Auto-Submitted"] is None
        assert message["Subject"] == "Kurs Bcc: x@example.org = ?utf-8?q?x?="
        assert [part.get_content_type() for part in message.walk()] == ["text/plain"]
        assert text_of(message).replace("\r\n", "\n").startswith("Linje én\n\nLinje 3 <b>\n\n-- \n")
    assert "Svar går til adam@example.org" in text_of(by_address[address(1)])
    assert "An answer goes to adam@example.org" in text_of(by_address[address(2)])
    assert run(conn, box) == {}
    with organisation.as_admin() as acting:
        assert [one.state for one in letters.deliveries(acting, letter)] == ["sent", "sent"]
        (received,) = letters.to_peer_mentor(acting, mentors[0])
    assert (received.written_by, received.state) == (ADAM, "sent")
    exported = data_subjects.export(conn, mentors[0])["letters"]
    assert [(one["body"], one["written_by"], one["state"]) for one in exported] == [
        ("Linje én\n\nLinje 3 <b>", ADAM, "sent")
    ]


def test_two_clicks_at_once_send_once(
    conn: Connection, database: str, organisation: Organisation, box: Mailbox
) -> None:
    letter = drafted(organisation, [person(organisation, str(number)) for number in range(20)])
    written_at = fetch(conn, "select written_at from mentorcert_private.letters")

    def click(_: int) -> int:
        with connect(database, autocommit=True) as own, acting_as(own, organisation.admin) as acting:
            return letters.send(acting, letter, written_at)

    def work(_: int) -> dict[str, int]:
        with connect(database, autocommit=True) as own:
            return run(own, box)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(click, range(4))) == [0, 0, 0, 20]
        assert sum(one.get("sent", 0) for one in threads.map(work, range(4))) == 20
    assert len(set(box.recipients)) == len(box.recipients) == 20


def test_ten_an_hour_also_at_once(conn: Connection, database: str, organisation: Organisation) -> None:
    mentor = person(organisation)
    drafts = [drafted(organisation, [mentor]) for _ in range(12)]
    written = dict(rows(conn, "select id, written_at from mentorcert_private.letters"))

    def click(letter: UUID) -> int:
        try:
            with connect(database, autocommit=True) as own, acting_as(own, organisation.admin) as acting:
                return letters.send(acting, letter, written[letter])
        except InvalidArgumentError:
            return 0

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(click, drafts)) == 10
    assert len(states(conn)) == 10


def test_refused_for_good_for_now_and_in_doubt(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    mentors = [person(organisation, "1"), person(organisation, "2")]
    sent(organisation, drafted(organisation, mentors))
    box.refused = {address(1)}
    box.after_data = lambda _: "451 come back later"
    assert run(conn, box) == {"refused": 2}
    assert states(conn) == ["refused", "queued"]
    with organisation.as_admin() as acting:
        again = letters.draft(acting, mentors)
        found = letters.recipients(acting, again)
    assert [one.outcome for one in found] == ["refused", "mail"]
    box.after_data = hang_up
    later(conn)
    assert run(conn, box) == {"uncertain": 1}
    later(conn)
    assert run(conn, box) == {}
    assert states(conn) == ["refused", "sending"]
    conn.execute(
        "update mentorcert_private.notice_mails set claimed_at = now() - interval '2 hours' where state = 'sending'"
    )
    (doubtful,) = ledger.uncertain(conn)
    assert doubtful.kind == "letter"
    ledger.report(conn, released=[doubtful.mail_id])
    assert states(conn) == ["refused", "queued"]


def later(conn: Connection) -> None:
    """Let what came back be due."""
    conn.execute(
        "update mentorcert_private.notice_mails"
        " set claimed_at = now() - interval '6 minutes', queued_at = now() - interval '7 minutes'"
        " where state = 'queued'"
    )


def test_nothing_is_lost_while_the_mail_server_is_away(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    sent(organisation, drafted(organisation, [person(organisation, "1"), person(organisation, "2")]))
    box.on_sender = lambda _: "550 not you"
    assert run(conn, box) == {"error": 1}
    assert states(conn) == ["queued", "queued"]
    box.on_sender = mail.nothing
    assert run(conn, box) == {}
    later(conn)
    assert run(conn, box) == {"sent": 2}

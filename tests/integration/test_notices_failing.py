"""Notices when something fails: what is certain goes out later, what is not never goes out by itself."""

import json
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, connect
from mentorcert.loops import LONGEST_WAIT_S
from mentorcert.notices import ledger
from mentorcert.notices.sending import Sender
from mentorcert.operations import doctor
from tests.support import command, mail
from tests.support.mail import PAGES, Mailbox, hang_up
from tests.support.noticing import (
    MORNING,
    address,
    ends_in,
    outcomes,
    person,
    run,
    run_days_ago,
    set_up_without_digests,
)
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch, rows, set_up, today
from tests.support.sessions import meanwhile, wait_until, working

DAY = timedelta(1)
DONE = "select count(*) from mentorcert_private.job_runs where finished_at is not null"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up_without_digests(conn)


class Turns(threading.Event):
    """Does not wait, and stops after as many turns."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.waits_s = number, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits_s.append(timeout)
        if len(self.waits_s) == self.number:
            self.set()
        return self.is_set()


def set_up_at_noon(conn: Connection) -> Organisation:
    """Set up an organisation where the morning has come: in a time zone in which it is noon, or nearly."""
    west = datetime.now(UTC).hour - 12
    organisation = set_up(conn, time_zone=f"Etc/GMT{west:+d}" if west else "Etc/GMT")
    conn.execute("delete from mentorcert.memberships")
    return organisation


def due(organisation: Organisation, number: int = 1) -> list[UUID]:
    """Add people whose certifications end in a week, by the calendar of the tests."""
    mentors = [person(organisation, str(each)) for each in range(number)]
    for mentor in mentors:
        organisation.certify(mentor, last_day=ends_in(7))
    return mentors


def due_now(organisation: Organisation, number: int) -> None:
    """Add people whose certifications end in a week, by the calendar of the server."""
    day = today(organisation.conn, time_zone=organisation.time_zone)
    run_days_ago(organisation, 1, day)
    for each in range(number):
        organisation.certify(person(organisation, str(each)), last_day=ends_in(7, day))


def open_days(conn: Connection) -> list[tuple[object, ...]]:
    return rows(
        conn, "select error from mentorcert_private.job_runs where job = 'notices' and finished_at is null"
    )


def test_a_server_that_is_away_costs_nothing(conn: Connection, organisation: Organisation) -> None:
    due(organisation)
    with mail.mailbox() as box:
        pass
    report = run(conn, box)
    assert not report.is_complete
    assert (report.reminders.total(), outcomes(conn)) == (0, [])
    assert report.error is not None
    assert "ConnectionRefusedError" in report.error
    assert open_days(conn) == [(report.error,)]
    with mail.mailbox() as back:
        assert run(conn, back).is_complete
        assert back.recipients == [address(0)]
    assert open_days(conn) == []


def test_a_server_that_refuses_us_is_asked_no_more(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    due(organisation, 150)
    box.on_sender = lambda _: "550 not from you"
    report = run(conn, box)
    assert report.error == f"The mail server refuses mails from {mail.SENDER}."
    assert (box.senders, outcomes(conn)) == (1, [])


def test_a_server_that_hangs_up_between_mails_gets_the_rest_by_another_connection(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    due(organisation, 20)
    box.on_sender = lambda server: hang_up(server) if box.senders % 4 == 0 else None
    assert run(conn, box).reminders == {"sent": 20}
    assert sorted(box.recipients) == sorted(address(each) for each in range(20))


@pytest.mark.parametrize("answer", ["452 too much", "554 no", "421 closing"])
def test_a_refusal_after_the_mail_makes_it_due_again(
    conn: Connection, organisation: Organisation, box: Mailbox, answer: str
) -> None:
    due(organisation, 3)
    box.after_data = lambda _: answer if len(box.mails) == 1 and box.senders < 3 else None
    report = run(conn, box)
    assert report.reminders == {"sent": 2, "refused": 1}
    assert not report.is_complete
    assert run(conn, box, MORNING + DAY).reminders == {"sent": 1}
    assert sorted(box.recipients) == [address(0), address(1), address(2)]


def test_what_may_have_gone_out_never_goes_out_again(
    conn: Connection, database: str, organisation: Organisation, box: Mailbox
) -> None:
    due(organisation, 2)
    box.after_data = lambda server: hang_up(server) if box.senders == 1 else None
    report = run(conn, box)
    assert report.reminders == {"sent": 1, "uncertain": 1}
    assert not report.is_complete
    assert run(conn, box, MORNING + DAY).reminders.total() == 0

    assert ledger.uncertain(conn) == []
    conn.execute("update mentorcert_private.notice_mails set claimed_at = now() - interval '61 minutes'")
    (doubtful,) = ledger.uncertain(conn)
    listed = command.run("notices", "--status", "--json", database_url=database)
    assert [one["mail_id"] for one in json.loads(listed.stdout)] == [str(doubtful.mail_id)]
    (found,) = [one for one in doctor.examine(conn) if one.check == "no notice is in doubt"]
    assert (found.state, found.found) == ("notice", "demo: 1")

    wrong = command.run("notices", "--was-sent", str(UUID(int=1)), database_url=database)
    assert wrong.returncode == 2
    settled = command.run("notices", "--was-not-sent", str(doubtful.mail_id), database_url=database)
    assert "No mail is in doubt." in settled.stdout
    assert run(conn, box, MORNING + DAY).reminders == {"sent": 1}
    assert sorted(box.recipients) == [address(0), address(1)]


def test_what_is_said_to_have_gone_out_is_settled(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    due(organisation)
    box.after_data = hang_up
    run(conn, box)
    conn.execute("update mentorcert_private.notice_mails set claimed_at = now() - interval '61 minutes'")
    ledger.report(conn, sent=[one.mail_id for one in ledger.uncertain(conn)])
    assert ledger.uncertain(conn) == []
    assert [state for *_, state in outcomes(conn)] == ["sent", "sent", "sent"]


def test_two_claims_at_once_take_each_once(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    mentors = due(organisation, 5)
    taken: list[UUID] = []
    late = meanwhile(
        conn,
        database,
        lambda one: taken.extend(ledger.claim(one, mentors[:3], MORNING)),
        lambda other: ledger.claim(other, mentors, MORNING),
    )
    assert (len(taken), len(late)) == (3, 2)
    reminders = ledger.reminders(conn, taken, MORNING)
    assert sorted(one.address for one in reminders) == [address(0), address(1), address(2)]
    assert sorted(one.address for one in ledger.reminders(conn, late, MORNING)) == [address(3), address(4)]
    assert ledger.claim(conn, mentors, MORNING) == []


def test_two_schedulers_send_once(conn: Connection, database: str, organisation: Organisation) -> None:
    """A stray second scheduler sends nothing a second time."""
    due_now(organisation, 230)
    with mail.mailbox() as box:
        both = [command.start("notices", database_url=database, **box.settings) for _ in range(2)]
        said = [process.communicate() for process in both]
        assert [process.returncode for process in both] == [0, 0], said
    assert sorted(box.recipients) == sorted(address(each) for each in range(230))
    assert fetch(conn, "select count(*) from mentorcert_private.notice_mails where state = 'sent'") == 230


def test_killed_while_it_sends(conn: Connection, database: str, organisation: Organisation) -> None:
    due_now(organisation, 130)
    started = threading.Event()

    def kill(_: object) -> None:
        if len(box.mails) == 40:
            assert started.wait(DEADLINE_S)
            process.kill()

    with mail.mailbox() as box:
        box.after_data = kill
        process = command.start("notices", database_url=database, **box.settings)
        started.set()
        process.communicate()
        wait_until(lambda: working(conn) == 0, "the killed one's session to end")
        assert (
            fetch(conn, "select count(*) from mentorcert_private.notice_mails where state = 'sending'") == 100
        )
        again = command.run("notices", database_url=database, **box.settings)
        assert again.returncode == 0, again.stderr
    assert len(set(box.recipients)) == len(box.recipients)
    assert fetch(conn, "select count(*) from mentorcert_private.notice_mails where state = 'sent'") == 30


def test_a_worker_that_is_stopped_gives_back_what_it_did_not_send(
    conn: Connection, database: str, organisation: Organisation, box: Mailbox
) -> None:
    due(organisation, 10)
    stop = threading.Event()
    box.after_data = lambda _: stop.set() if len(box.mails) == 3 else None
    report = run(conn, box, stop=stop)
    assert report.reminders == {"sent": 4}
    assert len(open_days(conn)) == 1
    assert run(conn, box).reminders == {"sent": 6}
    assert len(set(box.recipients)) == 10


def test_the_role_of_the_jobs_sends(conn: Connection, database: str, organisation: Organisation) -> None:
    due_now(organisation, 3)
    jobs = make_conninfo(database, user="mentorcert_jobs")
    with mail.mailbox() as box:
        done = command.run("notices", "--json", database_url=jobs, **box.settings)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reminders"] == {"sent": 3}
    assert len(box.mails) == 3
    with connect(jobs, autocommit=True) as worker:
        listed = ledger.due(worker)
        assert listed == []
        with pytest.raises(Exception, match="notices cannot be sent as of"):
            ledger.start(worker, MORNING + 9999 * DAY)


def test_the_worker_sends_once_each_morning(conn: Connection, database: str) -> None:
    organisation = set_up_at_noon(conn)
    organisation.certify(person(organisation), last_day=today(conn, 6, organisation.time_zone))
    with mail.mailbox() as box:
        worker = command.start("worker", database_url=database, **box.settings)
        night = "select count(*) from mentorcert_private.nights where finished_at is not null"
        wait_until(
            lambda: (fetch(conn, DONE), fetch(conn, night), working(conn)) == (1, 1, 0),
            "the night and the morning",
        )
        worker.send_signal(signal.SIGTERM)
        said, errors = worker.communicate()
        assert (worker.returncode, errors, said) == (0, "", "Running; stop with Ctrl-C.\n")
        Sender(box.server, PAGES).run_forever(lambda: connect(database, autocommit=True), Turns(1))
        assert box.recipients == [address(1)]
    assert fetch(conn, "select mentorcert_private.next_notices_at(now()) > now()")


def test_when_the_morning_comes(conn: Connection, organisation: Organisation) -> None:
    def next_at(at: object) -> object:
        return fetch(conn, "select mentorcert_private.next_notices_at(%s)", at)

    # The clock is put forward on 29 March.
    run_days_ago(organisation, -26)
    assert next_at(MORNING + 26 * DAY) == MORNING + 26 * DAY + timedelta(hours=22)
    run_days_ago(organisation, 1)
    seven = MORNING - timedelta(hours=1)
    assert [next_at(at) for at in (seven - timedelta(hours=5), seven, MORNING)] == [seven, seven, seven]
    run_days_ago(organisation, 0)
    assert next_at(MORNING) == seven + DAY


def test_the_watch_sends_what_is_due_and_waits_for_a_server_that_is_away(
    conn: Connection, database: str, box: Mailbox
) -> None:
    due_now(set_up_at_noon(conn), 1)
    conn.execute("update mentorcert_private.job_runs set local_day = local_day - 2")
    answers = iter(["550 not from you", None])
    box.on_sender = lambda _: next(answers)
    turns = Turns(2)
    Sender(box.server, PAGES).run_forever(lambda: connect(database, autocommit=True), turns)
    assert turns.waits_s[0] == LONGEST_WAIT_S
    assert 0 < turns.waits_s[1] <= LONGEST_WAIT_S
    assert box.recipients == [address(0)]

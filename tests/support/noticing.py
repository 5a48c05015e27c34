"""What the tests of the notices share: a morning, people with an address, and what the ledger says."""

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from mentorcert.db.connection import Connection
from mentorcert.notices.sending import Report, Sender
from tests.support.mail import PAGES, Mailbox
from tests.support.registry import Organisation, rows, set_up, utc

TODAY: Final = date(2026, 3, 2)
MORNING: Final = utc(2026, 3, 2, 8)


def set_up_without_digests(conn: Connection) -> Organisation:
    """Set up an organisation in which nobody gets a digest, and which sent notices the day before."""
    organisation = set_up(conn)
    conn.execute("delete from mentorcert.memberships")
    run_days_ago(organisation, 1)
    return organisation


def run_days_ago(organisation: Organisation, days: int, today: date = TODAY) -> None:
    """Have the ledger say that notices were sent on a day, and on none since."""
    organisation.conn.execute("delete from mentorcert_private.job_runs where job = 'notices'")
    organisation.conn.execute(
        "insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, finished_at)"
        " values ('notices', %s, %s, now(), now(), now())",
        (organisation.id, today - timedelta(days)),
    )


def person(organisation: Organisation, number: str = "1", *, language: str = "nb") -> UUID:
    """Add a peer mentor with an address."""
    mentor = organisation.mentor(number)
    organisation.conn.execute(
        "update mentorcert.peer_mentors set email = %s, language = %s where id = %s",
        (address(number), language, mentor),
    )
    return mentor


def address(number: str | int) -> str:
    """Return the address of a person."""
    return f"person{number}@example.org"


def ends_in(days: int, today: date = TODAY) -> date:
    """Return the last valid day of what no longer holds this many days later."""
    return today + timedelta(days - 1)


def run(conn: Connection, box: Mailbox, at: Any = MORNING, **options: Any) -> Report:
    """Send what is due as of an instant."""
    return Sender(box.server, PAGES).run(conn, as_of=at, **options)


def outcomes(conn: Connection) -> list[tuple[Any, ...]]:
    """Return each entry of the ledger: days before, outcome, state of the mail."""
    return rows(
        conn,
        """
        select notice.days_before, notice.outcome, mail.state
        from mentorcert_private.notices as notice left join mentorcert_private.notice_mails as mail on mail.id = notice.mail_id
        order by notice.certification_id, notice.expires_at, notice.days_before desc
        """,
    )

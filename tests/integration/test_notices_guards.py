"""Each guard of the notices is proven by taking it away: then a test must fail."""

from collections.abc import Callable, Iterator
from functools import partial

import psycopg
import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import DatabaseError
from tests.integration import test_notice_digests as digests
from tests.integration import test_notices as notices
from tests.integration import test_notices_failing as failing
from tests.support import mail
from tests.support.mail import Mailbox
from tests.support.noticing import set_up_without_digests
from tests.support.registry import Organisation, fetch
from tests.support.servers import on_embedded_18

DUE = "mentorcert_private.due_notices(timestamptz, integer, uuid[])"
ORGANISATIONS = "mentorcert_private.notice_organisations(timestamptz, integer)"
CLAIM = "mentorcert_private.claim_notices(uuid[], timestamptz, integer)"
REPORT = "mentorcert_private.report_notices(uuid[], uuid[])"
LINES = "mentorcert_private.digest_contents(uuid, uuid, timestamptz)"

Scenario = Callable[[Connection, Organisation, Mailbox], None]

without_address = partial(
    notices.test_a_change_in_between_cancels, change="update mentorcert.peer_mentors set email = null"
)

refused_once = partial(failing.test_a_refusal_after_the_mail_makes_it_due_again, answer="452 too much")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@on_embedded_18
@pytest.mark.parametrize(
    ("function", "guard", "instead", "scenario"),
    [
        (DUE, "handled.days_before <= latest.days_before", "false", notices.test_each_offset_is_sent_once),
        (DUE, "> organisation.reach then", "> 9999 then", notices.test_the_first_run_leaves_the_past_alone),
        (DUE, "certification.status = 'suspended'", "false", notices.test_who_cannot_be_notified_is_counted),
        (DUE, "not mentorcert_private.is_address(mentor.email)", "false", without_address),
        (DUE, "type.reminder_days <> '{}'", "true", notices.test_a_type_has_its_own_offsets),
        (ORGANISATIONS, "- ledger.last_day", "- null::date", notices.test_an_outage_becomes_one_mail),
        (CLAIM, "days >= due.days_before", "days = due.days_before", notices.test_an_outage_becomes_one_mail),
        (CLAIM, "candidate.outcome = 'mail'", "true", without_address),
        (REPORT, "mail.id = any(report_notices.released)", "false", refused_once),
        (LINES, "certification.status <> 'suspended'", "true", digests.test_within_reach),
        (LINES, "and mentorcert_private.is_address(login.email)", "", digests.test_within_reach),
        (LINES, "max(mail.covered_until)", "null::date", digests.test_once_a_week_whatever_the_day),
    ],
)  # fmt: skip
def test_without_it_a_test_fails(
    conn: Connection, box: Mailbox, *, function: str, guard: str, instead: str, scenario: Scenario
) -> None:
    organisation = set_up_without_digests(conn)
    take_away(conn, function, guard, instead)
    with pytest.raises((AssertionError, DatabaseError, psycopg.Error)):
        scenario(conn, organisation, box)


@on_embedded_18
def test_without_locks_two_claims_take_the_same(conn: Connection, database: str) -> None:
    organisation = set_up_without_digests(conn)
    take_away(conn, CLAIM, "for no key update skip locked", "")
    with pytest.raises(AssertionError):
        failing.test_two_claims_at_once_take_each_once(conn, database, organisation)


def take_away(conn: Connection, function: str, guard: str, instead: str) -> None:
    source: str = fetch(conn, "select pg_get_functiondef(%s::regprocedure)", function)
    assert guard in source
    conn.execute(source.replace(guard, instead).encode())

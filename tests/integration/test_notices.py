"""Reminders: to whom, when, in which words; each at most once, and none is lost, whatever a day brings."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from mentorcert.db import migrate
from mentorcert.db.connection import Connection
from mentorcert.notices import ledger
from tests.support import mail
from tests.support.mail import Mailbox, text_of
from tests.support.noticing import (
    MORNING,
    TODAY,
    ends_in,
    outcomes,
    person,
    run,
    run_days_ago,
    set_up_without_digests,
)
from tests.support.registry import Organisation, fetch, set_up, utc


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up_without_digests(conn)


def test_each_offset_is_sent_once(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    """Run twice on each of 120 days."""
    organisation.certify(person(organisation), last_day=ends_in(100))
    on = []
    for day in range(120):
        for hour in (0, 1):
            before = len(box.mails)
            assert run(conn, box, MORNING + timedelta(days=day, hours=hour)).is_complete
            on += [100 - day] * (len(box.mails) - before)
    assert on == [90, 30, 7, 0]
    assert outcomes(conn) == [(days, "mailed", "sent") for days in (90, 30, 7, 0)]
    assert fetch(conn, "select count(*) from mentorcert_private.notice_mails") == 4


def test_an_outage_becomes_one_mail(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    mentor = person(organisation)
    organisation.certify(mentor, last_day=ends_in(5))
    organisation.certify(mentor, "half", last_day=ends_in(-40))
    organisation.certify(mentor, "yearly", last_day=ends_in(61))
    run_days_ago(organisation, 60)
    assert run(conn, box).is_complete
    ((recipient, message),) = box.mails
    assert recipient == "person1@example.org"
    for fact in ("basic: siste gyldige dag er 6. mars 2026", "half: siste gyldige dag var 20. januar 2026"):
        assert fact in text_of(message)
    assert "yearly" in text_of(message)
    assert sorted(outcomes(conn)) == sorted(
        [
            (90, "collapsed", "sent"), (30, "collapsed", "sent"), (7, "mailed", "sent"),
            *[(days, "collapsed", "sent") for days in (90, 30, 7)], (0, "mailed", "sent"),
            (90, "mailed", "sent"),
        ]
    )  # fmt: skip
    assert run(conn, box, MORNING + timedelta(hours=1)).reminders.total() == 0


def test_missed_days_are_made_up_for(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    """A notice that goes out only if the job runs on one exact day is a notice lost."""
    for number, days in enumerate([27, 28, 29, 30, 31]):
        organisation.certify(person(organisation, str(number)), last_day=ends_in(days))
    run(conn, box)
    assert sorted(box.recipients) == [f"person{number}@example.org" for number in range(4)]


def test_nobody_is_missing(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    """Over several batches, with some whom the server refuses; those are notified when it accepts them."""
    for number in range(250):
        organisation.certify(person(organisation, str(number)), last_day=ends_in(7))
    box.refused = {f"person{number}@example.org" for number in range(0, 250, 25)}
    report = run(conn, box)
    assert report.reminders == {"sent": 240, "refused": 10}
    assert not report.is_complete
    assert box.senders >= 250
    box.refused.clear()
    assert run(conn, box, MORNING + timedelta(1)).reminders == {"sent": 10}
    assert sorted(box.recipients) == sorted(f"person{number}@example.org" for number in range(250))


def test_after_a_renewal_a_notice_of_the_new_end_is_sent(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    certification = organisation.certify(person(organisation), last_day=ends_in(30))
    run(conn, box)
    conn.execute(
        "update public.peer_mentor_certifications set expires_at = %s where id = %s",
        (organisation.midnight(TODAY + timedelta(366)), certification),
    )
    sent = []
    for days in range(1, 370, 3):
        before = len(box.mails)
        run(conn, box, MORNING + timedelta(days))
        sent += [days] * (len(box.mails) - before)
    # Looked at every third day: within three of 90, 30, 7 and 0 before the new end.
    assert [366 - days for days in sent] == [89, 29, 5, -1]


@pytest.mark.parametrize(
    "change",
    [
        "update public.peer_mentor_certifications set expires_at = expires_at + interval '1 year'",
        "update public.peer_mentor_certifications set status = 'suspended'",
        "select mentorcert_private.erase_peer_mentor(id) from mentorcert.peer_mentors",
        "update mentorcert.peer_mentors set email = null",
    ],
    ids=["renewed", "suspended", "erased", "address removed"],
)
def test_a_change_in_between_cancels(
    conn: Connection, organisation: Organisation, box: Mailbox, change: str
) -> None:
    """The change comes after the list was made, and before the claim."""
    mentor = person(organisation)
    organisation.certify(mentor, last_day=ends_in(7))
    assert [one.outcome for one in ledger.due(conn, MORNING)] == ["mail"]
    conn.execute(change.encode())
    assert ledger.claim(conn, [mentor], MORNING) == []
    assert run(conn, box).is_complete
    assert box.mails == []
    assert outcomes(conn) == []


def test_a_domain_in_other_letters_is_sent_as_punycode(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    organisation.certify(organisation.mentor("1"), last_day=ends_in(7))
    conn.execute("update mentorcert.peer_mentors set email = 'Post@Blåbær.NO'")
    assert run(conn, box).is_complete
    assert box.recipients == ["Post@xn--blbr-roah.no"]
    assert box.mails[0][1]["To"] == "Post@xn--blbr-roah.no"


def test_who_cannot_be_notified_is_counted(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    for number, email in enumerate([None, "", "=?utf-8?b?DQpCY2M6IGM=?=@example.org"]):
        organisation.certify(organisation.mentor(str(number)), last_day=ends_in(7))
        conn.execute(
            "update mentorcert.peer_mentors set email = %s where external_id = %s", (email, str(number))
        )
    suspended = organisation.certify(person(organisation, "suspended"), last_day=ends_in(7))
    conn.execute(
        "update public.peer_mentor_certifications set status = 'suspended' where id = %s", (suspended,)
    )
    erased = person(organisation, "erased")
    organisation.certify(erased, last_day=ends_in(-1))
    conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (erased,))
    report = run(conn, box)
    assert {**report.unsent} == {"no_address": 3, "suspended": 1, "skipped": 0}
    assert report.is_complete
    assert box.mails == []
    # They wait: who is reinstated, or gets an address, is notified.
    conn.execute("update mentorcert.peer_mentors set email = 'found@example.org' where external_id = '0'")
    conn.execute("update public.peer_mentor_certifications set status = 'active' where id = %s", (suspended,))
    run(conn, box, MORNING + timedelta(1))
    assert sorted(box.recipients) == ["found@example.org", "personsuspended@example.org"]


def test_the_first_run_leaves_the_past_alone(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    conn.execute("delete from mentorcert_private.job_runs")
    for number, days in enumerate([-2000, -15, -14, 15, 16, 100]):
        organisation.certify(person(organisation, str(number)), last_day=ends_in(days))
    assert [one.outcome for one in ledger.due(conn, MORNING)] == [
        "skipped",
        "skipped",
        "mail",
        "skipped",
        "mail",
    ]
    report = run(conn, box)
    assert (report.reminders, report.unsent["skipped"]) == ({"sent": 2}, 3)
    assert sorted(box.recipients) == ["person2@example.org", "person4@example.org"]
    assert min(outcomes(conn)) == (0, "mailed", "sent")
    assert run(conn, box, MORNING, reach_days=365).reminders.total() == 0


def test_an_upgrade_mails_nobody_again(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    organisation.certify(person(organisation), last_day=ends_in(7))
    assert run(conn, box).reminders == {"sent": 1}
    for migration in migrate.read():
        if "notice" in migration.path.name:
            conn.execute(migration.path.read_bytes())
    assert run(conn, box, MORNING + timedelta(hours=1)).reminders.total() == 0


def test_a_type_has_its_own_offsets(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    for kind, offsets in [("basic", "{}"), ("half", "{0}"), ("yearly", "{45}")]:
        conn.execute(
            "update mentorcert.certification_types set reminder_days = %s where code = %s", (offsets, kind)
        )
    for number, (kind, days) in enumerate(
        [("basic", 7), ("basic", 0), ("half", 7), ("half", 0), ("yearly", 46), ("yearly", 45), ("yearly", 0)]
    ):
        organisation.certify(person(organisation, str(number)), kind, last_day=ends_in(days))
    run(conn, box)
    assert sorted(box.recipients) == [f"person{number}@example.org" for number in (3, 5, 6)]


def test_what_the_mail_says(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    conn.execute(
        "update mentorcert.certification_types set name_en = 'Basic <b>course</b>' where code = 'basic'"
    )
    mentor = person(organisation, language="en")
    conn.execute("update mentorcert.peer_mentors set full_name = 'Åse <i>Ødegård</i>'")
    organisation.certify(mentor, last_day=ends_in(7))
    run(conn, box)
    ((_, message),) = box.mails
    sent = fetch(conn, "select id from mentorcert_private.notice_mails")
    assert message["Message-ID"] == f"<{sent}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None
    assert (message["From"], message["To"]) == (mail.SENDER, "person1@example.org")
    assert message["Subject"] == "Organisation demo: your certification expires soon"
    text = text_of(message)
    assert "Hello Åse <i>Ødegård</i>," in text
    assert "- Basic <b>course</b>: the last valid day is 8 March 2026" in text
    assert f"{mail.PAGES}/me" in text
    html = message.get_body(("html",))
    assert html is not None
    assert "Hello Åse &lt;i&gt;Ødegård&lt;/i&gt;," in html.get_content()
    assert f'href="{mail.PAGES}/me"' in html.get_content()
    assert '<html lang="en">' in html.get_content()


def test_a_mail_says_until_when_a_refresher_renews(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    set_refresher = "update mentorcert.certification_types set refresher_months = %s, after_lapse = %s where code = 'basic'"
    conn.execute(set_refresher, (2, "registration"))
    organisation.certify(person(organisation, language="en"), last_day=ends_in(7))
    run(conn, box)
    ((_, message),) = box.mails
    said = "8 March 2026. A refresher renews it until 8 May 2026. After that it takes a new registration."
    assert said in text_of(message)
    html = message.get_body(("html",))
    assert html is not None
    assert said in html.get_content()
    box.mails.clear()
    conn.execute(set_refresher, (0, "course"))
    run(conn, box, MORNING + timedelta(7))
    ((_, message),) = box.mails
    assert "the last valid day was 8 March 2026. Now it takes the whole course." in text_of(message)


def test_an_organisation_s_name_makes_no_header_and_no_markup(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    name = "=?utf-8?q?x=0d=0aX-Ours:_a?= </title><b>\r\nX-Ours: b"
    conn.execute("update mentorcert.organisations set name = %s", (name,))
    organisation.certify(person(organisation), last_day=ends_in(7))
    run(conn, box)
    ((_, message),) = box.mails
    assert message["X-Ours"] is None
    assert message["Subject"].startswith("= ?utf-8?q?x=0d=0aX-Ours:_a?= </title><b> X-Ours: b: ")
    html = message.get_body(("html",))
    assert html is not None
    assert "<b>" not in html.get_content()


def test_an_organisation_is_reminded_by_its_own_calendar(conn: Connection, box: Mailbox) -> None:
    for slug, zone in [("kiritimati", "Pacific/Kiritimati"), ("honolulu", "Pacific/Honolulu")]:
        organisation = set_up(conn, slug, zone)
        organisation.certify(person(organisation, slug), last_day=date(2026, 3, 9))
    run(conn, box, utc(2026, 3, 2, 11))
    assert box.recipients == ["personkiritimati@example.org"]
    run(conn, box, utc(2026, 3, 3, 11))
    assert box.recipients[1:] == ["personhonolulu@example.org"]

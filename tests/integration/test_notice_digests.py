"""Digests: once a week, to those who answer for the peer mentors, with what expires and what has expired."""

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from mentorcert.notices import ledger
from tests.support import mail
from tests.support.mail import Mailbox, text_of
from tests.support.noticing import MORNING, ends_in, person, run, set_up_without_digests
from tests.support.registry import Organisation, fetch, join, rows
from tests.support.sessions import meanwhile

DAY = timedelta(1)  # MORNING is a Monday's


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up_without_digests(conn)


def login(
    organisation: Organisation, name: str, role: str = "coordinator", chapter: UUID | None = None
) -> UUID:
    user = uuid4()
    join(organisation, user, role, (chapter or organisation.chapter) if role == "coordinator" else None)
    organisation.conn.execute("update auth.users set email = %s where id = %s", (f"{name}@example.org", user))
    return user


def chapter_of(organisation: Organisation, code: str, parent: UUID | None = None) -> UUID:
    chapter: UUID = fetch(
        organisation.conn,
        "insert into mentorcert.chapters (organisation_id, code, name, parent_id)"
        " values (%s, %s, %s, %s) returning id",
        organisation.id, code, f"Chapter {code}", parent,
    )  # fmt: skip
    return chapter


def move(organisation: Organisation, mentor: UUID, chapter: UUID | None) -> None:
    organisation.conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s", (mentor,)
    )
    if chapter:
        organisation.conn.execute(
            "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
            " values (%s, %s, %s)",
            (organisation.id, mentor, chapter),
        )


def people(box: Mailbox) -> dict[str, list[str]]:
    """Return whom each digest names; reminders are left out."""
    return {
        recipient: [line.split(":")[0] for line in text_of(message).splitlines() if line.startswith("- ")]
        for recipient, message in box.mails
        if not recipient.startswith("person")
    }


def test_within_reach(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    below = chapter_of(organisation, "LOC", organisation.chapter)
    elsewhere = chapter_of(organisation, "ELSE")
    for number, chapter in enumerate([organisation.chapter, below, elsewhere, None]):
        mentor = organisation.mentor(str(number))
        move(organisation, mentor, chapter)
        organisation.certify(mentor, last_day=ends_in(10 + number))
    suspended = organisation.certify(organisation.mentor("suspended"), last_day=ends_in(3))
    conn.execute(
        "update public.peer_mentor_certifications set status = 'suspended' where id = %s", (suspended,)
    )
    login(organisation, "county")
    login(organisation, "local", chapter=below)
    login(organisation, "admin", "org_admin")
    gone = login(organisation, "gone")
    conn.execute("update mentorcert.memberships set ended_at = now() where user_id = %s", (gone,))
    # Nobody could notify this one: so the administrator reads of the chapter.
    conn.execute(
        "update auth.users set email = null where id = %s", (login(organisation, "x", chapter=elsewhere),)
    )
    assert run(conn, box).digests == {"sent": 3}
    assert people(box) == {
        "county@example.org": ["- Person 0 (Oslo)", "- Person 1 (Chapter LOC)"],
        "local@example.org": ["- Person 1 (Chapter LOC)"],
        "admin@example.org": ["- Person 2 (Chapter ELSE)", "- Person 3"],
    }


def test_once_a_week_whatever_the_day(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    """What has expired is reported once; who got no mail on Monday gets one at the next run."""
    organisation.certify(organisation.mentor("past"), last_day=ends_in(-3))
    organisation.certify(organisation.mentor("long ago"), last_day=ends_in(-14))
    organisation.certify(organisation.mentor("soon"), last_day=ends_in(9))
    organisation.certify(organisation.mentor("far"), last_day=ends_in(94))
    login(organisation, "one")
    expected = {
        2: ["- Person soon (Oslo)", "- Person past (Oslo)"],
        7: ["- Person soon (Oslo)", "- Person far (Oslo)"],
        14: ["- Person far (Oslo)", "- Person soon (Oslo)"],
        21: ["- Person far (Oslo)"],
    }
    for day in (2, 3, 6, 7, 8, 14, 15, 21):
        box.mails.clear()
        run(conn, box, MORNING + day * DAY)
        assert people(box) == ({"one@example.org": expected[day]} if day in expected else {}), day


def test_what_a_refresher_does_not_renew_any_more_is_reported_once(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    """Each with what it takes; before that, until when a refresher renews it."""
    conn.execute("update mentorcert.certification_types set refresher_months = 1 where code = 'basic'")
    ends = {"late": date(2026, 2, 4), "past": ends_in(-3), "long ago": ends_in(-90)}
    for name, last_day in ends.items():
        organisation.certify(organisation.mentor(name), last_day=last_day)
    login(organisation, "one")
    said = {}
    for day in (0, 7, 14):
        box.mails.clear()
        run(conn, box, MORNING + day * DAY)
        mails = [text_of(message) for recipient, message in box.mails if recipient.startswith("one")]
        said[day] = mails[0] if mails else ""
    assert "past" in said[0]
    assert "en oppfriskning fornyer den til og med" in said[0]
    assert "Person late" not in said[0]
    assert "1 sertifisering er blitt foreldet siden forrige oversikt" in said[7]
    assert "Person late (Oslo)" in said[7]
    assert "hele kurset kreves" in said[7]
    assert said[14] == ""
    assert not any("long ago" in mail for mail in said.values())


def test_nothing_to_report_is_no_mail(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    login(organisation, "one")
    assert [one.lines for one in ledger.due_digests(conn, MORNING)] == [0]
    assert run(conn, box).digests.total() == 0
    assert rows(conn, "select kind, state from mentorcert_private.notice_mails") == [("digest", "empty")]
    organisation.certify(organisation.mentor(), last_day=ends_in(9))
    assert run(conn, box, MORNING + DAY).digests.total() == 0
    assert run(conn, box, MORNING + 7 * DAY).digests == {"sent": 1}


def test_it_is_in_the_readers_language(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    organisation.certify(organisation.mentor(), last_day=ends_in(9))
    organisation.certify(organisation.mentor("2"), last_day=ends_in(-1))
    for name, language in [("norwegian", None), ("english", "en")]:
        user = login(organisation, name)
        if language:
            mentor = person(organisation, name, language=language)
            conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (user, mentor))
    run(conn, box)
    texts = {recipient: text_of(message) for recipient, message in box.mails}
    english, norwegian = texts["english@example.org"], texts["norwegian@example.org"]
    assert "1 certification expires soon:" in english
    assert "1 certification has expired since the last overview:" in english
    assert "- Person 1 (Oslo): basic, last valid day 10 March 2026" in english
    assert "1 sertifisering utløper snart:" in norwegian
    assert f"{mail.PAGES}/certifications" in norwegian


def test_a_long_one_says_how_many_more(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    organisation.certify_many(120, last_day=ends_in(9))
    login(organisation, "admin", "org_admin")
    run(conn, box)
    ((_, message),) = box.mails
    assert "120 sertifiseringer utløper snart" in text_of(message)
    assert text_of(message).count("- Person") == 100
    assert "og 20 til" in text_of(message)


def test_two_runs_at_once_write_one(conn: Connection, database: str, organisation: Organisation) -> None:
    organisation.certify(organisation.mentor(), last_day=ends_in(9))
    user = login(organisation, "one")
    first: list[UUID] = []
    second = meanwhile(
        conn,
        database,
        lambda one: first.extend(ledger.claim_digests(one, [organisation.id], [user], MORNING)),
        lambda other: ledger.claim_digests(other, [organisation.id], [user], MORNING),
    )
    assert (len(first), second) == (1, [])


def test_a_refused_one_is_due_again(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    organisation.certify(organisation.mentor(), last_day=ends_in(9))
    login(organisation, "one")
    box.refused = {"one@example.org"}
    assert run(conn, box).digests == {"refused": 1}
    box.refused.clear()
    assert run(conn, box, MORNING + DAY).digests == {"sent": 1}

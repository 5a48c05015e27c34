"""Changes mark a state in their own transaction; the desired state is right at any time."""

from datetime import date, timedelta

import pytest

from mentorcert.db.connection import Connection, connect
from tests.portal.sending import certified, claim, connect_portal, report, settle, situation, stored
from tests.support.registry import consent_again, fetch, let_end, rows, set_up, today

LAST_DAY = date(2031, 5, 31)
NEW_TYPE = """
insert into mentorcert.certification_types
  (organisation_id, code, name_nb, name_en, validity_rule, required_for_listing)
select id, 'new', 'Ny', 'New', 'unlimited', true from mentorcert.organisations
"""


def versions(conn: Connection) -> dict[str, int]:
    return dict(
        rows(
            conn,
            "select mentor.external_id, state.version from mentorcert_portal.states as state"
            " join mentorcert.peer_mentors as mentor on mentor.id = state.peer_mentor_id",
        )
    )


def test_everybody_is_held_where_no_portal_is_connected(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    assert claim(conn, organisation.id) == []
    assert situation(conn, organisation.id, mentor) == "held"


@pytest.mark.parametrize(
    "change",
    [
        "update public.peer_mentor_certifications set expires_at = expires_at + interval '1 day'",
        "update public.peer_mentor_certifications set status = 'suspended'",
        "update public.peer_mentor_certifications set certification_type = 'pledge'",
        "update mentorcert.peer_mentors set external_id = external_id || 'x'",
        "update mentorcert.peer_mentors set listing_consent = false",
        "update mentorcert.certification_types set required_for_listing = true where code = 'half'",
        "update mentorcert.certification_types set required_for_listing = false",
        NEW_TYPE,
    ],
)
def test_what_concerns_the_portal_is_marked(conn: Connection, change: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    before = stored(conn, mentor)
    assert (before.state, before.confirmed_version) == ("in_sync", before.version)
    conn.execute(change.encode())
    after = stored(conn, mentor)
    assert (after.state, after.version > before.version) == ("pending", True)
    (claimed,) = claim(conn, organisation.id)
    assert claimed["content"] != before.confirmed


@pytest.mark.parametrize(
    "change",
    [
        "update mentorcert.peer_mentors set full_name = 'Else', email = 'a@example.org', phone = '113'",
        "update mentorcert.chapters set name = 'Else'",
        "update mentorcert.certification_types set name_nb = 'Annet'",
        "update public.peer_mentor_certifications set expires_at = expires_at",
    ],
)
def test_what_does_not_concern_the_portal_is_not(conn: Connection, change: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    before = stored(conn, mentor).version
    conn.execute(change.encode())
    assert stored(conn, mentor).version == before
    assert situation(conn, organisation.id, mentor) == "in_sync"


def test_what_is_undone_is_not_marked(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    before = stored(conn, mentor)
    with conn.transaction(force_rollback=True):
        organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    assert stored(conn, mentor).version == before.version


def test_the_content_has_no_personal_data(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    conn.execute("update mentorcert.peer_mentors set email = 'secret@example.org', phone = '+4790000000'")
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    text = fetch(
        conn,
        "select (select string_agg(states::text, '') from mentorcert_portal.states as states)"
        " || (select string_agg(attempt::text, '') from mentorcert_portal.attempts as attempt)",
    )
    assert "external_id" in text
    assert not any(secret in text for secret in ("secret", "4790000000", "Person"))


def test_a_lease_on_the_list_that_ends_is_reported_though_the_night_is_dead(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 0))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    before = stored(conn, mentor)
    assert before.confirmed is not None
    assert (before.state, before.confirmed["listed"]) == ("in_sync", True)
    assert claim(conn, organisation.id) == []
    # Two days later nothing has touched the row; the calendar alone makes it due.
    (late,) = claim(conn, organisation.id, later=timedelta(days=2))
    assert (late["content"]["listed"], late["content"]["status"]) == (False, "expired")
    assert late["version"] == before.version + 1
    assert fetch(conn, "select status from public.peer_mentor_certifications") == "active"


def test_the_night_marks_nobody_whom_the_calendar_covers(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    certification = organisation.certify(mentor, last_day=LAST_DAY)
    organisation.certify_many(20, last_day=LAST_DAY)
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    let_end(conn, certification)
    with conn.transaction():
        # What let_end did behind the triggers' backs, the content must know too.
        conn.execute(
            "update mentorcert_portal.states set content_until = now(), next_attempt_at = now()"
            " where peer_mentor_id = %s",
            (mentor,),
        )
    before = versions(conn)
    conn.execute("select * from mentorcert_private.run_nightly(now())")
    assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 0
    assert versions(conn) == before
    (late,) = claim(conn, organisation.id)
    assert (late["peer_mentor_id"], late["content"]["listed"]) == (mentor, False)
    report(conn, organisation.id, [late])
    assert situation(conn, organisation.id, mentor) == "in_sync"


def test_a_change_and_its_reversal_need_no_sending(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    consent_again(conn)
    assert situation(conn, organisation.id, mentor) == "pending"
    (settled,) = claim(conn, organisation.id)
    assert settled["lease_token"] is None
    assert situation(conn, organisation.id, mentor) == "in_sync"


def test_but_not_if_the_change_may_have_been_sent(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    claims = claim(conn, organisation.id)
    consent_again(conn)
    report(conn, organisation.id, claims, "unavailable")
    (again,) = claim(conn, organisation.id)
    assert again["lease_token"] is not None
    assert again["content"]["listed"]


def test_a_suspension_goes_before_the_rest(conn: Connection) -> None:
    organisation = set_up(conn)
    first, second, third = (organisation.mentor(number) for number in "123")
    held = {
        mentor: organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
        for mentor in (first, second, third)
    }
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    conn.execute("update public.peer_mentor_certifications set expires_at = expires_at + interval '7 days'")
    conn.execute(
        "update public.peer_mentor_certifications set status = 'suspended' where id = %s", (held[second],)
    )
    (claimed,) = claim(conn, organisation.id, batch=1)
    assert (claimed["peer_mentor_id"], claimed["content"]["status"]) == (second, "suspended")


def test_a_whole_night_is_no_more_statements_than_one_row(conn: Connection) -> None:
    organisation = set_up(conn)
    marks = (
        "select calls from pg_catalog.pg_stat_user_functions"
        " where schemaname = 'mentorcert_portal' and funcname = 'enqueue_sync'"
    )
    conn.execute("set track_functions = 'all'")

    def calls() -> int:
        conn.execute("select pg_stat_force_next_flush()")
        return sum(number for (number,) in rows(conn, marks))

    before = calls()
    organisation.certify_many(1, last_day=LAST_DAY)
    one = calls() - before
    conn.execute("update mentorcert.peer_mentors set external_id = 'first-' || external_id")
    before = calls()
    organisation.certify_many(300, last_day=LAST_DAY)
    assert calls() - before == one > 0
    assert len(versions(conn)) == 301


def test_two_that_mark_the_same_rows_do_not_lose_a_version(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    before = stored(conn, mentor).version
    with connect(database) as one, connect(database, autocommit=True) as other:
        one.execute("update mentorcert.peer_mentors set external_id = 'a'")
        one.execute("update public.peer_mentor_certifications set expires_at = expires_at + interval '1 day'")
        one.commit()
        other.execute(
            "update public.peer_mentor_certifications set expires_at = expires_at + interval '1 day'"
        )
    assert stored(conn, mentor).version >= before + 3


def test_a_listing_without_an_end_has_none_in_the_message(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = certified(organisation)
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute("update public.listed_peer_mentors set listed_until = '9999-12-31 00:00Z'")
    said = fetch(
        conn, "select content from mentorcert_portal.desired_content(array[%s]::uuid[], now())", mentor
    )
    assert (said["listed"], said["listed_until"]) == (True, None)

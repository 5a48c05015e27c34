"""Claims and reports: leases, fences, retries, the breaker; nothing is lost, nor wrongly confirmed."""

from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from mentorcert.db.connection import Connection, connect
from tests.portal.sending import (
    certified,
    claim,
    connect_portal,
    outcomes,
    report,
    settle,
    situation,
    stored,
)
from tests.support.registry import Organisation, set_up, today

HOURS_75 = timedelta(hours=75)


def test_two_claims_never_hold_the_same_row(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    connect_portal(conn, organisation.id)
    for number in range(6):
        certified(organisation, str(number))
    with connect(database) as one, connect(database) as other:
        first = claim(one, organisation.id, batch=4)
        # The first has not committed: the second passes over what it holds, and does not wait.
        second = claim(other, organisation.id, batch=4)
        one.commit()
        other.commit()
    assert {len(first), len(second)} == {4, 2}
    assert len({one["peer_mentor_id"] for one in [*first, *second]}) == 6
    assert claim(conn, organisation.id) == []


def test_a_claim_leaves_out_what_a_change_holds(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    settle(conn, organisation.id)
    with connect(database) as other:
        other.execute("update mentorcert.peer_mentors set external_id = 'other'")
        assert claim(conn, organisation.id) == []
        other.commit()
    (claimed,) = claim(conn, organisation.id)
    assert (claimed["peer_mentor_id"], claimed["content"]["external_id"]) == (mentor, "other")


def test_a_claim_needs_read_committed(conn: Connection, organisation: Organisation) -> None:
    conn.execute("set default_transaction_isolation = 'repeatable read'")
    with pytest.raises(errors.FeatureNotSupported, match="read committed"):
        claim(conn, organisation.id)


def test_a_change_while_the_lease_is_out_is_sent_after_it(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    claims = claim(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set external_id = 'newer'")
    assert claim(conn, organisation.id) == []
    assert report(conn, organisation.id, claims) == [mentor]
    after = stored(conn, mentor)
    assert (after.state, after.confirmed_version) == ("pending", claims[0]["version"])
    (again,) = claim(conn, organisation.id)
    assert again["version"] > claims[0]["version"]
    assert again["content"]["external_id"] == "newer"
    report(conn, organisation.id, [again])
    assert situation(conn, organisation.id, mentor) == "in_sync"


def test_an_acknowledgement_that_lost_its_lease_makes_the_row_dirty_again(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    slow = claim(conn, organisation.id)
    later = timedelta(seconds=61)
    quick = claim(conn, organisation.id, later=later)
    assert quick[0]["version"] == slow[0]["version"]
    report(conn, organisation.id, quick, later=later)
    assert stored(conn, mentor).state == "in_sync"
    report(conn, organisation.id, slow, later=later)
    after = stored(conn, mentor)
    assert (after.state, after.confirmed, after.lease_token) == ("pending", None, None)
    assert after.version > quick[0]["version"]
    assert outcomes(conn, mentor) == ["applied", "lost_lease"]
    (again,) = claim(conn, organisation.id, later=later)
    assert again["lease_token"] is not None


def test_also_while_the_next_one_has_the_lease(conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor()
    slow = claim(conn, organisation.id)
    later = timedelta(seconds=61)
    quick = claim(conn, organisation.id, later=later)
    report(conn, organisation.id, slow, later=later)
    assert stored(conn, mentor).lease_token == quick[0]["lease_token"]
    report(conn, organisation.id, quick, later=later)
    assert stored(conn, mentor).state == "pending"


def test_a_report_of_what_a_change_holds_is_made_again(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    claims = claim(conn, organisation.id)
    with connect(database) as other:
        other.execute("update mentorcert.peer_mentors set external_id = 'other'")
        assert report(conn, organisation.id, claims) == []
        other.rollback()
    assert outcomes(conn, mentor) == []
    assert report(conn, organisation.id, claims) == [mentor]
    assert stored(conn, mentor).state == "in_sync"


def test_retries_wait_longer_each_time(conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor()
    for at, longest in enumerate((5, 30, 300, 1800, 7200, 21600, 21600), 1):
        (claimed,) = claim(conn, organisation.id, later=timedelta(hours=6 * at))
        assert claimed["attempt"] == at
        report(conn, organisation.id, [claimed], "unavailable", later=timedelta(hours=6 * at))
        after = stored(conn, mentor)
        assert (after.state, after.attempts) == ("retry", at)
        assert after.next_in is not None
        assert timedelta(0) <= after.next_in - timedelta(hours=6 * at) + timedelta(seconds=1)
        assert after.next_in - timedelta(hours=6 * at) <= timedelta(seconds=longest)


def test_a_retry_waits_also_where_the_content_has_no_end(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    report(conn, organisation.id, claim(conn, organisation.id), "internal", retry_after=60)
    after = stored(conn, mentor)
    assert after.content_until is None
    assert after.next_in is not None
    assert after.next_in > timedelta(seconds=50)


def test_retry_after_is_honoured_by_its_row_and_holds_no_other(
    conn: Connection, organisation: Organisation
) -> None:
    for number in range(2):
        certified(organisation, str(number))
    (first,) = claim(conn, organisation.id, batch=1)
    report(conn, organisation.id, [first], "unavailable", retry_after=120)
    (second,) = claim(conn, organisation.id)
    assert second["peer_mentor_id"] != first["peer_mentor_id"]
    report(conn, organisation.id, [second])
    assert claim(conn, organisation.id, later=timedelta(seconds=100)) == []
    assert len(claim(conn, organisation.id, later=timedelta(seconds=126))) == 1


def test_no_removal_waits_longer_than_a_quarter_of_an_hour(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = certified(organisation)
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    for at in range(8):
        late = timedelta(hours=at)
        claims = claim(conn, organisation.id, later=late)
        report(conn, organisation.id, claims, "unavailable", later=late, retry_after=86_400)
        wait = stored(conn, mentor).next_in
        assert wait is not None
        assert timedelta(minutes=14) < wait - late <= timedelta(minutes=15)


def test_a_clock_that_was_a_day_ahead_puts_no_removal_off(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = certified(organisation)
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    tomorrow = timedelta(days=1)
    claims = claim(conn, organisation.id, later=tomorrow)
    report(conn, organisation.id, claims, "unavailable", later=tomorrow)
    conn.execute("update mentorcert_portal.connections set resume_at = now() + interval '1 day'")
    assert claim(conn, organisation.id) == []
    conn.execute("select mentorcert_portal.heartbeat('test', now())")
    assert [one["peer_mentor_id"] for one in claim(conn, organisation.id)] == [mentor]


def test_one_absurd_version_holds_up_nobody(conn: Connection, organisation: Organisation) -> None:
    mentors = [certified(organisation, str(number)) for number in range(3)]
    for absurd in (1e30, 2**63 - 1, 2**53 - 2, 1e308):
        conn.execute("update mentorcert_portal.states set next_attempt_at = now(), state = 'pending'")
        conn.execute(
            "select mentorcert_portal.decide_conflict(id, 'ours', 'test') from mentorcert_portal.conflicts"
            " where decided_at is null"
        )
        first, *others = [one for one in claim(conn, organisation.id) if one["lease_token"]]
        report(conn, organisation.id, others)
        assert report(conn, organisation.id, [first], "already_newer", remote_version=absurd)
        states = [stored(conn, mentor).version for mentor in mentors]
        assert max(states) < 100
        conn.execute("select mentorcert_portal.enqueue_sync(%s)", (mentors,))


def test_what_is_no_removal_is_dead_after_75_hours_and_revived_by_a_change(
    conn: Connection, organisation: Organisation
) -> None:
    listed = organisation.mentor("listed")
    organisation.certify(listed, issued=today(conn, -10), last_day=today(conn, 30))
    report(conn, organisation.id, claim(conn, organisation.id), "unavailable")
    late = HOURS_75 + timedelta(minutes=1)
    again = claim(conn, organisation.id, later=late)
    report(conn, organisation.id, again, "unavailable", later=late)
    assert stored(conn, listed).state == "dead"
    assert claim(conn, organisation.id, later=late + timedelta(hours=7)) == []
    conn.execute("update mentorcert.peer_mentors set external_id = 'again'")
    (revived,) = claim(conn, organisation.id)
    assert (revived["peer_mentor_id"], revived["attempt"]) == (listed, 1)


def test_the_calendar_revives_a_dead_row_too(conn: Connection, organisation: Organisation) -> None:
    listed = organisation.mentor("listed")
    organisation.certify(listed, issued=today(conn, -10), last_day=today(conn, 30))
    report(conn, organisation.id, claim(conn, organisation.id), "unavailable")
    late = HOURS_75 + timedelta(minutes=1)
    report(conn, organisation.id, claim(conn, organisation.id, later=late), "unavailable", later=late)
    assert stored(conn, listed).state == "dead"
    (removal,) = claim(conn, organisation.id, later=timedelta(days=32))
    assert (removal["content"]["listed"], removal["attempt"]) == (False, 1)
    assert stored(conn, listed).is_removal


def test_a_removal_is_tried_for_ever(conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    for days in (0, 4, 40):
        late = timedelta(days=days)
        report(conn, organisation.id, claim(conn, organisation.id, later=late), "unavailable", later=late)
        after = stored(conn, mentor)
        assert (after.state, after.is_removal) == ("retry", True)


def test_a_listing_that_ends_while_it_waits_becomes_a_removal_at_once(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 0))
    report(conn, organisation.id, claim(conn, organisation.id), "unavailable", retry_after=21600)
    conn.execute(
        "update mentorcert_portal.states set next_attempt_at = least(now() + interval '30 days', content_until)"
    )
    conn.execute("update mentorcert_portal.connections set resume_at = null")
    (removal,) = claim(conn, organisation.id, later=timedelta(days=2))
    assert (removal["content"]["listed"], removal["attempt"]) == (False, 1)
    assert stored(conn, mentor).is_removal


def test_a_removal_is_sent_one_above_a_later_version_that_the_portal_knows(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    claims = claim(conn, organisation.id)
    report(conn, organisation.id, claims, "already_newer", remote_version=900)
    after = stored(conn, mentor)
    assert (after.state, after.version) == ("pending", 901)
    (again,) = claim(conn, organisation.id, later=timedelta(seconds=6))
    assert again["version"] == 901


def test_the_log_is_only_appended_to(conn: Connection, organisation: Organisation) -> None:
    organisation.mentor()
    settle(conn, organisation.id)
    for statement in (
        "update mentorcert_portal.attempts set worker = 'x'",
        "delete from mentorcert_portal.attempts",
        "truncate mentorcert_portal.attempts",
    ):
        with pytest.raises(psycopg.Error, match="not allowed"):
            conn.execute(statement.encode())

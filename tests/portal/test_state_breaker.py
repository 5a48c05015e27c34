"""The breaker: a portal that refuses, or does not answer, gets few calls, and nothing is lost."""

from datetime import timedelta
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection
from tests.portal.sending import certified, claim, report, settle, stored
from tests.support.registry import Organisation, fetch, rows


def mentors(organisation: Organisation, number: int) -> list[UUID]:
    return [certified(organisation, f"m{at}") for at in range(number)]


def breaker(conn: Connection) -> tuple[str, bool]:
    ((state, is_reviving),) = rows(
        conn, "select breaker, requeue_since is not null from mentorcert_portal.connections"
    )
    return state, is_reviving


@pytest.mark.parametrize("outcome", ["unauthorised", "rejected", "internal", "message_invalid"])
def test_what_is_about_one_peer_mentor_stops_no_other(
    conn: Connection, organisation: Organisation, outcome: str
) -> None:
    mentors(organisation, 4)
    claimed = claim(conn, organisation.id)
    report(conn, organisation.id, claimed[:3], outcome, http_status=403)
    assert breaker(conn)[0] == "closed"
    assert {stored(conn, one["peer_mentor_id"]).state for one in claimed[:3]} == {"retry"}
    report(conn, organisation.id, claimed[3:])
    assert len(claim(conn, organisation.id, later=timedelta(minutes=1))) == 3


def test_three_peer_mentors_who_are_refused_for_ever_never_open_the_breaker(
    conn: Connection, organisation: Organisation
) -> None:
    mentors(organisation, 3)
    for days in range(12):
        late = timedelta(days=days)
        report(conn, organisation.id, claim(conn, organisation.id, later=late), "rejected", later=late)
    assert breaker(conn)[0] == "closed"


@pytest.mark.parametrize("outcome", ["unauthorised", "rejected", "unavailable", "unexpected_answer"])
def test_nothing_succeeds_and_then_all_comes_back_by_itself(
    conn: Connection, organisation: Organisation, outcome: str
) -> None:
    mentors(organisation, 22)
    report(conn, organisation.id, claim(conn, organisation.id, batch=20), outcome)
    assert breaker(conn)[0] == "open"
    reason = fetch(conn, "select breaker_reason from mentorcert_portal.connections")
    assert ("credentials" in reason) == (outcome == "unauthorised")
    assert ("contract" in reason) == (outcome == "rejected")
    assert claim(conn, organisation.id) == []
    late = timedelta(seconds=31)
    (probe,) = claim(conn, organisation.id, later=late)
    report(conn, organisation.id, [probe], later=late)
    assert breaker(conn) == ("closed", True)
    conn.execute(
        "select mentorcert_portal.requeue(%s, 5000, clock_timestamp() + %s)", (organisation.id, late)
    )
    assert len(claim(conn, organisation.id, later=late)) == 21


def test_an_open_breaker_tries_what_failed_least_and_of_that_a_removal(
    conn: Connection, organisation: Organisation
) -> None:
    everybody = mentors(organisation, 21)
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (everybody[0],))
    report(conn, organisation.id, claim(conn, organisation.id), "rejected")
    conn.execute("update mentorcert.peer_mentors set external_id = 'x' where id = %s", (everybody[2],))
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (everybody[1],))
    conn.execute("update mentorcert_portal.connections set breaker = 'open', failures = 20")
    tried = []
    for seconds in (0, 61, 122):
        late = timedelta(seconds=seconds)
        (probe,) = claim(conn, organisation.id, later=late)
        tried.append(probe["peer_mentor_id"])
        report(conn, organisation.id, [probe], "unavailable", later=late)
    assert tried[:2] == [everybody[1], everybody[2]]


def test_a_silent_portal_is_asked_one_at_a_time_and_all_comes_back_with_it(
    conn: Connection, organisation: Organisation
) -> None:
    mentors(organisation, 20)
    report(conn, organisation.id, claim(conn, organisation.id), "unavailable")
    assert breaker(conn)[0] == "open"
    assert claim(conn, organisation.id) == []
    late = timedelta(seconds=31)
    (trial,) = claim(conn, organisation.id, later=late)
    assert claim(conn, organisation.id, later=late) == []
    report(conn, organisation.id, [trial], later=late)
    assert breaker(conn) == ("closed", True)
    conn.execute(
        "update mentorcert_portal.states set next_attempt_at = now() + interval '5 hours' where state = 'retry'"
    )
    conn.execute(
        "select mentorcert_portal.requeue(%s, 5000, clock_timestamp() + %s)", (organisation.id, late)
    )
    assert len(claim(conn, organisation.id, later=late)) == 19

"""The breaker: a portal that refuses, or does not answer, gets few calls, and nothing is lost."""

from datetime import timedelta
from uuid import UUID

from mentorcert.db.connection import Connection
from tests.portal.sending import certified, claim, report, set_mode, stored
from tests.support.registry import Organisation, fetch, rows


def mentors(organisation: Organisation, number: int) -> list[UUID]:
    return [certified(organisation, f"m{at}") for at in range(number)]


def breaker(conn: Connection) -> tuple[str, bool]:
    ((state, is_reviving),) = rows(
        conn, "select breaker, requeue_since is not null from mentorcert_portal.connections"
    )
    return state, is_reviving


def test_wrong_credentials_block_the_connection_until_somebody_changes_the_mode(
    conn: Connection, organisation: Organisation
) -> None:
    first, second = mentors(organisation, 2)
    (claimed,) = claim(conn, organisation.id, batch=1)
    report(conn, organisation.id, [claimed], "unauthorised", http_status=401)
    assert breaker(conn)[0] == "blocked"
    assert stored(conn, claimed["peer_mentor_id"]).state == "blocked"
    assert claim(conn, organisation.id, later=timedelta(days=1)) == []
    set_mode(conn, organisation.id, "live")
    assert fetch(conn, "select mentorcert_portal.requeue(%s)", organisation.id) == 1
    assert fetch(conn, "select mentorcert_portal.requeue(%s)", organisation.id) == 0
    assert breaker(conn) == ("closed", False)
    assert {one["peer_mentor_id"] for one in claim(conn, organisation.id)} == {first, second}


def test_three_peer_mentors_refused_within_ten_minutes_block_the_connection(
    conn: Connection, organisation: Organisation
) -> None:
    mentors(organisation, 4)
    claimed = claim(conn, organisation.id)
    report(conn, organisation.id, claimed[:1], "rejected", http_status=400)
    report(conn, organisation.id, claimed[1:2], "rejected", http_status=400, later=timedelta(minutes=11))
    assert breaker(conn)[0] == "closed"
    report(conn, organisation.id, claimed[2:3], "rejected", http_status=422, later=timedelta(minutes=12))
    assert breaker(conn)[0] == "closed"
    report(conn, organisation.id, claimed[3:], "rejected", http_status=422, later=timedelta(minutes=13))
    assert breaker(conn)[0] == "blocked"
    states = [stored(conn, one["peer_mentor_id"]).state for one in claimed]
    assert states == ["retry", "retry", "retry", "blocked"]
    set_mode(conn, organisation.id, "live")
    fetch(conn, "select mentorcert_portal.requeue(%s)", organisation.id)
    assert len(claim(conn, organisation.id)) == 4


def test_the_same_peer_mentor_refused_thrice_blocks_nothing(
    conn: Connection, organisation: Organisation
) -> None:
    organisation.mentor()
    for minutes in (0, 1, 6):
        late = timedelta(minutes=minutes)
        report(conn, organisation.id, claim(conn, organisation.id, later=late), "rejected", later=late)
    assert breaker(conn)[0] == "closed"


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

"""The feature flag: what is claimed in each mode, and what a change of it lets go."""

import psycopg
import pytest

from mentorcert.db.connection import Connection
from tests.portal.sending import claim, connect_portal, report, set_mode, settle, situation
from tests.support.registry import fetch, rows, set_up


@pytest.mark.parametrize("mode", ["capture", "paused"])
def test_nothing_is_sent(conn: Connection, mode: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    connect_portal(conn, organisation.id, mode)
    assert claim(conn, organisation.id) == []
    assert situation(conn, organisation.id, mentor) == "held"
    assert rows(conn, "select * from mentorcert_portal.due()") == []


def test_a_new_connection_captures(conn: Connection) -> None:
    organisation = set_up(conn)
    conn.execute("select mentorcert_portal.connect(%s, 'webhook', 'v1', 'test')", (organisation.id,))
    assert fetch(conn, "select mode from mentorcert_portal.connections") == "capture"


def test_connecting_again_keeps_the_mode(conn: Connection) -> None:
    organisation = set_up(conn)
    connect_portal(conn, organisation.id, "live")
    conn.execute("select mentorcert_portal.connect(%s, 'webhook', 'v2', 'test')", (organisation.id,))
    assert rows(conn, "select mode, contract_version from mentorcert_portal.connections") == [("live", "v2")]


def test_going_live_sends_what_waited(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor, other = organisation.mentor("1"), organisation.mentor("2")
    connect_portal(conn, organisation.id, "live")
    claimed = claim(conn, organisation.id)
    report(conn, organisation.id, claimed[:1], "unavailable")
    set_mode(conn, organisation.id, "live")
    assert fetch(conn, "select is_reviving from mentorcert_portal.due()")
    # The second attempt ends after the change.
    report(conn, organisation.id, claimed[1:], "unavailable")
    while fetch(conn, "select mentorcert_portal.requeue(%s)", organisation.id):
        pass
    assert not fetch(conn, "select is_reviving from mentorcert_portal.due()")
    settle(conn, organisation.id)
    assert {situation(conn, organisation.id, one) for one in (mentor, other)} == {"in_sync"}


def test_reviving_is_not_over_while_a_lease_is_out(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.mentor()
    connect_portal(conn, organisation.id, "live")
    claimed = claim(conn, organisation.id)
    set_mode(conn, organisation.id, "live")
    assert fetch(conn, "select mentorcert_portal.requeue(%s)", organisation.id) == 0
    assert fetch(conn, "select is_reviving from mentorcert_portal.due()")
    report(conn, organisation.id, claimed, "unavailable")
    assert fetch(conn, "select mentorcert_portal.requeue(%s)", organisation.id) == 1


def test_the_canary_alone_is_sent(conn: Connection) -> None:
    organisation = set_up(conn)
    named, other = organisation.mentor("1"), organisation.mentor("2")
    connect_portal(conn, organisation.id, "canary", named)
    assert fetch(conn, "select due_in_s from mentorcert_portal.due()") == 0
    settle(conn, organisation.id)
    assert situation(conn, organisation.id, named) == "in_sync"
    assert situation(conn, organisation.id, other) == "held"
    assert fetch(conn, "select due_in_s from mentorcert_portal.due()") is None
    set_mode(conn, organisation.id, "live")
    settle(conn, organisation.id)
    assert situation(conn, organisation.id, other) == "in_sync"


def test_one_organisation_claims_nothing_of_another(conn: Connection) -> None:
    alfa, beta = set_up(conn, "alfa"), set_up(conn, "beta")
    mine = alfa.mentor()
    beta.mentor()
    for organisation in (alfa, beta):
        connect_portal(conn, organisation.id)
    assert [one["peer_mentor_id"] for one in claim(conn, alfa.id)] == [mine]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("select mentorcert_portal.set_mode(%(id)s, 'shadow', 'why')", "connections_mode_valid"),
        ("select mentorcert_portal.set_mode(%(id)s, 'live', ' ')", "connections_reason_valid"),
        ("select mentorcert_portal.set_mode(%(id)s, 'canary', 'why')", "connections_canary_valid"),
        (
            "select mentorcert_portal.set_mode(%(id)s, 'live', 'why', array[%(mentor)s])",
            "connections_canary_valid",
        ),
        ("select mentorcert_portal.set_mode(%(id)s, 'canary', 'why', array[%(id)s])", "portal_canary_known"),
        ("select mentorcert_portal.set_mode(%(mentor)s, 'live', 'why')", "portal_connection_known"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(conn: Connection, statement: str, constraint: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    connect_portal(conn, organisation.id, "capture")
    with pytest.raises(psycopg.Error) as refused:
        conn.execute(statement.encode(), {"id": organisation.id, "mentor": mentor})
    assert refused.value.diag.constraint_name == constraint
    assert fetch(conn, "select mode from mentorcert_portal.connections") == "capture"

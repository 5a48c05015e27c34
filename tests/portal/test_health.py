"""The checks: each finding once, and gone when it is repaired; nothing else."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.alerts import KINDS
from mentorcert.portal.monitoring.checks import duration
from tests.portal.breakage import BREAKS, World, codes, found, in_order
from tests.portal.sending import claim, connect_portal, report, set_mode, settle
from tests.support.registry import fetch, let_end, set_up, today

EXPIRED = timedelta(minutes=16)


@pytest.fixture
def world(conn: Connection) -> World:
    return in_order(conn)


def test_nothing_is_wrong_where_all_is_well(world: World) -> None:
    assert found(world.conn) == []


def test_every_finding_comes_and_goes(world: World) -> None:
    assert BREAKS.keys() == KINDS.keys()
    for code, broken in BREAKS.items():
        broken.provoke(world)
        assert {*codes(world.conn)} == {code, *broken.beside}, code
        broken.correct(world)
        assert codes(world.conn) == [], f"after {code}"


def test_a_finding_says_how_bad_it_is_whose_it_is_and_what_to_do(world: World) -> None:
    BREAKS["removal_unconfirmed"].provoke(world)
    (one,) = found(world.conn)
    assert (one.severity, one.organisation) == ("error", "demo")
    assert one.what == "1 removals; the oldest waits 16 min"
    assert one.advice == KINDS[one.code].advice
    assert str(world.mentor) not in str(one)


def test_the_worst_comes_first(world: World) -> None:
    for code in ("message_unknown", "no_worker", "drift", "secret_expired"):
        BREAKS[code].provoke(world)
    severities = [one.severity for one in found(world.conn)]
    assert severities == ["error", "error", "warning", "warning"]


def test_a_quarter_of_an_hour_is_allowed(world: World) -> None:
    world.execute("update mentorcert.peer_mentors set listing_consent = false")
    world.late("14 minutes")
    assert codes(world.conn) == []
    (connection,) = health.read(world.conn).connections
    assert connection.oldest_removal_s is not None
    assert 14 * 60 <= connection.oldest_removal_s < 15 * 60
    assert connection.removals == 1


def test_what_the_calendar_removes_counts_from_that_instant(world: World) -> None:
    assert fetch(
        world.conn,
        "select removal_due_at = listed_until from mentorcert_portal.states"
        " join public.listed_peer_mentors using (peer_mentor_id)",
    )
    world.late()
    assert codes(world.conn) == ["removal_unconfirmed"]


def test_who_expires_while_the_row_waits_is_a_removal_though_nobody_derived_it(world: World) -> None:
    """The row waits with a change that was none of a removal; then the calendar takes the lease away."""
    certification = fetch(world.conn, "select id from public.peer_mentor_certifications")
    world.change()
    report(world.conn, world.organisation.id, claim(world.conn, world.organisation.id), "unauthorised")
    let_end(world.conn, certification)
    world.late()
    assert fetch(world.conn, "select is_removal from mentorcert_portal.states") is False
    assert codes(world.conn) == ["credentials_refused", "removal_unconfirmed"]
    # Tidied away by the night, it is no less wrong.
    world.execute("delete from public.listed_peer_mentors")
    assert codes(world.conn) == ["credentials_refused", "removal_unconfirmed"]
    # Another change doesn't make it young.
    world.change()
    assert codes(world.conn) == ["credentials_refused", "removal_unconfirmed"]


def test_who_was_never_certified_is_no_removal(world: World) -> None:
    world.organisation.mentor("new")
    report(world.conn, world.organisation.id, claim(world.conn, world.organisation.id), "unavailable")
    world.execute(
        "update mentorcert_portal.states set"
        " first_dirty_at = now() - interval '30 min', removal_due_at = now() - interval '30 min'"
        " where state = 'retry'"
    )
    assert codes(world.conn) == []


@pytest.mark.parametrize("mode", ["capture", "canary", "paused"])
def test_who_is_shown_and_must_not_be_is_an_error_in_every_mode(world: World, mode: str) -> None:
    other = world.organisation.mentor("other")
    BREAKS["removal_unconfirmed"].provoke(world)
    set_mode(world.conn, world.organisation.id, mode, *([other] if mode == "canary" else []))
    assert "removal_unconfirmed" in codes(world.conn)
    world.late("14 minutes")
    assert "removal_unconfirmed" not in codes(world.conn)


def test_without_a_worker_a_connection_or_the_breaker_closed_it_is_an_error_too(world: World) -> None:
    BREAKS["removal_unconfirmed"].provoke(world)
    world.execute("delete from mentorcert_portal.workers")
    BREAKS["breaker_open"].provoke(world)
    world.execute("select mentorcert_portal.connect(%s, 'file', 'v1', 'moved')", world.organisation.id)
    assert codes(world.conn) == ["no_worker", "breaker_open", "removal_unconfirmed"]


def test_of_whom_nothing_was_ever_sent_it_counts_from_going_live(world: World) -> None:
    """The portal may have shown them before us."""
    world.mode("capture")
    old = world.organisation.mentor("old")
    world.organisation.certify(old, issued=today(world.conn, -400), last_day=today(world.conn, -9))
    world.late("2 days")
    world.execute("update mentorcert_portal.states set removal_due_at = null where shown")
    assert codes(world.conn) == ["nothing_sent"]
    world.mode("live", "14 min")
    world.compared()
    assert codes(world.conn) == []
    world.mode("live", "16 min")
    assert codes(world.conn) == ["removal_unconfirmed"]


def test_setting_the_same_mode_again_begins_nothing_again(world: World) -> None:
    BREAKS["removal_unconfirmed"].provoke(world)
    set_mode(world.conn, world.organisation.id, "live")
    world.execute(
        "select mentorcert_portal.connect(%s, 'file', 'v1', 'another adapter')", world.organisation.id
    )
    assert codes(world.conn) == ["removal_unconfirmed"]


def test_of_whom_nothing_was_sent_only_the_named_canaries_count(world: World) -> None:
    other = world.organisation.mentor("other")
    world.organisation.certify(other, issued=today(world.conn, -10), last_day=today(world.conn, 30))
    settle(world.conn, world.organisation.id)
    world.mode("canary")
    world.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", other)
    world.execute("update mentorcert_portal.states set shown = null where peer_mentor_id = %s", other)
    world.execute(
        "update mentorcert_portal.states set removal_due_at = now() - interval '16 minutes'"
        " where peer_mentor_id = %s",
        other,
    )
    assert codes(world.conn) == []
    world.execute("update mentorcert_portal.connections set canary_peer_mentor_ids = array[%s::uuid]", other)
    assert codes(world.conn) == ["removal_unconfirmed"]


def test_before_going_live_the_portals_list_is_not_ours(world: World) -> None:
    world.drifts("listed_but_expired")
    assert codes(world.conn) == ["listed_but_expired"]
    world.mode("capture")
    assert codes(world.conn) == ["listed_but_expired", "nothing_sent"]
    world.execute("update mentorcert_portal.states set confirmed_version = null, state = 'pending'")
    assert codes(world.conn) == ["nothing_sent"]


def test_unverified_is_never_green(world: World) -> None:
    world.mode("capture")
    world.mode("live", "1 min")
    assert codes(world.conn) == ["unverified"]
    world.compared(scope="recent")
    assert codes(world.conn) == ["unverified"]
    world.compared()
    assert codes(world.conn) == []


def test_a_dry_run_verifies_nothing(world: World) -> None:
    world.mode("live", "1 min")
    world.execute(
        "insert into mentorcert_portal.reconciliations"
        " (organisation_id, scope, worker, started_at, finished_at, outcome, is_dry_run)"
        " values (%s, 'full', 'test', now(), now(), 'done', true)",
        world.organisation.id,
    )
    assert codes(world.conn) == ["unverified"]


def test_organisations_are_kept_apart(world: World) -> None:
    other = set_up(world.conn, "other")
    connect_portal(world.conn, other.id)
    for mode in ("capture", "live"):
        set_mode(world.conn, other.id, mode)
    world.execute(
        'select mentorcert_portal.record_secrets(\'other\', \'[{"place": "x", "expires": "2020-01-01"}]\')'
    )
    assert {(one.organisation, one.code) for one in found(world.conn)} == {
        ("other", "secret_expired"),
        ("other", "unverified"),
    }


def test_an_organisation_without_a_connection_is_quiet(world: World) -> None:
    other = set_up(world.conn, "other")
    other.mentor()
    assert codes(world.conn) == []


def test_the_number_of_statements_does_not_grow(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[Any] = []

    class Counting(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **more: Any) -> Any:
            executed.append(arguments)
            return super().execute(*arguments, **more)

    def statements() -> int:
        executed.clear()
        with connect(database, autocommit=True) as conn:
            conn.cursor_factory = Counting
            health.read(conn)
        return len(executed)

    before = statements()
    for number in range(5):
        organisation = set_up(world.conn, f"more-{number}")
        organisation.mentor()
        connect_portal(world.conn, organisation.id)
    assert statements() == before == 8


def test_it_is_read_in_one_snapshot_and_writes_nothing(world: World) -> None:
    timeout = fetch(world.conn, "show statement_timeout")
    health.read(world.conn)
    assert fetch(world.conn, "show transaction_read_only") == "off"
    assert fetch(world.conn, "show statement_timeout") == timeout
    assert fetch(world.conn, "show transaction_isolation") == "read committed"


def test_attempts_are_counted_for_ever_and_lately(world: World) -> None:
    world.fails("unavailable")
    world.fails("unavailable")
    world.settle()
    assert health.figures(world.conn)["demo"].attempts_by_outcome == {"applied": 2, "unavailable": 2}
    with world.conn.transaction():
        world.execute("set local session_replication_role = replica")
        world.execute(
            "update mentorcert_portal.attempts set attempted_at = now() - interval '2 hours' where id = 1"
        )
        world.execute(
            "update mentorcert_portal.attempts set attempted_at = now() - interval '2 days' where id = 2"
        )
    lately = {one.outcome: (one.last_hour, one.last_day) for one in health.recent_attempts(world.conn)}
    assert lately == {"applied": (1, 2), "unavailable": (1, 1)}


@pytest.fixture
def outdated(world: World) -> World:
    """With attempts and a message of which some are older than is kept."""
    world.fails("unavailable")
    world.settle()
    with world.conn.transaction():
        world.execute("set local session_replication_role = replica")
        world.execute(
            "update mentorcert_portal.attempts set attempted_at = now() - interval '91 days' where id < 3"
        )
    world.came("needs_person", ago="181 days")
    return world


def test_what_is_outdated_is_deleted_and_the_rest_kept(outdated: World) -> None:
    conn = outdated.conn
    kept = fetch(conn, "select count(*) from mentorcert_portal.attempts") - 2
    assert fetch(conn, "select attempts from mentorcert_portal.delete_outdated(1)") == 1
    assert fetch(conn, "select mentorcert_portal.delete_outdated()::text") == "(1,0)"
    assert fetch(conn, "select mentorcert_portal.delete_outdated()::text") == "(0,0)"
    assert fetch(conn, "select count(*) from mentorcert_portal.attempts") == kept
    assert fetch(conn, "select (state, body is null, reason)::text from mentorcert_portal.inbox") == (
        '(lapsed,t,"was needs_person")'
    )
    assert health.figures(conn)["demo"].attempts_by_outcome == {"applied": 2, "unavailable": 1}
    assert codes(conn) == []


def test_how_long_is_a_setting(outdated: World) -> None:
    outdated.execute("update mentorcert_portal.retention set keep = '1 year'")
    assert fetch(outdated.conn, "select mentorcert_portal.delete_outdated()::text") == "(0,0)"
    with pytest.raises(psycopg.errors.CheckViolation):
        outdated.execute("update mentorcert_portal.retention set keep = '1 day'")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (5.4, "5 s"), (119, "119 s"), (960, "16 min"), (7200, "2 h"), (172800, "2 days")],
)
def test_times_are_said_in_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text

"""A healthy connection, and everything that can break, with its repair."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from mentorcert.db.connection import Connection
from mentorcert.portal.inbound import inbox
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import Finding, run_checks
from tests.portal.inbound import DEMO, receive, withdrawn
from tests.portal.sending import claim, connect_portal, report, set_mode, settle
from tests.support.registry import Organisation, fetch, set_up, today


@dataclass(frozen=True)
class World:
    """The organisation demo in live mode, and its one listed peer mentor."""

    conn: Connection
    organisation: Organisation
    mentor: UUID

    def execute(self, statement: str, *parameters: Any) -> None:
        self.conn.execute(statement.encode(), parameters or None)

    def compared(self, outcome: str = "done", scope: str = "full", *, ago: str = "0 s") -> int:
        """Note a finished comparison; return its id."""
        id_: int = fetch(
            self.conn,
            "insert into mentorcert_portal.reconciliations"
            " (organisation_id, scope, worker, started_at, finished_at, outcome, reason)"
            " values (%s, %s, 'test', now() - %s::interval, now() - %s::interval, %s, %s) returning id",
            self.organisation.id, scope, ago, ago, outcome, None if outcome == "done" else "because",
        )  # fmt: skip
        return id_

    def drifts(self, kind: str) -> None:
        """Note that the latest comparison found the mentor to differ."""
        self.execute(
            "insert into mentorcert_portal.drift (reconciliation_id, organisation_id, kind, peer_mentor_id, found_at)"
            " select max(id), %s, %s, %s, now() from mentorcert_portal.reconciliations",
            self.organisation.id, kind, self.mentor,
        )  # fmt: skip

    def came(self, state: str, *, ago: str = "1 min") -> None:
        """Store a message that is in a state."""
        receive(self.conn, b"{}")
        self.execute(
            "update mentorcert_portal.inbox set state = %s, received_at = now() - %s::interval,"
            " worked_at = case when %s <> 'received' then now() end",
            state, ago, state,
        )  # fmt: skip

    def fails(self, outcome: str) -> None:
        """Change the mentor, and let the sending fail."""
        self.change()
        report(self.conn, self.organisation.id, claim(self.conn, self.organisation.id), outcome)

    def change(self) -> None:
        """Change what is no removal."""
        self.execute("update mentorcert.peer_mentors set external_id = external_id || '0'")

    def late(self, ago: str = "16 minutes") -> None:
        """Let the listing have ended so long ago."""
        self.execute("update mentorcert_portal.states set removal_due_at = now() - %s::interval", ago)

    def settle(self) -> None:
        """Let the portal confirm everything, also what waits."""
        set_mode(self.conn, self.organisation.id, "live")
        while fetch(self.conn, "select mentorcert_portal.requeue(%s)", self.organisation.id):
            pass
        settle(self.conn, self.organisation.id)

    def mode(self, mode: str, ago: str = "1 day") -> None:
        """Set the mode, so long ago."""
        canary = [self.mentor] if mode == "canary" else []
        set_mode(self.conn, self.organisation.id, mode, *canary)
        self.execute("update mentorcert_portal.connections set mode_since = now() - %s::interval", ago)

    def secret(self, days: int | None) -> None:
        """Store a secret that expires in `days`."""
        self.execute(
            "select mentorcert_portal.record_secrets('demo', jsonb_build_array(jsonb_build_object("
            "'place', 'auth[0].value', 'expires', %s::date)))",
            None if days is None else today(self.conn, days),
        )


def in_order(conn: Connection) -> World:
    """Set up an organisation of whose portal nothing is wrong."""
    organisation = set_up(conn)
    mentor = organisation.mentor("4711")
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    conn.execute("select mentorcert_portal.heartbeat('test', now())")
    conn.execute("update mentorcert_portal.connections set mode_since = now() - interval '2 days'")
    world = World(conn, organisation, mentor)
    world.compared(ago="1 hour")
    return world


def found(conn: Connection) -> list[Finding]:
    """What is wrong now."""
    return run_checks(health.read(conn))


def codes(conn: Connection) -> list[str]:
    """The codes of what is wrong now, the worst first."""
    return [one.code for one in found(conn)]


def _removal_waits(world: World) -> None:
    world.execute("update mentorcert.peer_mentors set listing_consent = false")
    world.late()


def _change_waits(world: World) -> None:
    world.change()
    world.execute("update mentorcert_portal.states set first_dirty_at = now() - interval '61 minutes'")


def _message_waits(world: World) -> None:
    receive(world.conn, withdrawn("nobody"))
    world.execute("update mentorcert_portal.inbox set received_at = now() - interval '16 minutes'")


def _withdrawal_waits(world: World) -> None:
    world.came("needs_person")
    world.execute("update mentorcert_portal.inbox set action = 'withdraw_consent'")


def _work(world: World) -> None:
    inbox.work(world.conn, DEMO)
    _delete_messages(world)


def _delete_messages(world: World) -> None:
    world.execute("delete from mentorcert_portal.inbox")


def _repaired(world: World) -> None:
    world.execute("update mentorcert_portal.drift set repaired_at = now() where repaired_at is null")


def _beat(world: World) -> None:
    world.execute("select mentorcert_portal.heartbeat('test', now())")


def _no_secret(world: World) -> None:
    world.secret(None)


def _compared(world: World) -> None:
    world.compared()


def _long_ago(world: World, ago: str = "27 hours") -> None:
    with world.conn.transaction():
        world.execute("set local session_replication_role = replica")
        world.execute("update mentorcert_portal.reconciliations set finished_at = now() - %s::interval", ago)


def _live_again(world: World) -> None:
    world.mode("live")
    world.settle()


def _opens(world: World) -> None:
    world.execute(
        "update mentorcert_portal.connections set breaker = 'open', breaker_reason = 'It does not answer.'"
    )


def _closes(world: World) -> None:
    world.execute("update mentorcert_portal.connections set breaker = 'closed', breaker_reason = null")


def _is_restored(world: World) -> None:
    world.execute("update mentorcert_portal.connections set held_since = now()")


def _is_released(world: World) -> None:
    world.execute("select mentorcert_portal.release_held(%s)", world.organisation.id)


def _is_newer_there(world: World) -> None:
    world.change()
    report(
        world.conn,
        world.organisation.id,
        claim(world.conn, world.organisation.id),
        "already_newer",
        remote_version=900,
    )


def _is_decided(world: World) -> None:
    world.execute(
        "select mentorcert_portal.decide_conflict(id, 'ours', 'test') from mentorcert_portal.conflicts"
    )
    world.settle()


def _names_another_portal(world: World) -> None:
    world.execute("""update mentorcert_portal.connections set target = '{"url": "https://a.example"}'""")
    world.execute(
        """select mentorcert_portal.heartbeat('test', now(), targets => '{"demo": {"url": "https://b.example"}}')"""
    )


def _names_the_same(world: World) -> None:
    world.execute("update mentorcert_portal.connections set misdirected_at = now() - interval '2 minutes'")
    world.execute(
        """select mentorcert_portal.heartbeat('test', now(), targets => '{"demo": {"url": "https://a.example"}}')"""
    )


def _gives_up(world: World) -> None:
    world.change()
    world.execute(
        "update mentorcert_portal.states set state = 'dead', error_class = 'rejected', next_attempt_at = null"
    )


def _moves(world: World) -> None:
    world.execute("select mentorcert_private.see_server()")
    world.execute("update mentorcert_private.known_server set system_identifier = 1")


def _is_accepted(world: World) -> None:
    world.execute("select mentorcert_private.accept_failover('a standby took over', null)")


def _journal_stops(world: World) -> None:
    world.execute(
        "select mentorcert_private.note_journal(null, now() - interval '6 minutes', 'The disk is full.')"
    )


def _journal_goes_on(world: World) -> None:
    world.execute(
        "select mentorcert_private.note_journal(mark, at, null) from mentorcert_private.mark_journal(null)"
    )


@dataclass(frozen=True)
class Break:
    """What goes wrong, how it is corrected, and what else is found with it."""

    provoke: Callable[[World], None]
    correct: Callable[[World], None]
    beside: frozenset[str] = frozenset()


BREAKS: Final = {
    "newer_there": Break(_is_newer_there, _is_decided),
    "removal_unconfirmed": Break(_removal_waits, World.settle),
    "listed_but_expired": Break(lambda world: world.drifts("listed_but_expired"), _repaired),
    "held_after_restore": Break(_is_restored, _is_released),
    "restore_unreported": Break(_moves, _is_accepted),
    "journal_late": Break(_journal_stops, _journal_goes_on),
    "other_portal": Break(_names_another_portal, _names_the_same),
    "credentials_refused": Break(lambda world: world.fails("unauthorised"), World.settle),
    "breaker_open": Break(_opens, _closes),
    "given_up": Break(_gives_up, World.settle, frozenset({"refused"})),
    "fault_of_ours": Break(lambda world: world.fails("message_invalid"), World.settle),
    "no_worker": Break(lambda world: world.execute("delete from mentorcert_portal.workers"), _beat),
    "messages_waiting": Break(_message_waits, _work),
    "withdrawal_stuck": Break(_withdrawal_waits, _delete_messages, frozenset({"message_needs_person"})),
    "secret_expired": Break(lambda world: world.secret(0), _no_secret),
    "unverified_too_long": Break(
        lambda world: _long_ago(world, "31 hours"), _compared, frozenset({"reconciliation_overdue"})
    ),
    "reconciliation_stopped": Break(lambda world: void(world.compared("stopped")), _compared),
    "reconciliation_failed": Break(lambda world: void(world.compared("failed")), _compared),
    "reconciliation_overdue": Break(_long_ago, _compared),
    "unverified": Break(lambda world: void(world.compared("unverified")), _compared),
    "drift": Break(lambda world: world.drifts("missing"), _repaired),
    "change_unconfirmed": Break(_change_waits, World.settle),
    "refused": Break(lambda world: world.fails("rejected"), World.settle),
    "paused": Break(lambda world: world.mode("paused", "16 min"), _live_again),
    "secret_expires": Break(lambda world: world.secret(30), lambda world: world.secret(31)),
    "message_unknown": Break(lambda world: world.came("unknown"), _delete_messages),
    "message_failed": Break(lambda world: world.came("failed"), _delete_messages),
    "message_needs_fetch": Break(lambda world: world.came("needs_fetch"), _delete_messages),
    "message_needs_person": Break(lambda world: world.came("needs_person"), _delete_messages),
    "messages_lapse": Break(
        lambda world: world.came("unknown", ago="155 days"), _delete_messages, frozenset({"message_unknown"})
    ),
    "nothing_sent": Break(lambda world: world.mode("capture", "3 days"), _live_again),
}


def void(_: object) -> None:
    """Return nothing."""

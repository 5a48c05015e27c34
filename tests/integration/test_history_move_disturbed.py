"""The move to the events table, disturbed: killed, tampered with, or while others write."""

import signal
import sys
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.certifications import history_storage, repository
from mentorcert.db.connection import Connection, become, connect
from mentorcert.errors import HistoryAppendOnlyError
from tests.support import processes
from tests.support.command import Mentorcert, environment
from tests.support.registry import cached, fetch, histories, kinds, mode, set_up, today, with_long_history
from tests.support.servers import on_embedded_18
from tests.support.sessions import meanwhile, wait_until, waiting, working

MOVE = """
from mentorcert.certifications import history_storage
from mentorcert.db.connection import connect
history_storage.move_to_events(connect(autocommit=True), batch_size=20)
"""
TAMPERING = {
    "changed": """
        update mentorcert.certification_renewal_events set entry = entry || '{"note": "x"}' where position = 2
    """,
    "in another order": """
        update mentorcert.certification_renewal_events set position = -position where position in (2, 3);
        update mentorcert.certification_renewal_events set position = 5 + position where position < 0
    """,
}


@pytest.mark.parametrize("held_at", [0, 50, 99])
def test_killed_while_copying_it_goes_on(conn: Connection, database: str, held_at: int) -> None:
    with_long_history(conn)
    before = histories(conn)
    kill_at(conn, database, held_at)
    assert mode(conn) == "jsonb"
    assert histories(conn) == before
    copied = fetch(conn, "select count(*) from mentorcert.certification_renewal_events")
    assert history_storage.move_to_events(conn, batch_size=20) == 160 - copied
    assert histories(conn) == before
    assert mode(conn) == "events"


def test_killed_while_trimming_it_goes_on(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    for number in range(60):
        organisation.certify(organisation.mentor(str(number)), past=55)
    before = histories(conn)
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
    conn.execute("select mentorcert_private.switch_history_to_events()")
    kill_at(conn, database, 30)
    lengths = {len(cached(conn, id_)) for id_ in before}
    assert lengths == {50, 56}
    assert histories(conn) == before
    assert history_storage.move_to_events(conn, batch_size=20) == 0
    assert {len(cached(conn, id_)) for id_ in before} == {50}
    assert histories(conn) == before


def kill_at(conn: Connection, database: str, held_at: int) -> None:
    """Let a process move until it waits for the certification at that place, and kill it there."""
    with connect(database) as somebody:
        somebody.execute(
            "select from public.peer_mentor_certifications"
            " where id = (select id from public.peer_mentor_certifications order by id offset %s limit 1)"
            " for update",
            (held_at,),
        )
        process = processes.start(sys.executable, "-c", MOVE, env=environment(database))
        wait_until(lambda: waiting(conn) == 1, "the move to wait")
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: working(conn) == 0, "the killed one's session to end")


@pytest.mark.parametrize("tampering", ["changed", "in another order"])
def test_events_that_differ_are_refused_and_nothing_is_switched(conn: Connection, tampering: str) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(), past=4)
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
    conn.execute("alter table mentorcert.certification_renewal_events disable trigger user")
    conn.execute(
        "alter table mentorcert.certification_renewal_events"
        " drop constraint certification_renewal_events_position_valid"
    )
    conn.execute(TAMPERING[tampering].encode())
    before = histories(conn)
    with pytest.raises(HistoryAppendOnlyError) as caught:
        history_storage.move_to_events(conn)
    assert caught.value.constraint == "certification_events_complete"
    assert mode(conn) == "jsonb"
    assert histories(conn) == before


def test_events_that_are_too_many_are_refused_at_the_switch(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), past=4)
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
    invented = uuid4()
    conn.execute(
        "insert into mentorcert.certification_renewal_events"
        " values (%s, %s, %s, 6, jsonb_build_object('entry_id', %s::text))",
        (invented, organisation.id, certification, invented),
    )
    with pytest.raises(psycopg.Error, match="differ"):
        conn.execute("select mentorcert_private.switch_history_to_events()")
    assert mode(conn) == "jsonb"


@on_embedded_18
def test_the_command_says_that_nothing_was_switched(conn: Connection, mentorcert: Mentorcert) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(), past=4)
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
    conn.execute("alter table mentorcert.certification_renewal_events disable trigger user")
    conn.execute(TAMPERING["changed"].encode())
    refused = mentorcert("history", "to-events")
    assert refused.returncode == 1
    assert "Nothing was switched" in refused.stderr


def test_what_is_written_between_the_batches_is_not_lost(conn: Connection, database: str) -> None:
    organisation = with_long_history(conn, 30)
    first, certified = next(iter(histories(conn))), list[UUID]()

    def write(step: str, done: int, total: int) -> None:
        with connect(database, autocommit=True) as somebody, organisation.as_admin(somebody):
            if step == "copy and verify" and done == 10:
                repository.renew(somebody, first)
            elif step == "copy and verify" and done == 30 and not certified:
                repository.suspend(somebody, first, "complaint")
                certified.append(repository.register(somebody, mentor, "half").id)
            elif step == "leave the newest 50" and done == 10:
                repository.reinstate(somebody, first)

    mentor = organisation.mentor("new")
    history_storage.move_to_events(conn, batch_size=10, progress=write)
    assert kinds(conn, first)[-4:] == ["issued", "renewed", "suspended", "reinstated"]
    assert kinds(conn, certified[0]) == ["issued"]
    assert history_storage.size(conn) == ("events", 31, 29 + 61 + 3 + 1)
    for id_, entries in histories(conn).items():
        assert cached(conn, id_) == entries[-50:]


def test_what_waits_for_the_switch_goes_to_the_table(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -9), last_day=today(conn, 9)
    )
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")

    def suspend(other: Connection) -> None:
        become(other, organisation.admin)
        repository.suspend(other, certification, "complaint")

    def switch(other: Connection) -> None:
        other.execute("select mentorcert_private.switch_history_to_events()")

    meanwhile(conn, database, switch, suspend)
    assert kinds(conn, certification) == ["issued", "suspended"]
    second = organisation.certify(organisation.mentor("2"), issued=today(conn, -9), last_day=today(conn, 9))
    assert kinds(conn, second) == ["issued"]


def test_the_switch_waits_for_what_is_being_written(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -9), last_day=today(conn, 9)
    )
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")

    def suspend(other: Connection) -> None:
        become(other, organisation.admin)
        repository.suspend(other, certification, "complaint")

    meanwhile(
        conn,
        database,
        suspend,
        lambda other: other.execute("select mentorcert_private.switch_history_to_events()"),
    )
    assert mode(conn) == "events"
    assert kinds(conn, certification) == ["issued", "suspended"]

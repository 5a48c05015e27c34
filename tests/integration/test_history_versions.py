"""A later version of history entries, which only the tests know: lifted in batches, read beside the first."""

import signal
import sys
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg
import pytest
from pydantic import BaseModel

from mentorcert.certifications import history as entries_of
from mentorcert.certifications import history_storage, repository
from mentorcert.certifications.history import EntryV1
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import UnknownHistoryVersionError
from mentorcert.operations import nightly
from tests.support import processes
from tests.support.command import Mentorcert, environment
from tests.support.registry import Organisation, fetch, history, kinds, rows, set_up, status, today, utc
from tests.support.servers import on_embedded_18
from tests.support.sessions import wait_until, waiting, working

VERSION_2 = """
create or replace function mentorcert_private.current_history_version() returns integer
language sql immutable set search_path = '' as $$ select 2 $$;

create or replace function mentorcert_private.upgrade_history_entry(entry jsonb) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  case (entry ->> 'schema_version')::integer
    when 1 then return entry || '{"schema_version": 2, "channel": "unknown"}';
    when 2 then return entry;
  end case;
end
$$
"""
UPGRADE = """
from mentorcert.certifications import history_storage
from mentorcert.db.connection import connect
history_storage.upgrade(connect(autocommit=True), batch_size=20)
"""


class EntryV2(BaseModel):
    """What these tests look at, and by which channel the registry learned of the change."""

    schema_version: Literal[2]
    entry_id: UUID
    kind: entries_of.Kind
    channel: str | None = None


VERSIONS: entries_of.Versions = {**entries_of.VERSIONS, 2: EntryV2}


def versions(conn: Connection) -> set[tuple[Any, ...]]:
    """Return which versions there are, in the certifications and in the events."""
    return set(
        rows(
            conn,
            """
            select entry -> 'schema_version' from public.peer_mentor_certifications,
              jsonb_array_elements(renewal_history) as entry
            union
            select entry -> 'schema_version' from mentorcert.certification_renewal_events
            """,
        )
    )


def with_some(conn: Connection, number: int = 100) -> Organisation:
    """Set up an organisation with certifications that ended."""
    organisation = set_up(conn)
    organisation.certify_many(number, last_day=date(2024, 5, 31))
    return organisation


def test_the_lift_changes_nothing_else_and_is_done_once(conn: Connection) -> None:
    organisation = with_some(conn, 25)
    long = organisation.certify(organisation.mentor(), past=60)
    before = history(conn, long)
    assert history_storage.outdated(conn) == history_storage.upgrade(conn) == 0
    conn.execute(VERSION_2.encode())
    reported: list[tuple[str, int, int]] = []
    assert history_storage.outdated(conn) == 26
    lifted = history_storage.upgrade(
        conn, batch_size=10, progress=lambda step, done, total: reported.append((step, done, total))
    )
    assert lifted == 26
    assert sorted(set(reported)) == [("lift", 0, 26), ("lift", 10, 26), ("lift", 20, 26), ("lift", 26, 26)]
    assert reported == sorted(reported)
    assert history(conn, long) == [{**entry, "schema_version": 2, "channel": "unknown"} for entry in before]
    assert versions(conn) == {(2,)}
    rows_before = rows(conn, "select xmin, id from public.peer_mentor_certifications order by id")
    assert history_storage.upgrade(conn, batch_size=10) == history_storage.outdated(conn) == 0
    assert rows(conn, "select xmin, id from public.peer_mentor_certifications order by id") == rows_before


@pytest.mark.parametrize("mode", ["jsonb", "events"])
def test_killed_between_batches_it_goes_on_where_it_was(conn: Connection, database: str, mode: str) -> None:
    with_some(conn)
    if mode == "events":
        history_storage.move_to_events(conn)
    conn.execute(VERSION_2.encode())
    with connect(database) as somebody:
        somebody.execute(
            "select from public.peer_mentor_certifications"
            " where id = (select id from public.peer_mentor_certifications order by id offset 50 limit 1)"
            " for update"
        )
        process = processes.start(sys.executable, "-c", UPGRADE, env=environment(database))
        wait_until(lambda: waiting(conn) == 1, "the third batch to wait")
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: working(conn) == 0, "the killed one's session to end")
    # Two batches were committed; the third was one statement, which its server ends without the client.
    assert history_storage.outdated(conn) == 40
    assert history_storage.upgrade(conn, batch_size=20) == 40
    assert versions(conn) == {(2,)}
    every = rows(conn, "select id from public.peer_mentor_certifications")
    assert {tuple(kinds(conn, id_)) for (id_,) in every} == {("issued",)}


@on_embedded_18
def test_the_command(conn: Connection, mentorcert: Mentorcert) -> None:
    with_some(conn, 3)
    conn.execute(VERSION_2.encode())
    assert "3 histories would be lifted" in mentorcert("history", "upgrade", "--dry-run").stdout
    assert versions(conn) == {(1,)}
    assert "3 histories were lifted" in mentorcert("history", "upgrade").stdout
    assert versions(conn) == {(2,)}


@pytest.mark.parametrize(
    "changed_history",
    [
        "mentorcert_private.upgrade_history(renewal_history) - 0",
        "mentorcert_private.upgrade_history(renewal_history) || '[{\"schema_version\": 2}]'",
        "jsonb_set(mentorcert_private.upgrade_history(renewal_history), '{0,channel}', '\"post\"')",
        "jsonb_set(mentorcert_private.upgrade_history(renewal_history), '{0,note}', '\"other\"')",
        "jsonb_set(renewal_history, '{0}', mentorcert_private.upgrade_history_entry(renewal_history -> 0))",
        "'[]'",
    ],
)
def test_nothing_but_the_lift_is_accepted(conn: Connection, changed_history: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), past=3)
    conn.execute(VERSION_2.encode())
    before = history(conn, certification)
    with pytest.raises(psycopg.Error) as caught:
        conn.execute(
            f"update public.peer_mentor_certifications set renewal_history = {changed_history}".encode()
        )
    assert caught.value.sqlstate == "MC005"
    assert history(conn, certification) == before


def test_events_take_nothing_but_the_lift_either(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(), past=3)
    history_storage.move_to_events(conn)
    conn.execute(VERSION_2.encode())
    for change in (
        'entry = entry || \'{"note": "other"}\'',
        'entry = mentorcert_private.upgrade_history_entry(entry) || \'{"channel": "post"}\'',
        "entry = mentorcert_private.upgrade_history_entry(entry), position = position + 100",
    ):
        with pytest.raises(psycopg.Error) as caught:
            conn.execute(f"update mentorcert.certification_renewal_events set {change}".encode())
        assert caught.value.sqlstate == "MC005"
    conn.execute(
        "update mentorcert.certification_renewal_events set entry = mentorcert_private.upgrade_history_entry(entry)"
    )


def test_a_version_that_the_database_does_not_know(conn: Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        conn.execute("""select mentorcert_private.upgrade_history_entry('{"schema_version": 9}')""")
    assert (caught.value.sqlstate, caught.value.diag.constraint_name) == (
        "MC008",
        "history_entry_schema_version_known",
    )


@pytest.mark.parametrize("mode", ["jsonb", "events"])
def test_answers_are_the_same_in_either_version(conn: Connection, mode: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=date(2024, 1, 1), last_day=today(conn, 10)
    )
    with organisation.as_admin():
        batch = repository.extend(conn, "basic", today(conn, 40), "illness")
        repository.suspend(conn, certification, "complaint")
    if mode == "events":
        history_storage.move_to_events(conn)
    conn.execute(VERSION_2.encode())
    due = organisation.certify(organisation.mentor("2"), last_day=date(2024, 5, 31))

    def answers() -> list[bool]:
        days = [date(2023, 12, 31), date(2024, 2, 1), today(conn, -1), today(conn, 20), today(conn, 90)]
        return [repository.was_valid(conn, certification, organisation.midnight(day)) for day in days]

    assert answers() == [False, True, True, False, False]
    nightly.run(conn)
    assert [entry["schema_version"] for entry in history(conn, due)] == [2, 2]
    assert status(conn, due) == "expired"
    suspension = history(conn, certification)[-1]
    with organisation.as_admin():
        reverted = repository.revert(conn, certification, suspension["entry_id"], "unfounded")
    assert reverted.status == "active"
    assert [entry["schema_version"] for entry in history(conn, certification)] == [1, 1, 1, 2]
    mixed = answers()
    assert mixed == [False, True, True, True, False]
    assert history_storage.upgrade(conn) == 1
    assert answers() == mixed
    assert versions(conn) == {(2,)}
    with organisation.as_admin():
        assert repository.revert_batch(conn, batch, "over") == 1
        assert repository.get(conn, certification).expires_at == organisation.midnight(today(conn, 11))
    assert kinds(conn, certification) == ["issued", "extended", "suspended", "reverted", "reverted"]


def test_python_reads_them_side_by_side(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    conn.execute(VERSION_2.encode())
    nightly.run(conn, utc(2024, 5, 31, 22) + timedelta(days=1))
    with pytest.raises(UnknownHistoryVersionError, match=r"Entry 2 .* schema_version 2"):
        repository.history_of(conn, certification)
    first, second = entries_of.parse(history(conn, certification), VERSIONS)
    assert type(first) is EntryV1
    assert type(second) is EntryV2
    assert (second.kind, second.channel) == ("expired", None)
    history_storage.upgrade(conn)
    lifted = entries_of.parse(history(conn, certification), VERSIONS)
    assert [entry.channel for entry in lifted if isinstance(entry, EntryV2)] == ["unknown", None]
    assert fetch(conn, "select mentorcert_private.upgrade_history('[]')") == []

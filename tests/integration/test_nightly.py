"""The nightly run: exactly what is due expires, once, and the ledger has every local day."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.errors import FutureNightError
from mentorcert.operations import nightly
from tests.support.command import Mentorcert
from tests.support.processes import DEADLINE_S
from tests.support.registry import (
    expired_once,
    fetch,
    history,
    kinds,
    ledger,
    rows,
    set_up,
    status,
    today,
    utc,
)
from tests.support.servers import on_embedded_18
from tests.support.sessions import wait_until, waiting


def test_the_boundary_is_the_instant_itself(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    end = utc(2024, 5, 31, 22)
    assert nightly.due(conn, end - timedelta(microseconds=1)) == []
    assert nightly.run(conn, end - timedelta(microseconds=1)) == []
    assert status(conn, certification) == "active"
    (due,) = nightly.due(conn, end)
    assert (due.certification_id, due.expires_at, due.last_valid_day) == (
        certification,
        end,
        date(2024, 5, 31),
    )
    assert [day.expired for day in nightly.run(conn, end)] == [1]
    assert status(conn, certification) == "expired"


def test_the_entry_it_writes(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    nightly.run(conn)
    entry = history(conn, certification)[-1]
    assert datetime.fromisoformat(entry.pop("recorded_at")) > datetime.now(UTC) - timedelta(hours=1)
    assert datetime.fromisoformat(entry.pop("effective_at")) == utc(2024, 5, 31, 22)
    assert len(entry.pop("entry_id")) == 36
    assert entry == {
        "schema_version": 1,
        "kind": "expired",
        "actor": {"job": "nightly"},
        "before": {"status": "active"},
        "after": {"status": "expired"},
    }


def test_only_what_is_due(conn: Connection) -> None:
    organisation = set_up(conn)
    days = [date(2024, 1, 1) + timedelta(number) for number in range(20)]
    for number, day in enumerate(days):
        organisation.certify(organisation.mentor(str(number)), last_day=day)
    suspended = organisation.certify(organisation.mentor("suspended"), last_day=days[0])
    organisation.certify(organisation.mentor("unlimited"), "pledge")
    with organisation.as_admin():
        conn.execute("select public.suspend_certification(%s, 'complaint')", (suspended,))
    as_of = organisation.midnight(days[10])
    listed = nightly.due(conn, as_of)
    assert [(due.peer_mentor, due.last_valid_day) for due in listed] == [
        (str(number), day) for number, day in enumerate(days[:10])
    ]
    assert sum(day.expired for day in nightly.run(conn, as_of)) == 10
    expired = rows(conn, "select id from public.peer_mentor_certifications where status = 'expired'")
    assert {id_ for (id_,) in expired} == {due.certification_id for due in listed}
    assert expired_once(conn)


def test_the_second_run_does_nothing(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify_many(30, last_day=date(2024, 5, 31))
    as_of = utc(2024, 6, 1, 3)
    assert [day.expired for day in nightly.run(conn, as_of)] == [30]
    before = rows(conn, "select xmin, id from public.peer_mentor_certifications order by id"), ledger(conn)
    assert nightly.run(conn, as_of) == []
    assert nightly.due(conn, as_of) == []
    after = rows(conn, "select xmin, id from public.peer_mentor_certifications order by id"), ledger(conn)
    assert after == before
    assert ledger(conn) == [("demo", date(2024, 6, 1), False, 30, 0, None, True)]


def test_a_batch_at_a_time(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify_many(25, last_day=date(2024, 5, 31))
    (day,) = nightly.run(conn, utc(2024, 6, 1), batch_size=10)
    assert day.expired == 25
    transactions = rows(
        conn, "select count(*) from public.peer_mentor_certifications group by xmin::text order by 1"
    )
    assert transactions == [(5,), (10,), (10,)]
    assert expired_once(conn)


def test_a_night_that_has_not_come_is_refused(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(), issued=today(conn, -9), last_day=today(conn, 9))
    tomorrow = datetime.now(UTC) + timedelta(days=20)
    with pytest.raises(FutureNightError):
        nightly.run(conn, tomorrow)
    assert len(nightly.due(conn, tomorrow)) == 1
    assert ledger(conn) == []


@on_embedded_18
def test_what_the_command_says_to_bad_instants(conn: Connection, mentorcert: Mentorcert) -> None:
    set_up(conn)
    refused = mentorcert("nightly", "--as-of", (datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert (refused.returncode, "--dry-run" in refused.stderr) == (2, True)
    assert mentorcert("nightly", "--as-of", "soon").returncode == 2
    assert ledger(conn) == []


@pytest.mark.parametrize("runs", [2, 4])
def test_runs_at_once_do_the_work_once(conn: Connection, database: str, runs: int) -> None:
    organisation = set_up(conn)
    organisation.certify_many(300, last_day=date(2024, 5, 31))
    as_of, together = utc(2024, 6, 2), Barrier(runs, timeout=DEADLINE_S)

    def one_run(number: int) -> int:
        with connect(database, autocommit=True) as own:
            together.wait()
            return sum(day.expired for day in nightly.run(own, as_of, batch_size=50 if number % 2 else None))

    with ThreadPoolExecutor(runs) as threads:
        counts = list(threads.map(one_run, range(runs)))
    assert sum(counts) == 300
    assert sum(expired for _, _, _, expired, *_ in ledger(conn)) == 300
    assert expired_once(conn)


def test_the_second_waits_for_the_first_and_finds_nothing_left(conn: Connection, database: str) -> None:
    set_up(conn).certify_many(10, last_day=date(2024, 5, 31))
    as_of = utc(2024, 6, 2)
    with (
        connect(database) as first,
        connect(database, autocommit=True) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        first.execute("select mentorcert_private.run_nightly(%s)", (as_of,))
        second = threads.submit(nightly.run, other, as_of)
        wait_until(lambda: waiting(conn) == 1, "the second run to wait")
        first.commit()
        assert second.result(DEADLINE_S) == []
    assert expired_once(conn)


def test_what_somebody_holds_is_left_for_the_next_run(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    held = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    organisation.certify_many(9, last_day=date(2024, 5, 31))
    with connect(database) as somebody:
        somebody.execute("select from public.peer_mentor_certifications where id = %s for update", (held,))
        assert [day.expired for day in nightly.run(conn, utc(2024, 6, 1))] == [9]
        assert status(conn, held) == "active"
    assert [day.expired for day in nightly.run(conn, utc(2024, 6, 1))] == [1]
    assert kinds(conn, held) == ["issued", "expired"]
    assert ledger(conn) == [("demo", date(2024, 6, 1), False, 10, 0, None, True)]


@on_embedded_18
def test_the_dry_run_lists_exactly_what_the_run_does(conn: Connection, mentorcert: Mentorcert) -> None:
    organisation = set_up(conn)
    as_of = organisation.midnight(today(conn)).isoformat()
    nightly.run(conn, utc(2024, 5, 1))
    for number in range(5):
        mentor = organisation.mentor(str(number))
        organisation.certify(mentor, "half", last_day=date(2024, 4, 29) + timedelta(number))
        organisation.certify(mentor, "basic", issued=today(conn, -9), last_day=today(conn, number))
    said = json.loads(mentorcert("nightly", "--dry-run", "--json", "--as-of", as_of).stdout)
    assert len(said) == 5
    assert {due["leaves_list"] for due in said} == {False}
    assert ledger(conn)[1:] == []
    days = json.loads(mentorcert("nightly", "--json", "--as-of", as_of).stdout)
    assert sum(day["expired"] for day in days) == 5
    expired = rows(conn, "select id::text from public.peer_mentor_certifications where status = 'expired'")
    assert {id_ for (id_,) in expired} == {due["certification_id"] for due in said}
    assert "0 certifications would expire" in mentorcert("nightly", "--dry-run").stdout


def test_who_leaves_the_public_list(conn: Connection) -> None:
    organisation = set_up(conn)
    for number in range(4):
        mentor = organisation.mentor(str(number), consent=number != 3)
        organisation.certify(mentor, issued=today(conn, -9), last_day=today(conn, 10 + number))
        organisation.certify(mentor, "half", issued=today(conn, -9), last_day=today(conn, 10))
    # The function itself takes a night to come; the command does not.
    as_of = organisation.midnight(today(conn, 12))
    leaving = {due.peer_mentor for due in nightly.due(conn, as_of) if due.leaves_list}
    assert leaving == {"0", "1"}
    conn.execute("select mentorcert_private.run_nightly(%s)", (as_of,))
    assert rows(conn, "select display_name from public.listed_peer_mentors") == [("Person 2",)]
    ((_, _, _, expired, unlisted, _, _),) = ledger(conn)
    assert (expired, unlisted) == (6, 2)


@pytest.mark.parametrize("past", [48, 49, 50, 60])
def test_a_long_history_loses_nothing_by_expiring(conn: Connection, past: int) -> None:
    organisation = set_up(conn)
    before = organisation.certify(organisation.mentor("a"), last_day=date(2024, 5, 31), past=past)
    conn.execute("select mentorcert_private.switch_history_to_events()")
    after = organisation.certify(organisation.mentor("b"), last_day=date(2024, 5, 31), past=past)
    kept = {id_: history(conn, id_) for id_ in (before, after)}
    assert {len(entries) for entries in kept.values()} == {past + 1}
    assert [day.expired for day in nightly.run(conn, utc(2024, 6, 1))] == [2]
    for id_, entries in kept.items():
        now = history(conn, id_)
        assert now[:-1] == entries
        assert now[-1]["kind"] == "expired"
        cached = fetch(
            conn, "select renewal_history from public.peer_mentor_certifications where id = %s", id_
        )
        assert cached == now[-50:]

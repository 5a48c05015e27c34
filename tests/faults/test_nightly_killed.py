"""kill -9 of a nightly run half-way: nothing is lost, nothing is doubled, and the next run does the rest."""

from collections.abc import Callable
from datetime import date

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.operations import nightly
from tests.support.command import start
from tests.support.registry import fetch, rows, set_up, utc
from tests.support.sessions import wait_until, waiting, working

DUE = 200
# Before the 120th certification is changed, the run has to wait for the holder of the lock.
HALF_WAY = """
create sequence mentorcert_private.changes;
create function mentorcert_private.wait_half_way() returns trigger language plpgsql
as $$
begin
  if nextval('mentorcert_private.changes') = 120 then
    perform pg_advisory_xact_lock(120);
  end if;
  return new;
end
$$;
create trigger wait_half_way before update on public.peer_mentor_certifications
for each row execute function mentorcert_private.wait_half_way()
"""
ENTRIES = """
select certification.status, array_agg(entry ->> 'kind' order by position) as kinds
from public.peer_mentor_certifications as certification
cross join lateral public.certification_history(certification.id) with ordinality as entries (entry, position)
group by certification.id
"""


def counts(conn: Connection) -> dict[str, int]:
    """Return how many certifications have each status; each history must agree."""
    found = rows(conn, f"select status, kinds, count(*) from ({ENTRIES}) as entries group by status, kinds")
    expected = {"active": ["issued"], "expired": ["issued", "expired"]}
    assert all(kinds == expected[status] for status, kinds, _ in found), found
    return {status: number for status, _, number in found}


def ledger(conn: Connection) -> list[tuple[object, ...]]:
    return rows(
        conn,
        "select night.local_day, run.expired, night.finished_at is not null, night.error from mentorcert_private.nights as night"
        " left join mentorcert_private.job_runs as run on run.job = 'nightly' and run.local_day = night.local_day order by 1",
    )


def kill_half_way(conn: Connection, database: str, *options: str) -> None:
    """Start `mentorcert nightly`, and kill it while it waits half-way."""
    conn.execute(HALF_WAY.encode())
    with connect(database) as somebody:
        somebody.execute("select pg_advisory_xact_lock(120)")
        process = start("nightly", *options, database_url=database)
        wait_until(lambda: waiting(conn) == 1, "the run to wait half-way")
        process.kill()
        process.communicate()
    wait_until(lambda: working(conn) == 0, "the killed one's session to end")


def by_events(conn: Connection) -> None:
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
    conn.execute("select mentorcert_private.switch_history_to_events()")


def by_jsonb(_conn: Connection) -> None:
    """Leave the histories where they are."""


@pytest.mark.parametrize("kept", [by_jsonb, by_events])
@pytest.mark.parametrize(("options", "done"), [((), 0), (("--batch-size", "50"), 100)])
def test_nothing_is_lost_and_nothing_doubled(
    conn: Connection, database: str, kept: Callable[[Connection], None], options: tuple[str, ...], done: int
) -> None:
    set_up(conn).certify_many(DUE, last_day=date(2024, 5, 31))
    kept(conn)
    kill_half_way(conn, database, *options, "--as-of", "2024-06-01T12:00:00+00:00")
    assert counts(conn) == {"active": DUE - done} | ({"expired": done} if done else {})
    # What was committed stands in the ledger, which does not say that the night is done.
    assert ledger(conn) == ([(date(2024, 6, 1), done, False, None)] if done else [])
    assert fetch(conn, "select mentorcert_private.next_nightly_at(%s)", utc(2024, 6, 1, 13)) == utc(
        2024, 6, 1, 13
    )

    assert sum(day.expired for day in nightly.run(conn, utc(2024, 6, 1, 14))) == DUE - done
    assert counts(conn) == {"expired": DUE}
    assert ledger(conn) == [(date(2024, 6, 1), DUE, True, None)]
    assert sum(day.expired for day in nightly.run(conn, utc(2024, 6, 1, 15))) == 0
    assert counts(conn) == {"expired": DUE}


def test_while_one_hangs_another_waits_and_then_does_the_work(conn: Connection, database: str) -> None:
    set_up(conn).certify_many(DUE, last_day=date(2024, 5, 31))
    conn.execute(HALF_WAY.encode())
    with connect(database) as somebody:
        somebody.execute("select pg_advisory_xact_lock(120)")
        as_of = ("--as-of", "2024-06-01T12:00:00+00:00")
        hanging = start("nightly", *as_of, database_url=database)
        wait_until(lambda: waiting(conn) == 1, "the first run to wait half-way")
        other = start("nightly", *as_of, database_url=database)
        wait_until(lambda: waiting(conn) == 2, "the second run to wait for the first")
        hanging.kill()
        hanging.communicate()
    _, errors = other.communicate()
    assert (other.returncode, errors) == (0, "")
    assert counts(conn) == {"expired": DUE}
    assert ledger(conn) == [(date(2024, 6, 1), DUE, True, None)]

"""Who does the tasks: killed, stopped, two at once, while one is cancelled, or where the database resists."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, connect
from mentorcert.imports import parsing
from mentorcert.imports.tasks import requests, runner
from tests.support import command
from tests.support.mentor_file import row, snapshot
from tests.support.processes import DEADLINE_S, Child
from tests.support.registry import Organisation, fetch, rows, set_up
from tests.support.sessions import wait_until, waiting, working
from tests.support.tasks import confirm, opener, preview, task, work

ROWS = [row(str(number), certification_type="basic", issued="2026-01-01") for number in range(20)]
# Before the tenth certification is written, the import has to wait for the holder of the lock.
HALF_WAY = """
create sequence mentorcert_private.changes;
create function mentorcert_private.wait_half_way() returns trigger language plpgsql security definer
as $$
begin
  if nextval('mentorcert_private.changes') = 10 then
    perform pg_advisory_xact_lock(120);
  end if;
  return new;
end
$$;
create trigger wait_half_way before insert on public.peer_mentor_certifications
for each row execute function mentorcert_private.wait_half_way()
"""


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


@pytest.fixture
def confirmed(database: str, organisation: Organisation) -> UUID:
    """An import of 20 certifications that waits to be done."""
    previewed = preview(organisation, *ROWS)
    assert work(database)
    return confirm(organisation, previewed)


@contextmanager
def held_half_way(conn: Connection, database: str) -> Iterator[None]:
    """Have an import wait half-way; it goes on afterwards."""
    conn.execute(HALF_WAY.encode())
    with connect(database) as somebody:
        somebody.execute("select pg_advisory_xact_lock(120)")
        yield


def start(database: str) -> Child:
    return command.start("tasks", "work", database_url=make_conninfo(database, user="mentorcert_tasks"))


def end_lease(conn: Connection) -> None:
    """Let as much time pass as makes a silent process a dead one."""
    conn.execute(
        "update mentorcert_private.tasks set lease_until = now() - interval '1 second' where state = 'running'"
    )


def imported(conn: Connection) -> int:
    number: int = fetch(conn, "select count(*) from public.peer_mentor_certifications")
    return number


def test_the_killed_ones_work_is_done_by_the_next(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    with held_half_way(conn, database):
        process = start(database)
        wait_until(lambda: waiting(conn) == 1, "the import to wait half-way")
        process.kill()
        process.communicate()
    wait_until(lambda: working(conn) == 0, "the killed one's session to end")
    assert imported(conn) == 0
    assert task(organisation, confirmed).state == "running"
    assert not work(database)
    end_lease(conn)
    assert work(database)
    done = task(organisation, confirmed)
    assert done.result is not None
    assert (done.state, done.result["certifications_added"]) == ("done", 20)
    assert imported(conn) == 20


def test_what_kills_three_is_given_up(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    conn.execute(
        "update mentorcert_private.tasks set state = 'running', attempts = 3, lease_token = gen_random_uuid(),"
        " lease_until = now() - interval '1 second' where id = %s",
        (confirmed,),
    )
    assert not work(database)
    given_up = task(organisation, confirmed)
    assert (given_up.state, given_up.error) == ("failed", {"kind": "AbandonedTaskError"})
    assert imported(conn) == 0


def test_a_stopped_one_undoes_and_leaves_it_to_the_next(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    with held_half_way(conn, database):
        process = start(database)
        wait_until(lambda: waiting(conn) == 1, "the import to wait half-way")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    left = task(organisation, confirmed)
    assert (left.state, left.finished_at) == ("queued", None)
    assert fetch(conn, "select attempts from mentorcert_private.tasks where id = %s", confirmed) == 0
    assert imported(conn) == 0
    assert work(database)
    assert imported(conn) == 20


def test_two_at_once_do_each_task_once(conn: Connection, database: str, organisation: Organisation) -> None:
    others = [set_up(conn, slug) for slug in ("one", "two", "three")]
    tasks = [(of, preview(of, *ROWS)) for of in (organisation, *others) for _ in range(2)]
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: work(database), range(len(tasks) + 2)))
    assert done.count(True) == len(tasks)
    assert {task(of, id_).state for of, id_ in tasks} == {"done"}
    assert fetch(conn, "select max(attempts) from mentorcert_private.tasks") == 1


def test_one_task_is_not_done_by_two(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with held_half_way(conn, database):
            first = threads.submit(work, database)
            wait_until(lambda: waiting(conn) == 1, "the import to wait half-way")
            assert not work(database)
        assert first.result(DEADLINE_S)
    assert imported(conn) == 20
    assert task(organisation, confirmed).state == "done"


def test_who_was_silent_too_long_writes_nothing(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    with ThreadPoolExecutor(1) as threads, held_half_way(conn, database):
        first = threads.submit(work, database)
        wait_until(lambda: waiting(conn) == 1, "the import to wait half-way")
        conn.execute(
            "update mentorcert_private.tasks set lease_token = gen_random_uuid() where state = 'running'"
        )
        assert first.result(DEADLINE_S)
    assert imported(conn) == 0
    end_lease(conn)
    assert work(database)
    assert imported(conn) == 20


def test_a_task_is_cancelled_while_it_is_done(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    before = snapshot(conn)
    with ThreadPoolExecutor(1) as threads, held_half_way(conn, database):
        working_on = threads.submit(work, database)
        wait_until(lambda: waiting(conn) == 1, "the import to wait half-way")
        with organisation.as_admin():
            requests.cancel(conn, confirmed)
        # It waits for the lock no longer: its statement was cancelled.
        assert working_on.result(DEADLINE_S)
    assert snapshot(conn) == before
    assert task(organisation, confirmed).state == "cancelled"
    assert not work(database)


def state_of(organisation: Organisation, task_id: UUID) -> tuple[str, str | None, int, int]:
    found = task(organisation, task_id)
    return found.state, found.step, found.done, found.total


def test_progress_is_reported_while_the_work_is_not_committed(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with held_half_way(conn, database):
            working_on = threads.submit(work, database)
            wait_until(
                lambda: state_of(organisation, confirmed) == ("running", "writing", 3, 5), "the progress"
            )
        assert working_on.result(DEADLINE_S)
    assert state_of(organisation, confirmed)[0] == "done"


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
def test_who_loses_a_conflict_tries_again_and_again_without_success_fails(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID, sqlstate: str
) -> None:
    conn.execute(
        "create function mentorcert_private.refuse() returns trigger language plpgsql as "
        f"$$ begin raise sqlstate '{sqlstate}'; end $$;"
        "create trigger refuse before insert on public.peer_mentor_certifications"
        " for each row execute function mentorcert_private.refuse()".encode()
    )
    states = []
    while work(database):
        states.append(task(organisation, confirmed).state)
    assert states == ["queued", "queued", "failed"]
    assert imported(conn) == 0


def test_a_failure_that_nobody_foresaw_is_reported_without_its_text(
    conn: Connection, database: str, organisation: Organisation, confirmed: UUID
) -> None:
    conn.execute(
        "create function mentorcert_private.refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'Kari Nordmann'; end $$;"
        "create trigger refuse before insert on mentorcert.peer_mentors"
        " for each row execute function mentorcert_private.refuse()"
    )
    assert work(database)
    failed = task(organisation, confirmed)
    assert failed.error is not None
    assert (failed.state, failed.error["kind"]) == ("failed", "DatabaseError")
    assert "Kari" not in str(failed.error)
    assert fetch(conn, "select file is null from mentorcert_private.tasks where id = %s", confirmed)


def test_a_lost_database_is_asked_again(conn: Connection, database: str, organisation: Organisation) -> None:
    previewed = preview(organisation, *ROWS)
    stop, opened = threading.Event(), []

    def open_connection() -> Connection:
        opened.append(1)
        if len(opened) == 1:
            raise psycopg.OperationalError("away")
        return opener(database)()

    with ThreadPoolExecutor(1) as threads:
        keeping = threads.submit(runner.run_forever, open_connection, stop, heartbeat_s=0.01)
        wait_until(lambda: task(organisation, previewed).state == "done", "the task to be done")
        stop.set()
        keeping.result(DEADLINE_S)


def test_once_does_what_waits_and_ends(
    conn: Connection, database: str, organisation: Organisation, mentorcert: command.Mentorcert
) -> None:
    preview(organisation, *ROWS)
    preview(organisation, *ROWS)
    done = mentorcert("tasks", "work", "--once")
    assert (done.returncode, done.stdout) == (0, "2 tasks were done.\n")
    assert set(rows(conn, "select state from mentorcert_private.tasks")) == {("done",)}


def test_a_small_task_does_not_wait_for_a_large_one(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *ROWS)
    size = int(str(fetch(conn, "select octet_length(file) from mentorcert_private.tasks")))
    stop = threading.Event()
    with opener(database)() as worker:
        assert not runner.work_one(worker, opener(database), stop, most_bytes=size - 1)
        assert task(organisation, previewed).state == "queued"
        assert runner.work_one(worker, opener(database), stop, most_bytes=size)
    assert task(organisation, previewed).state == "done"


def test_a_task_is_cancelled_while_its_file_is_read(
    conn: Connection, database: str, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A reader that does not end by itself.
    monkeypatch.setattr(parsing, "_ARGUMENTS", ("-c", "import signal; signal.pause()"))
    previewed = preview(organisation, *ROWS)
    with ThreadPoolExecutor(1) as threads:
        working_on = threads.submit(work, database)
        wait_until(lambda: task(organisation, previewed).step == "reading", "the file to be read")
        with organisation.as_admin():
            requests.cancel(conn, previewed)
        assert working_on.result(DEADLINE_S)
    assert task(organisation, previewed).state == "cancelled"

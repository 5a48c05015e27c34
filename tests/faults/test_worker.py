"""The worker: does the nightly run that is due, stops on a signal, and survives an unreachable database."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from mentorcert import logs, loops
from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import DatabaseUnreachableError
from mentorcert.operations import nightly
from tests.support import processes
from tests.support.command import start
from tests.support.registry import fetch, rows, set_up, status
from tests.support.servers import SERVERS, Server
from tests.support.sessions import wait_until, working

FINISHED = "select count(*) from mentorcert_private.nights where finished_at is not null and error is null"


@pytest.fixture
def own_server(server: Server) -> Iterator[Server]:
    """A server that nobody else uses, so that it may be stopped."""
    with SERVERS[server.name]() as own:
        yield own


class Turns(threading.Event):
    """Calls the next function on a list instead of waiting, and stops after the last."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        super().__init__()
        self.turns, self.waits_s = list(turns), list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits_s.append(timeout)
        if self.turns:
            self.turns.pop(0)()
        else:
            self.set()
        return self.is_set()


def answers(database: str) -> bool:
    try:
        with connect(database) as conn:
            return bool(fetch(conn, "select 1") == 1)
    except (DatabaseUnreachableError, psycopg.Error):
        return False


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_does_the_night_that_is_due_and_stops_when_asked(
    conn: Connection, database: str, name: str
) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    worker = start("worker", database_url=database)
    wait_until(lambda: fetch(conn, FINISHED) == 1 and working(conn) == 0, "the night to be done")
    worker.send_signal(signal.Signals[name])
    said, errors = worker.communicate()
    assert (worker.returncode, errors) == (0, "")
    assert "Running" in said
    assert status(conn, certification) == "expired"


def test_it_does_nothing_before_it_is_due(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    nightly.run(conn)
    organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    before = rows(conn, "select * from mentorcert_private.nights")
    turns = Turns(lambda: None)
    nightly.run_forever(lambda: connect(database, autocommit=True), turns)
    assert rows(conn, "select * from mentorcert_private.nights") == before
    assert all(0 < wait_s <= loops.LONGEST_WAIT_S for wait_s in turns.waits_s)


def test_without_organisations_it_looks_again_later(database: str) -> None:
    turns = Turns()
    nightly.run_forever(lambda: connect(database, autocommit=True), turns)
    assert turns.waits_s == [loops.LONGEST_WAIT_S]


def test_a_night_that_fails_is_tried_again(
    conn: Connection, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    conn.execute(
        b"create function mentorcert_private.fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$;"
        b"create trigger fail before update on public.peer_mentor_certifications"
        b" for each row execute function mentorcert_private.fail()"
    )
    logs.configure("WARNING")
    turns = Turns(lambda: conn.execute("drop trigger fail on public.peer_mentor_certifications"))
    nightly.run_forever(lambda: connect(database, autocommit=True), turns)
    assert status(conn, certification) == "expired"
    assert rows(conn, "select error from mentorcert_private.nights") == [(None,)]
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["nightly_failed", "worker_waits"]


def test_it_survives_the_database_going_away(own_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    database = own_server.database_url("postgres")
    with connect(database, autocommit=True) as conn:
        list(migrate.migrate(conn, migrate.read()))
        set_up(conn)
        nightly.run(conn)
        data = Path(fetch(conn, "show data_directory"))
    owner = data.stat()
    as_owner = (
        []
        if os.geteuid()
        else ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    )

    def pg_ctl(*arguments: str) -> None:
        program = own_server.binaries / "pg_ctl"
        processes.run(
            *as_owner, program, "-D", data, "-w", "-s", "-l", data / "again.log", *arguments, cwd=data
        )

    def start_again() -> None:
        # A restart starts a server that has stopped too, with the options it had.
        pg_ctl("restart")
        with connect(own_server.url, autocommit=True) as conn:
            organisation = set_up(conn, "later")
            organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
        wait_until(lambda: answers(database), "a pooler to notice it")

    logs.configure("WARNING")
    turns = Turns(lambda: pg_ctl("stop", "-m", "fast"), start_again)
    nightly.run_forever(lambda: connect(database, autocommit=True), turns)
    assert len(turns.waits_s) == 3
    (line,) = capsys.readouterr().err.splitlines()
    # Also behind a pooler, which accepts the connection all the same and breaks it off.
    assert (json.loads(line)["event"], json.loads(line)["error"]) == (
        "worker_waits",
        "DatabaseUnreachableError",
    )
    with connect(own_server.url, autocommit=True) as conn:
        assert fetch(conn, FINISHED) == 1  # the same day, once more for the new organisation
        assert rows(conn, "select distinct status from public.peer_mentor_certifications") == [("expired",)]

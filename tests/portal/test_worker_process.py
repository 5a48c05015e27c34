"""The worker as a process: stopped in order, or killed in the middle of a send."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from tests.portal.sending import certified, shown, stored
from tests.portal.staging import Staging
from tests.support.command import start
from tests.support.registry import Organisation, fetch, rows
from tests.support.sessions import wait_until

Work = Callable[..., int]


def test_the_worker_process_stops_when_asked_and_gives_back_what_it_holds(
    conn: Connection, organisation: Organisation, staging: Staging, database: str, file: Path
) -> None:
    for number in range(12):
        certified(organisation, str(number))
    staging.use({"kind": "delay", "seconds": 1, "times": 12})
    login = make_conninfo(database, user="mentorcert_portal")
    worker = start(
        "portal", "worker", "--connection", file, "--concurrency", "2", database_url=login, MENTORCERT_LOG="INFO"
    )  # fmt: skip
    wait_until(
        lambda: fetch(conn, "select count(*) from mentorcert_portal.attempts") > 0, "the first attempt"
    )
    worker.terminate()
    said, logged = worker.communicate()
    assert worker.returncode == 0, logged
    assert "Sending to the portals" in said
    assert "Person" not in logged
    assert str(rows(conn, "select peer_mentor_id from mentorcert_portal.attempts")[0][0]) in logged
    assert 0 < fetch(conn, "select count(*) from mentorcert_portal.states where state = 'in_sync'") < 12
    assert fetch(conn, "select count(*) from mentorcert_portal.states where lease_token is not null") == 0
    assert fetch(conn, "select count(*) from mentorcert_portal.workers") == 0


def test_a_worker_that_is_killed_is_replaced(
    organisation: Organisation, work: Work, staging: Staging, database: str, file: Path
) -> None:
    conn = organisation.conn
    mentor = certified(organisation)
    staging.use({"kind": "delay", "seconds": 5, "times": 1, "applied_first": True})
    worker = start(
        "portal",
        "worker",
        "--connection",
        file,
        "--lease",
        "2",
        database_url=make_conninfo(database, user="mentorcert_portal"),
    )
    wait_until(lambda: staging.applied(mentor) != [], "the send")
    worker.kill()
    worker.communicate()
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    conn.execute(
        "update mentorcert_portal.states set lease_until = lease_until - %s, next_attempt_at = next_attempt_at - %s",
        (timedelta(minutes=2), timedelta(minutes=2)),
    )
    work()
    assert shown(staging) == {mentor: (stored(conn, mentor).version, False)}

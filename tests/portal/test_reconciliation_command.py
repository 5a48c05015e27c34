"""`mentorcert portal reconcile`, and the worker that reconciles by itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from tests.portal.reconciliation import Page, Subject, subject_on
from tests.support.command import Mentorcert, run, start
from tests.support.registry import fetch
from tests.support.sessions import wait_until


@pytest.fixture
def subject(conn: Connection, database: str, tmp_path: Path) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        yield subject


def test_it_says_what_differs_and_exits_with_1(subject: Subject, mentorcert: Mentorcert) -> None:
    mentor, *_ = subject.mentors(5)
    subject.work()
    command = ("portal", "reconcile", "demo", "--connection", subject.file, "--full")
    clean = mentorcert(*command)
    assert (clean.returncode, "done" in clean.stdout) == (0, True), clean.stderr
    subject.meddle(mentor, status="expired")
    seen = mentorcert(*command, "--dry-run")
    assert seen.returncode == 1
    assert f"demo: stale {mentor}: there " in seen.stdout
    assert subject.work() == 0
    found = mentorcert(*command, "--json")
    assert found.returncode == 1
    (result,) = json.loads(found.stdout)
    assert (result["outcome"], result["marked"], result["drift"]["stale"]) == ("done", 1, 1)
    assert result["differences"][0]["peer_mentor_id"] == str(mentor)
    for output in (clean, seen, found):
        assert "Person" not in output.stdout + output.stderr
    subject.work()
    assert mentorcert("portal", "reconcile", "--all", "--connection", subject.file).returncode == 0


def test_its_log_counts_and_names_nobody(subject: Subject, database: str) -> None:
    mentor, *_ = subject.mentors(5)
    subject.work()
    subject.meddle(mentor, status="Kari Nordmann", listed=None)
    command = ("portal", "reconcile", "demo", "--connection", subject.file, "--full")
    logged = run(*command, database_url=database, MENTORCERT_LOG="INFO")
    (line,) = logged.stderr.splitlines()
    event: dict[str, Any] = json.loads(line)
    assert (event["event"], event["level"], event["organisation"]) == (
        "portal_reconciliation",
        "warning",
        "demo",
    )
    assert (event["outcome"], event["stale"], event["listed_but_expired"], event["marked"]) == (
        "done",
        1,
        0,
        1,
    )
    assert "Kari" not in logged.stdout + logged.stderr


def test_a_stop_is_loud(subject: Subject, database: str) -> None:
    subject.mentors(5)
    subject.work()
    subject.listing.change = lambda page: {**page, "peer_mentors": []}
    command = ("portal", "reconcile", "demo", "--connection", subject.file)
    stopped = run(*command, database_url=database)
    assert stopped.returncode == 1
    assert "list is empty, though it has confirmed 5 peer mentors" in stopped.stdout
    event = json.loads(stopped.stderr.splitlines()[-1])
    assert (event["level"], event["outcome"]) == ("error", "stopped")
    assert "list is empty" in event["reason"]


@pytest.mark.parametrize(
    "arguments", [(), ("demo", "--all"), ("other",)], ids=["neither", "both", "without a file"]
)
def test_what_is_asked_wrongly_is_refused(
    subject: Subject, mentorcert: Mentorcert, arguments: tuple[str, ...]
) -> None:
    refused = mentorcert("portal", "reconcile", *arguments, "--connection", subject.file)
    assert refused.returncode == 2, refused.stderr
    assert subject.runs() == []


def test_one_that_runs_already_is_not_run_twice(
    conn: Connection, subject: Subject, mentorcert: Mentorcert
) -> None:
    conn.execute(
        "select mentorcert_portal.start_reconciliation(%s, 'full', false, 'test')", (subject.organisation.id,)
    )
    busy = mentorcert("portal", "reconcile", "demo", "--connection", subject.file)
    assert busy.returncode == 1
    assert "reconciled already" in busy.stderr


def test_the_worker_reconciles_by_itself_and_sends_again(
    conn: Connection, subject: Subject, database: str
) -> None:
    mentor, *_ = subject.mentors(5)
    subject.work()
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    subject.work()
    subject.meddle(mentor, listed=True)
    conn.execute("update mentorcert_portal.connections set changed_at = changed_at - interval '2 hours'")
    worker = start(
        "portal",
        "worker",
        "--connection",
        subject.file,
        "--lag",
        "0",
        database_url=make_conninfo(database, user="mentorcert_portal"),
    )
    wait_until(lambda: not subject.shown()[mentor], "the removal")
    worker.terminate()
    _, logged = worker.communicate()
    assert worker.returncode == 0, logged
    assert subject.runs() == [("done", False)]
    events = [json.loads(line) for line in logged.splitlines()]
    assert [one["listed_but_expired"] for one in events if one["event"] == "portal_reconciliation"] == [1]
    assert fetch(conn, "select count(*) from mentorcert_portal.reconciliations_due()") == 0


def test_a_worker_once_reconciles_what_is_due_and_sends_it(
    conn: Connection, subject: Subject, mentorcert: Mentorcert
) -> None:
    mentor, *_ = subject.mentors(5)
    subject.work()
    subject.lose(mentor)
    assert mentorcert("portal", "worker", "--connection", subject.file, "--once").returncode == 0
    assert subject.runs() == []
    conn.execute("update mentorcert_portal.connections set changed_at = changed_at - interval '2 hours'")
    assert mentorcert("portal", "worker", "--connection", subject.file, "--once").returncode == 0
    assert subject.runs() == [("done", False)]
    assert subject.shown()[mentor]


def test_a_worker_that_is_stopped_ends_the_reconciliation(
    conn: Connection, subject: Subject, database: str
) -> None:
    subject.mentors(5)
    subject.work()
    conn.execute("update mentorcert_portal.connections set changed_at = changed_at - interval '2 hours'")

    def change(page: Page) -> Page:
        worker.terminate()
        worker.wait()
        return page

    subject.listing.change = change
    worker = start(
        "portal",
        "worker",
        "--connection",
        subject.file,
        database_url=make_conninfo(database, user="mentorcert_portal"),
    )
    _, logged = worker.communicate()
    assert worker.returncode == 0, logged
    assert subject.runs() == [("failed", True)]
    assert fetch(
        conn, "select recent_at < now() + interval '11 minutes' from mentorcert_portal.reconciliation_times"
    )


def test_a_portal_that_takes_files_is_unverified(
    conn: Connection, subject: Subject, mentorcert: Mentorcert, tmp_path: Path
) -> None:
    subject.mentors(2)
    (tmp_path / "handed").mkdir()
    subject.file.write_text(
        f'organisation = "demo"\n[target]\nadapter = "file"\nfolder = "{tmp_path / "handed"}"\n'
    )
    conn.execute("select mentorcert_portal.connect(%s, 'file', 'v1', 'test')", (subject.organisation.id,))
    assert mentorcert("portal", "worker", "--connection", subject.file, "--once").returncode == 0
    result = mentorcert("portal", "reconcile", "demo", "--connection", subject.file)
    assert (result.returncode, "unverified" in result.stdout) == (1, True), result.stderr
    assert subject.runs() == [("unverified", True)]

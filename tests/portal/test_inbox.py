"""The inbox: every message is stored, and processed once, whatever it contains and whichever process dies."""

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, LiteralString
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert import logs
from mentorcert.db import rows as rows_of
from mentorcert.db.connection import Connection, connect
from mentorcert.portal.inbound import inbox
from mentorcert.portal.inbound.actions import Outcome
from tests.portal.inbound import (
    DEMO,
    RULES,
    completed,
    inbound,
    receive,
    state,
    withdrawn,
    work,
)
from tests.support.processes import Thread
from tests.support.registry import Organisation, fetch, kinds, rows, set_up, utc
from tests.support.sessions import wait_until


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


def consents(conn: Connection, mentor: UUID) -> bool:
    consent: bool = fetch(conn, "select listing_consent from mentorcert.peer_mentors where id = %s", mentor)
    return consent


BOMBS = [
    b"", b"{", b"null", b"[]", b"{}", b"\xff", b"[" * 200_000, b'{"specversion": "1.0"}',
    b'{"MessageName": 5}', b'{"MessageName": "Update", "InputParameters": [{"key": 1}]}',
    b'{"MessageName": "Update", "InputParameters": {"key": "Target"}}',
    b'{"MessageName": "\\u0000", "PrimaryEntityName": "\\ud800", "PrimaryEntityId": "x"}',
    b'{"MessageName": "Update", "InputParameters": [{"key": "Target", "value": {"Attributes": 1}}]}',
    b'{"specversion": "1.0", "type": "t", "source": "s", "data": {"a": NaN}, "sequence": "9"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BOMBS)
def test_what_nobody_understands_is_kept_and_counted(
    conn: Connection, organisation: Organisation, body: bytes
) -> None:
    assert work(conn, body)[0] == "unknown"
    assert fetch(conn, "select body from mentorcert_portal.inbox") == body
    assert [(one.state, one.messages) for one in inbox.counts(conn)] == [("unknown", 1)]


@pytest.mark.parametrize("number", ["\u0000", "\ud800", "x" * 5000, "", None, 5.5, True, {"Id": None}, ["1"]])
def test_a_number_that_is_none_waits_for_a_person(
    conn: Connection, organisation: Organisation, number: Any
) -> None:
    context = json.loads(completed(utc(2025, 1, 10)))
    for attribute in context["InputParameters"][0]["value"]["Attributes"]:
        if attribute["key"] == "hlf_number":
            attribute["value"] = number
    assert work(conn, json.dumps(context).encode()) == ("needs_person", "hlf_number names no peer mentor")


def test_a_peer_mentor_of_another_organisation_is_none(conn: Connection, organisation: Organisation) -> None:
    other = set_up(conn, "other")
    mentor = other.mentor("77")
    assert work(conn, withdrawn("77")) == ("needs_person", "the organisation has no such peer mentor")
    by_id = inbound(rules=[{**RULES[2], "mentor": {"column": "hlf_number", "holds": "peer_mentor_id"}}])
    assert work(conn, withdrawn(str(mentor)), by_id)[0] == "needs_person"
    assert consents(conn, mentor)


def test_without_a_certification_there_is_nothing_to_renew(
    conn: Connection, organisation: Organisation
) -> None:
    organisation.mentor()
    assert work(conn, completed(utc(2025, 1, 10)))[0] == "needs_person"
    assert rows(conn, "select 1 from public.peer_mentor_certifications") == []


def test_the_same_message_is_stored_once(conn: Connection, organisation: Organisation) -> None:
    body = withdrawn()
    first = [receive(conn, body) for _ in range(3)]
    named = [receive(conn, body, message_id="one") for _ in range(2)]
    other = receive(conn, withdrawn(), message_id="one")  # another body: nothing is lost
    assert len({*first}) == len({*named}) == 1
    assert len({*first, *named, other}) == 3
    assert rows(conn, "select duplicates from mentorcert_portal.inbox order by id") == [(2,), (1,), (0,)]


def test_an_organisation_that_is_not_there_stores_nothing(conn: Connection) -> None:
    assert inbox.store(conn, "nowhere", b"{}", {}) is None


def test_unknown_messages_are_worked_when_a_rule_comes(conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor()
    id_ = receive(conn, withdrawn())
    inbox.work(conn, {"demo": inbound(rules=[])})
    assert state(conn, id_) == ("unknown", "no rule fits")
    assert [one.id for one in inbox.listing(conn, ("unknown",))] == [id_]
    assert inbox.rework(conn, DEMO) == 1
    assert inbox.work(conn, DEMO) == 1
    assert state(conn, id_) == ("worked", None)
    assert inbox.rework(conn, DEMO) == 0
    assert not consents(conn, mentor)


def test_of_another_organisation_nothing_is_worked(conn: Connection, organisation: Organisation) -> None:
    set_up(conn, "other")
    id_ = receive(conn, withdrawn(), organisation="other")
    assert inbox.work(conn, DEMO) == 0
    assert inbox.rework(conn, DEMO) == 0
    assert state(conn, id_)[0] == "received"


def test_bodies_of_worked_messages_are_deleted_after_their_time(
    conn: Connection, organisation: Organisation
) -> None:
    organisation.mentor()
    rules = {"demo": inbound(keep_bodies_days=30)}
    for body in (withdrawn(), withdrawn(), withdrawn("nobody"), b"{"):
        work(conn, body)
    assert inbox.tidy(conn, rules) == 0
    conn.execute("update mentorcert_portal.inbox set worked_at = worked_at - interval '30 days'")
    assert inbox.tidy(conn, rules) == 2
    found = rows(conn, "select state, body is null from mentorcert_portal.inbox order by id")
    assert found == [("worked", True), ("ignored", True), ("needs_person", False), ("unknown", False)]


def test_several_workers_do_each_message_once(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=date(2020, 2, 1))
    for sequence in range(1, 41):
        receive(conn, completed(utc(2020, 3, 1), sequence=sequence, record_id=uuid4()))

    def work_on(_: int) -> int:
        with connect(make_conninfo(database, user="mentorcert_receiver"), autocommit=True) as own:
            return inbox.work(own, DEMO)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work_on, range(4))) == 40
    assert kinds(conn, certification) == ["issued", "renewed"]
    counted = {one.state: one.messages for one in inbox.counts(conn)}
    assert counted == {"worked": 1, "ignored": 39}


def test_a_message_whose_worker_dies_is_worked_again(
    conn: Connection, database: str, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    id_ = receive(conn, completed(utc(2025, 1, 10)))

    with (
        monkeypatch.context() as patched,
        connect(make_conninfo(database, user="mentorcert_receiver"), autocommit=True) as own,
    ):
        patched.setattr(inbox._QUERIES, "finish", Mock(**{"encode.side_effect": KeyboardInterrupt}))
        with pytest.raises(KeyboardInterrupt):
            inbox.work(own, DEMO)
    assert state(conn, id_)[0] == "received"
    assert kinds(conn, certification) == ["issued"]
    assert inbox.work(conn, DEMO) == 1
    assert kinds(conn, certification) == ["issued", "renewed"]


def test_a_stored_value_that_cannot_be_read_stops_no_other_message(
    conn: Connection, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mentor = organisation.mentor()
    first, second = receive(conn, b"{}"), receive(conn, withdrawn())
    judge = inbox._judge

    def read(conn: Connection, claimed: Any, *more: Any) -> Outcome:
        if claimed.id == first:
            rows_of.fetch_one(conn, object, "select 'infinity'::timestamptz")
        return judge(conn, claimed, *more)

    monkeypatch.setattr(inbox, "_judge", read)
    assert inbox.work(conn, DEMO) == 2
    assert state(conn, first)[:2] == ("failed", "unexpected UnreadableValueError")
    assert (state(conn, second)[0], consents(conn, mentor)) == ("worked", False)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("lock_timeout = '10ms'", "LockTimeoutError"), ("statement_timeout = '500ms'", "StatementTimeoutError")],
)
def test_what_the_database_cannot_do_now_is_tried_again_later(
    conn: Connection, database: str, organisation: Organisation, setting: LiteralString, reason: str
) -> None:
    mentor = organisation.mentor()
    id_ = receive(conn, withdrawn())
    with (
        connect(database) as other,
        connect(make_conninfo(database, user="mentorcert_receiver"), autocommit=True) as own,
    ):
        other.execute("select 1 from mentorcert.peer_mentors for update")
        own.execute(f"set {setting}")
        assert inbox.work(own, DEMO) == 1
        other.rollback()
    (found,) = rows(
        conn, "select state, reason, attempts, next_attempt_at > now() from mentorcert_portal.inbox"
    )
    assert found == ("received", reason, 1, True)
    conn.execute("update mentorcert_portal.inbox set next_attempt_at = now()")
    assert inbox.work(conn, DEMO) == 1
    assert (state(conn, id_)[0], consents(conn, mentor)) == ("worked", False)


def test_it_works_whenever_it_is_woken(
    conn: Connection, database: str, organisation: Organisation, capsys: pytest.CaptureFixture[str]
) -> None:
    organisation.mentor()
    logs.configure("INFO")
    wake, stop = threading.Event(), threading.Event()
    failing = [True]

    def connected() -> Connection:
        # The first time the database is away.
        return connect("host=/nowhere" if failing and failing.pop() else database, autocommit=True)

    thread = Thread(target=inbox.run_forever, args=(connected, DEMO, wake, stop))
    thread.start()
    wait_until(lambda: not failing, "the first attempt")
    first = receive(conn, withdrawn())
    wait_until(woken(wake, lambda: state(conn, first)[0] == "worked"), "the first to be worked")
    second = receive(conn, withdrawn())
    wait_until(woken(wake, lambda: state(conn, second)[0] == "ignored"), "the second to be worked")
    stop.set()
    wake.set()
    thread.join()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [one["event"] for one in lines] == ["portal_inbox_waits", "portal_message", "portal_message"]
    assert "Person" not in str(lines)
    logs.configure(logging.getLevelName(logging.WARNING))


def woken(wake: threading.Event, condition: Callable[[], bool]) -> Callable[[], bool]:
    def check() -> bool:
        wake.set()
        return condition()

    return check


def test_a_fault_of_ours_stops_no_other_message(
    conn: Connection, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    mentor = organisation.mentor()
    first = receive(conn, withdrawn())
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "perform", fail)
        assert inbox.work(conn, DEMO) == 1
    second = receive(conn, withdrawn())
    assert inbox.work(conn, DEMO) == 1
    assert (state(conn, first), state(conn, second)[0]) == (("failed", "unexpected RuntimeError"), "worked")
    assert not consents(conn, mentor)

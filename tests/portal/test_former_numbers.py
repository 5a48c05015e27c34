"""Where the number is the portal's key, nobody stays listed under a number that was theirs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert_staging.options import DEMO_CLIENT_ID, DEMO_CLIENT_KEY
from tests.portal.breakage import codes
from tests.portal.reconciliation import Subject, only, subject_on
from tests.portal.staging import TABLE, Api
from tests.portal.test_reconciliation_dataverse import FILE
from tests.support.registry import fetch


@pytest.fixture
def subject(conn: Connection, database: str, tmp_path: Path) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        secret = tmp_path / "secret"
        secret.write_text(DEMO_CLIENT_KEY)
        subject.file.write_text(
            FILE.format(
                url=subject.staging.url, key="hlf_externalid", holds="external_id",
                client=DEMO_CLIENT_ID, secret=secret,
            )
        )  # fmt: skip
        conn.execute(
            "select mentorcert_portal.connect(%s, 'dataverse', 'v1', 'test')", (subject.organisation.id,)
        )
        yield subject


def listed(subject: Subject) -> dict[str, bool]:
    """The numbers that the portal has, and whether it shows them."""
    return {
        row["hlf_externalid"]: row["hlf_listed"]
        for row in Api(subject.staging).call("GET", TABLE).json()["value"]
    }


def renumber(subject: Subject, before: str, after: str) -> None:
    subject.conn.execute(
        "update mentorcert.peer_mentors set external_id = %s where external_id = %s", (after, before)
    )


def test_the_old_number_is_withdrawn_before_the_new_one_is_sent(subject: Subject) -> None:
    subject.certified("100")
    subject.work()
    renumber(subject, "100", "100b")
    subject.work()
    assert listed(subject) == {"100": False, "100b": True}
    assert subject.reconcile().is_clean
    # And back again.
    renumber(subject, "100b", "100")
    subject.work()
    assert listed(subject) == {"100": True, "100b": False}


def test_while_the_old_number_cannot_be_withdrawn_the_new_one_is_not_sent(subject: Subject) -> None:
    subject.certified("100")
    subject.work()
    renumber(subject, "100", "100b")
    subject.staging.use({"kind": "server_error", "route": "dataverse", "method": "PATCH", "times": 1})
    subject.work()
    assert listed(subject) in ({"100": True}, {"100": False, "100b": True})
    subject.staging.use()
    subject.conn.execute("update mentorcert_portal.states set next_attempt_at = now()")
    subject.work()
    assert listed(subject) == {"100": False, "100b": True}


def test_a_number_that_somebody_else_has_by_now_is_theirs(subject: Subject) -> None:
    subject.certified("100")
    subject.work()
    renumber(subject, "100", "200")
    other = subject.certified("100")
    subject.work()
    subject.conn.execute(
        "update mentorcert_portal.states set next_attempt_at = now() where state <> 'in_sync'"
    )
    subject.work()
    assert listed(subject) == {"100": True, "200": True}
    assert (
        fetch(subject.conn, "select state from mentorcert_portal.states where peer_mentor_id = %s", other)
        == "in_sync"
    )


def test_who_is_listed_under_a_number_that_was_theirs_is_an_error_and_removed(subject: Subject) -> None:
    subject.certified("100")
    subject.work()
    renumber(subject, "100", "100b")
    subject.work()
    api = Api(subject.staging)
    (old,) = [row for row in api.call("GET", TABLE).json()["value"] if row["hlf_externalid"] == "100"]
    api.call("PATCH", f"{TABLE}({old['hlf_peermentorid']})", {"hlf_listed": True})
    assert only(subject.reconcile().drift) == {"listed_but_expired": 1}
    assert "listed_but_expired" in codes(subject.conn)
    subject.work()
    assert listed(subject) == {"100": False, "100b": True}
    assert subject.reconcile().is_clean


def test_an_erasure_takes_the_former_numbers_along(subject: Subject) -> None:
    mentor = subject.certified("100")
    subject.work()
    renumber(subject, "100", "100b")
    subject.conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentor,))
    subject.work()
    assert not any(listed(subject).values())
    assert fetch(subject.conn, "select former_external_ids from mentorcert_portal.states") == []
    assert fetch(subject.conn, "select sent_external_id from mentorcert_portal.states") is None

"""States in which a portal shows somebody in error: each is played against a portal, and each is an error."""

from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import PortalUnexpectedAnswerError
from mentorcert.portal.adapters import answers
from mentorcert.portal.config import configuration
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import run_checks
from mentorcert.portal.reconciliation.comparison import Scope
from mentorcert.portal.sync.connecting import connect
from tests.portal.reconciliation import Page, Subject, only, subject_on
from tests.portal.sending import set_mode, situation
from tests.portal.staging import running, state
from tests.support.registry import fetch


@pytest.fixture
def subject(conn: Connection, database: str, tmp_path: Path) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        yield subject


def errors(conn: Connection) -> set[str]:
    """The codes of the errors; no worker runs in these tests."""
    return {one.code for one in run_checks(health.read(conn)) if one.severity == "error"} - {"no_worker"}


def withdraw(subject: Subject, mentor: UUID) -> None:
    subject.conn.execute(
        "update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,)
    )


def later(subject: Subject, minutes: int = 16) -> None:
    """Let time pass."""
    subject.conn.execute(
        "update mentorcert_portal.states set removal_due_at = removal_due_at - make_interval(mins => %s)",
        (minutes,),
    )
    subject.conn.execute(
        "update mentorcert_portal.connections set mode_since = mode_since - make_interval(mins => %s)",
        (minutes,),
    )


def alter(mentor: UUID, **fields: Any) -> Callable[[Page], Page]:
    """Have the list say something else of one."""

    def change(page: Page) -> Page:
        for one in page["peer_mentors"]:
            if one["peer_mentor_id"] == str(mentor):
                one.update(fields)
        return page

    return change


@pytest.mark.parametrize("mode", ["canary", "capture", "paused"])
def test_a_mode_that_was_left_on(conn: Connection, subject: Subject, mode: str) -> None:
    mentor, other = subject.mentors(2)
    subject.work()
    set_mode(conn, subject.organisation.id, mode, *([other] if mode == "canary" else []))
    withdraw(subject, mentor)
    subject.work()
    assert subject.shown()[mentor]
    assert errors(conn) == set()
    later(subject)
    assert errors(conn) == {"removal_unconfirmed"}


@pytest.mark.parametrize("status", [404, 500])
def test_a_portal_that_confirms_changes_nothing_and_cannot_be_read(
    conn: Connection, subject: Subject, status: int
) -> None:
    (mentor,) = subject.mentors()
    subject.work()
    withdraw(subject, mentor)
    subject.staging.use({"kind": "no_effect", "mentor": str(mentor), "times": 1})
    subject.work()
    assert (situation(conn, subject.organisation.id, mentor), subject.shown()[mentor]) == ("in_sync", True)
    subject.listing.change = lambda _: status
    assert subject.reconcile().outcome == "failed"
    later(subject, 29 * 60)
    assert errors(conn) == set()
    later(subject, 2 * 60)
    assert errors(conn) == {"unverified_too_long"}


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "no such contact"},
        {"errors": [1]},
        {"success": False},
        {"ok": False},
        {"rejected": True},
        {"status": "Rejected"},
        {"outcome": "queued"},
        {"outcome": "already_newer"},
        {"outcome": "applied", "mentor_version": 6},
        {"mentor_version": "many"},
    ],
    ids=str,
)
def test_a_success_that_says_otherwise_confirms_nothing(answer: dict[str, Any]) -> None:
    with pytest.raises(PortalUnexpectedAnswerError):
        answers.read(answer, sent=state(7), http_status=200, latency=0)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({}, "applied"),
        ({"outcome": "applied"}, "applied"),
        ({"outcome": "applied", "mentor_version": 7, "errors": []}, "applied"),
        ({"outcome": "already_newer", "mentor_version": 7}, "applied"),
        ({"outcome": "already_newer", "mentor_version": 8}, "already_newer"),
    ],
    ids=str,
)
def test_a_plain_success_confirms(answer: dict[str, Any], outcome: str) -> None:
    assert answers.read(answer, sent=state(7), http_status=200, latency=0).outcome == outcome


@pytest.mark.parametrize(
    "fields",
    [
        {"listed_until": "2099-01-01T00:00:00Z"},
        {"listed_until": None},
        {"certifications": []},
        {"certifications": [{"certification_type": "hearing", "status": "suspended"}]},
        {"certifications": [{"certification_type": "hearing", "expires_at": "2099-01-01T00:00:00Z"}]},
        {"certifications": [{"certification_type": "hearing", "issued_at": "soon"}]},
        {"effective_at": "2019-01-01T00:00:00Z"},
        {"effective_at": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("scope", ["full", "recent"])
def test_other_dates_and_certifications(
    conn: Connection, subject: Subject, fields: dict[str, Any], scope: Scope
) -> None:
    mentor, _ = subject.mentors(2)
    subject.work()
    assert subject.reconcile().is_clean
    # An hour later nothing else is a reason to look at them.
    conn.execute(
        "update mentorcert_portal.states set changed_at = changed_at - interval '1 h', "
        "attempted_at = attempted_at - interval '1 h', confirmed_at = confirmed_at - interval '1 h'"
    )
    subject.listing.change = alter(mentor, **fields)
    found = subject.reconcile(scope)
    assert (only(found.drift), found.marked) == ({"stale": 1}, 1)


def test_the_same_dates_and_certifications_are_no_difference(conn: Connection, subject: Subject) -> None:
    (mentor,) = subject.mentors()
    subject.work()
    content = fetch(conn, "select confirmed from mentorcert_portal.states")
    until = content["listed_until"].replace("+00:00", "Z")
    effective = fetch(conn, "select effective_at from mentorcert_portal.states")
    subject.listing.change = alter(
        mentor,
        listed_until=until,
        certifications=content["certifications"],
        effective_at=effective.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    assert subject.reconcile().is_clean


def test_what_came_back_without_a_message_is_no_difference(conn: Connection, subject: Subject) -> None:
    """A change that was taken back before it was sent has another instant, which the portal never heard of."""
    (mentor,) = subject.mentors()
    subject.work()
    effective = fetch(conn, "select effective_at from mentorcert_portal.states")
    before = fetch(conn, "select external_id from mentorcert.peer_mentors")
    for number in ("another", before):
        conn.execute("update mentorcert.peer_mentors set external_id = %s where id = %s", (number, mentor))
    subject.work()
    assert fetch(conn, "select state from mentorcert_portal.states") == "in_sync"
    subject.listing.change = alter(mentor, effective_at=effective.isoformat())
    assert subject.reconcile().is_clean


@pytest.mark.parametrize(
    "fields",
    [
        {"certifications": [{"certification_type": "a\0b", "status": "\0"}]},
        {"certifications": [{"certification_type": ["x"], "status": {}}, 7, None]},
        {"status": "\0"},
        {"external_id": "\0", "mentor_version": 1e30},
        {"listed_until": {"a": 1}},
        {"listed_until": "9999-12-31T23:59:59-14:00"},
    ],
    ids=str,
)
def test_one_row_of_the_list_that_is_nonsense_spoils_no_other(
    conn: Connection, subject: Subject, fields: dict[str, Any]
) -> None:
    nonsense, shown = subject.mentors(2)
    withdraw(subject, shown)
    subject.work()
    change = alter(nonsense, **fields)
    subject.listing.change = lambda page: alter(shown, listed=True)(change(page))
    found = subject.reconcile()
    assert (found.outcome, found.drift["listed_but_expired"]) == ("done", 1)
    assert errors(conn) == {"listed_but_expired"}


def test_another_target(conn: Connection, subject: Subject, tmp_path: Path) -> None:
    """The worker's file names the test portal instead of the one that was connected."""
    (mentor,) = subject.mentors()
    connect(conn, configuration.load(subject.file), "test")
    set_mode(conn, subject.organisation.id, "live")
    subject.work()
    withdraw(subject, mentor)
    right = subject.file.read_text()
    with running() as wrong:
        subject.file.write_text(right.replace(f"{subject.staging.url}/webhook", f"{wrong.url}/webhook"))
        subject.work()
        assert (errors(conn), wrong.applied(mentor)) == ({"other_portal"}, [])
    later(subject)
    assert errors(conn) == {"other_portal", "removal_unconfirmed"}
    subject.file.write_text(right)
    subject.work()
    assert subject.shown() == {mentor: False}


def test_a_key_that_changed(conn: Connection, subject: Subject) -> None:
    """The portal still shows the record of the number before."""
    mentor, _ = subject.mentors(2)
    subject.work()
    before = fetch(conn, f"select external_id from mentorcert.peer_mentors where id = '{mentor}'")
    conn.execute("update mentorcert.peer_mentors set external_id = 'new' where id = %s", (mentor,))
    subject.work()

    def still_there(page: Page) -> Page:
        page["peer_mentors"].append({"external_id": before, "status": "certified", "listed": True})
        return page

    subject.listing.change = still_there
    assert only(subject.reconcile().drift) == {"listed_but_expired": 1}
    assert errors(conn) == {"listed_but_expired"}


@pytest.mark.parametrize("listed", [1, "true", "yes", {}, None])
def test_what_is_not_false_is_listed(conn: Connection, subject: Subject, listed: object) -> None:
    mentor, _ = subject.mentors(2)
    withdraw(subject, mentor)
    subject.work()
    subject.listing.change = alter(mentor, listed=listed)
    assert only(subject.reconcile().drift) == {"listed_but_expired": 1}
    assert errors(conn) == {"listed_but_expired"}


@pytest.mark.parametrize("listed", [False, 0, "false", "0"])
def test_what_is_false_is_not(subject: Subject, listed: object) -> None:
    mentor, _ = subject.mentors(2)
    withdraw(subject, mentor)
    subject.work()
    subject.listing.change = alter(mentor, listed=listed)
    assert subject.reconcile().is_clean


def test_a_list_that_lags_is_no_difference(conn: Connection, subject: Subject) -> None:
    (mentor,) = subject.mentors()
    withdraw(subject, mentor)
    subject.work()

    def lagging(page: Page) -> Page:
        return alter(mentor, listed=True)(page) if subject.listing.readings < 2 else page

    subject.listing.change = lagging
    conn.execute("update mentorcert_portal.connections set changed_at = changed_at - interval '2 hours'")
    found = subject.try_to_reconcile("recent", only_due=True)
    assert found is not None
    assert (found.is_clean, subject.listing.readings) == (True, 2)


def test_removals_are_repeated_even_while_the_rest_is_stopped(conn: Connection, subject: Subject) -> None:
    """The portal restored a backup of before everything."""
    mentor, *others = subject.mentors(12)
    subject.work()
    withdraw(subject, mentor)
    subject.work()
    subject.meddle(mentor, listed=True)
    for other in others:
        subject.lose(other)
    found = subject.reconcile()
    assert (found.outcome, found.marked) == ("stopped", 1)
    subject.work()
    assert subject.shown() == {mentor: False}
    assert "reconciliation_stopped" in errors(conn)

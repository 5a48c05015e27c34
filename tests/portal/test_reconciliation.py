"""Reconciliation against a real HTTP portal: every kind of difference is found, sent again, and gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.portal.reconciliation import Page, Subject, only, subject_on
from tests.portal.sending import set_mode, situation, stored
from tests.support.registry import fetch, rows


@pytest.fixture
def subject(conn: Connection, database: str, tmp_path: Path) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        yield subject


def synced(subject: Subject, number: int = 10) -> list[Any]:
    """Listed peer mentors whose states the portal has."""
    mentors = subject.mentors(number)
    subject.work()
    return mentors


def test_a_portal_that_shows_what_it_should_is_clean(subject: Subject) -> None:
    synced(subject)
    subject.organisation.mentor("never certified")
    subject.work()
    result = subject.reconcile()
    assert result.is_clean
    assert (result.outcome, result.read, result.compared, result.in_motion) == ("done", 11, 11, 0)
    assert subject.listing.readings == 1
    assert subject.drift() == []


def test_listed_but_expired_is_found_sent_again_and_then_gone(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    subject.work()
    subject.meddle(mentor, listed=True)
    found = subject.reconcile()
    assert only(found.drift) == {"listed_but_expired": 1}
    assert (found.outcome, found.marked, found.is_clean) == ("done", 1, False)
    assert subject.drift() == [("listed_but_expired", mentor, True, False)]
    assert stored(conn, mentor).is_removal
    assert subject.shown()[mentor]
    subject.work()
    assert not subject.shown()[mentor]
    assert subject.reconcile().is_clean
    assert subject.drift() == [("listed_but_expired", mentor, True, True)]


def test_a_removal_that_was_answered_204_without_effect_is_found(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    subject.staging.use({"kind": "no_effect", "mentor": str(mentor), "times": 1})
    subject.work()
    assert situation(conn, subject.organisation.id, mentor) == "in_sync"
    assert subject.shown()[mentor]
    assert only(subject.reconcile("recent").drift) == {"listed_but_expired": 1}
    subject.work()
    assert not subject.shown()[mentor]
    assert subject.reconcile("recent").is_clean


def test_the_missing_are_sent_again(subject: Subject) -> None:
    mentor, *_ = synced(subject)
    subject.lose(mentor)
    assert only(subject.reconcile().drift) == {"missing": 1}
    subject.work()
    assert subject.shown()[mentor]
    assert subject.reconcile().is_clean


@pytest.mark.parametrize(
    "columns",
    [
        {"mentorversion": 0},
        {"status": "suspended"},
        {"listed": False},
        {"listed": None},
        {"externalid": "other"},
    ],
    ids=str,
)
def test_the_stale_are_sent_again(conn: Connection, subject: Subject, columns: dict[str, Any]) -> None:
    mentor, *_ = synced(subject)
    subject.meddle(mentor, **columns)
    assert only(subject.reconcile().drift) == {"stale": 1}
    subject.work()
    assert subject.shown()[mentor]
    assert subject.reconcile().is_clean
    assert stored(conn, mentor).version > columns.get("mentorversion", 1)


def test_a_change_that_nobody_noticed_is_found(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute("delete from public.listed_peer_mentors where peer_mentor_id = %s", (mentor,))
    assert only(subject.reconcile().drift) == {"listed_but_expired": 1}
    subject.work()
    assert not subject.shown()[mentor]


def test_the_unknown_are_reported_until_they_are_gone(subject: Subject) -> None:
    synced(subject)
    stranger, hidden = uuid4(), uuid4()
    subject.meddle(stranger, externalid="x", listed=True, status="Kari Nordmann")
    subject.meddle(hidden, externalid="y", listed=False)
    for _ in range(2):
        found = subject.reconcile()
        assert (only(found.drift), found.marked, found.outcome) == ({"unknown_there": 1}, 0, "done")
    assert subject.drift() == [("unknown_there", stranger, False, False)] * 2
    assert fetch(subject.conn, "select there ->> 'status' from mentorcert_portal.drift limit 1") == "other"
    subject.lose(stranger)
    assert subject.reconcile().is_clean
    assert subject.drift() == [("unknown_there", stranger, False, True)] * 2


def test_another_organisations_peer_mentor_is_unknown(conn: Connection, subject: Subject) -> None:
    synced(subject)
    other = uuid4()
    conn.execute(
        "insert into mentorcert.organisations (id, slug, name, time_zone) values (%s, 'o', 'O', 'UTC')",
        (other,),
    )
    stranger = uuid4()
    conn.execute(
        "insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)"
        " values (%s, %s, 'm1', 'P')",
        (stranger, other),
    )
    subject.meddle(stranger, listed=True)
    found = subject.reconcile()
    assert only(found.drift) == {"unknown_there": 1}
    assert rows(conn, "select distinct organisation_id from mentorcert_portal.drift") == [
        (subject.organisation.id,)
    ]


def test_duplicates_are_reported_and_one_that_is_shown_is_the_alarm(
    conn: Connection, subject: Subject
) -> None:
    mentor, other, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    subject.work()

    def twice(page: Page) -> Page:
        again = [
            {**one, "listed": True, "mentor_version": 1}
            for one in page["peer_mentors"]
            if one["peer_mentor_id"] in {str(mentor), str(other)}
        ]
        return {**page, "peer_mentors": [*page["peer_mentors"], *again]}

    subject.listing.change = twice
    found = subject.reconcile()
    assert only(found.drift) == {"duplicate": 2, "listed_but_expired": 1}
    assert found.marked == 1
    subject.listing.change = lambda page: page
    subject.work()
    assert subject.reconcile().is_clean


def test_a_record_with_a_number_only_is_found_by_it(subject: Subject) -> None:
    synced(subject)

    def numbers(page: Page) -> Page:
        return {**page, "peer_mentors": [{**one, "peer_mentor_id": None} for one in page["peer_mentors"]]}

    subject.listing.change = numbers
    assert subject.reconcile().is_clean


def test_of_the_erased_the_portal_need_keep_nothing(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentor,))
    subject.work()
    assert not subject.shown()[mentor]
    assert subject.reconcile().is_clean
    subject.lose(mentor)
    assert subject.reconcile().is_clean


def test_recent_looks_at_all_who_must_not_be_listed_and_whatever_differs_from_what_was_confirmed(
    conn: Connection, subject: Subject
) -> None:
    unlisted, lost, changed, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (unlisted,))
    subject.work()
    assert subject.reconcile("full").is_clean
    subject.forget_when()
    assert subject.reconcile("recent").compared == 1
    subject.lose(lost)
    subject.meddle(changed, status="expired")
    subject.meddle(unlisted, listed=True)
    found = subject.reconcile("recent")
    assert only(found.drift) == {"listed_but_expired": 1, "missing": 1, "stale": 1}
    assert found.compared == 3


def test_removals_are_sent_first(conn: Connection, subject: Subject) -> None:
    first, *others = synced(subject, 12)
    for mentor in sorted(others)[:2]:
        subject.meddle(mentor, status="expired")
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (first,))
    subject.work()
    subject.meddle(first, listed=True)
    subject.reconcile()
    assert [kind for kind, *_ in subject.drift()] == ["listed_but_expired", "stale", "stale"]
    subject.work()
    deliveries = subject.staging.client.get("/history").json()["deliveries"]
    assert deliveries[-3]["peer_mentor_id"] == str(first)


def test_in_a_canary_only_the_named_are_compared(conn: Connection, subject: Subject) -> None:
    canary, *others = synced(subject)
    subject.meddle(others[0], status="expired")
    set_mode(conn, subject.organisation.id, "canary", canary)
    result = subject.reconcile()
    assert (result.compared, result.is_clean) == (1, True)
    subject.meddle(canary, status="expired")
    assert only(subject.reconcile().drift) == {"stale": 1}


def test_where_the_mode_sends_nothing_it_is_compared_and_nothing_repaired(
    conn: Connection, subject: Subject
) -> None:
    set_mode(conn, subject.organisation.id, "capture")
    mentor, *_ = subject.mentors(3)
    expired = subject.organisation.mentor("e", consent=False)
    subject.meddle(expired, listed=True, status="certified")
    before = stored(conn, mentor).version
    found = subject.reconcile()
    assert only(found.drift) == {"listed_but_expired": 1, "missing": 3}
    assert (found.is_dry_run, found.marked) == (True, 0)
    assert stored(conn, mentor).version == before

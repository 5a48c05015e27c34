"""Reconciliation: when it repairs nothing, what it does not compare, and concurrent runs."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.errors import InvalidArgumentError
from mentorcert.portal.reconciliation import reconciler
from tests.portal.reconciliation import Page, Subject, only, subject_on
from tests.portal.sending import claim, report, stored
from tests.support.processes import Thread
from tests.support.registry import fetch, today


@pytest.fixture
def subject(conn: Connection, database: str, tmp_path: Path) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        yield subject


def synced(subject: Subject, number: int = 10) -> list[UUID]:
    mentors = subject.mentors(number)
    subject.work()
    return mentors


def dirty(conn: Connection) -> int:
    number: int = fetch(conn, "select count(*) from mentorcert_portal.states where state <> 'in_sync'")
    return number


def reason(conn: Connection) -> str:
    text: str = fetch(conn, "select reason from mentorcert_portal.reconciliations order by id desc limit 1")
    return text


def test_an_empty_list_stops(conn: Connection, subject: Subject) -> None:
    synced(subject, 2)
    subject.listing.change = lambda page: {**page, "peer_mentors": []}
    assert subject.reconcile().outcome == "stopped"
    assert "list is empty" in reason(conn)
    assert (dirty(conn), {marked for *_, marked, _ in subject.drift()}) == (0, {False})


@pytest.mark.parametrize(("absent", "outcome"), [(3, "done"), (4, "stopped")])
def test_a_list_that_lacks_too_many_stops(
    conn: Connection, subject: Subject, absent: int, outcome: str
) -> None:
    synced(subject, 10)
    subject.listing.change = lambda page: {**page, "peer_mentors": page["peer_mentors"][absent:]}
    result = subject.reconcile("recent")
    assert (result.outcome, result.drift["missing"]) == (outcome, absent)
    assert dirty(conn) == (absent if outcome == "done" else 0)


def in_two_pages(subject: Subject, second: int | None) -> None:
    """Give five records, then on a second page the rest, or its place an error's status, or nothing."""

    def change(page: Page) -> Page | int:
        if not subject.listing.queries[-1]:
            following = "state.json?after=5" if second != 0 else None
            return {"peer_mentors": page["peer_mentors"][:5], "next": following}
        return second or page

    subject.listing.change = change


@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_an_error_in_the_middle_of_the_list_repairs_nothing(
    conn: Connection, subject: Subject, status: int
) -> None:
    synced(subject, 10)
    in_two_pages(subject, None)
    assert subject.reconcile().is_clean
    in_two_pages(subject, status)
    result = subject.reconcile()
    assert (result.outcome, result.read) == ("failed", 0)
    assert reason(conn)
    assert (dirty(conn), subject.drift()) == (0, [])


def test_a_page_that_is_missing_stops(conn: Connection, subject: Subject) -> None:
    synced(subject, 10)
    in_two_pages(subject, 0)
    assert subject.reconcile().outcome == "stopped"
    assert "incomplete: 5 of 10" in reason(conn)
    assert dirty(conn) == 0


def test_a_list_without_an_end_fails(conn: Connection, subject: Subject) -> None:
    synced(subject, 1)
    subject.listing.change = lambda page: {
        "peer_mentors": page["peer_mentors"] * 2000,
        "next": f"state.json?page={len(subject.listing.queries)}",
    }
    assert subject.reconcile().outcome == "failed"
    assert "does not end after 10000 records" in reason(conn)


def test_pages_without_an_end_fail_though_they_are_empty(
    conn: Connection, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "_RENEW_S", 0.05)
    monkeypatch.setattr(reconciler, "_READ_S", 0.2)
    subject.listing.change = lambda _page: {
        "peer_mentors": [],
        "next": f"state.json?page={len(subject.listing.queries)}",
    }
    assert subject.reconcile().outcome == "failed"
    assert "not read in half an hour" in reason(conn)


def test_of_a_stopped_run_no_more_than_a_thousand_differences_are_kept(subject: Subject) -> None:
    strangers = [{"peer_mentor_id": str(uuid4()), "listed": True} for _ in range(1001)]
    subject.listing.change = lambda page: {**page, "peer_mentors": strangers}
    result = subject.reconcile()
    assert (result.outcome, result.drift["unknown_there"], len(subject.drift())) == ("stopped", 1001, 1000)


@pytest.mark.parametrize(("differ", "outcome"), [(50, "done"), (51, "stopped")])
def test_too_many_differences_stop(conn: Connection, subject: Subject, differ: int, outcome: str) -> None:
    subject.organisation.certify_many(60, last_day=today(conn, 30))
    subject.work()
    subject.listing.change = lambda page: {
        **page,
        "peer_mentors": [{**one, "listed": at < differ} for at, one in enumerate(page["peer_mentors"])],
    }
    result = subject.reconcile()
    assert (result.outcome, result.drift["listed_but_expired"]) == (outcome, differ)
    # Removals are repeated whatever else differs.
    assert (result.marked, dirty(conn)) == (differ, differ)


def test_a_dry_run_repairs_nothing(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    subject.meddle(mentor, status="expired")
    result = subject.reconcile(dry_run=True)
    assert (only(result.drift), result.marked, dirty(conn)) == ({"stale": 1}, 0, 0)
    assert fetch(conn, "select count(*) from mentorcert_portal.reconciliation_times") == 0


def test_a_portal_that_cannot_be_read_is_unverified_and_never_clean(
    conn: Connection, subject: Subject
) -> None:
    synced(subject)
    lines = subject.file.read_text().splitlines()
    subject.file.write_text("\n".join(line for line in lines if not line.startswith("state_url")))
    result = subject.reconcile()
    assert (result.outcome, result.is_clean) == ("unverified", False)
    assert "state_url" in reason(conn)


def test_who_is_changed_while_the_list_is_read_is_not_judged(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)

    def change(page: Page) -> Page:
        with connect(subject.database, autocommit=True) as other:
            other.execute(
                "update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,)
            )
        return page

    subject.listing.change = change
    result = subject.reconcile()
    assert (result.is_clean, result.in_motion, result.compared) == (True, 1, 9)


def test_who_is_sent_while_the_list_is_read_is_not_judged(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)

    def change(page: Page) -> Page:
        with connect(subject.database, autocommit=True) as other:
            other.execute(
                "update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,)
            )
        worker = Thread(target=subject.work)
        worker.start()
        worker.join()
        return page

    subject.listing.change = change
    result = subject.reconcile()
    assert (result.is_clean, result.in_motion) == (True, 1)
    assert not subject.shown()[mentor]


def test_who_is_being_sent_is_not_judged(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    claim(conn, subject.organisation.id)
    subject.forget_when()
    result = subject.reconcile()
    assert (result.is_clean, result.in_motion) == (True, 1)


def test_what_only_one_of_two_readings_shows_is_no_difference(subject: Subject) -> None:
    synced(subject)

    def change(page: Page) -> Page:
        return {**page, "peer_mentors": page["peer_mentors"][subject.listing.readings == 1 :]}

    subject.listing.change = change
    assert subject.reconcile().is_clean
    assert subject.listing.readings == 2


def test_who_is_still_waiting_is_measured_by_what_was_confirmed(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    report(conn, subject.organisation.id, claim(conn, subject.organisation.id), "unavailable")
    subject.forget_when()
    conn.execute(
        "update mentorcert_portal.states set first_dirty_at = clock_timestamp() - interval '14 minutes'"
        " where state = 'retry'"
    )
    before = stored(conn, mentor)
    assert subject.reconcile().is_clean
    subject.meddle(mentor, mentorversion=before.version)
    assert subject.reconcile().is_clean
    subject.meddle(mentor, mentorversion=0)
    assert only(subject.reconcile().drift) == {"stale": 1}
    assert stored(conn, mentor).confirmed is None


def test_who_should_have_been_taken_off_long_ago_is_the_alarm(conn: Connection, subject: Subject) -> None:
    mentor, *_ = synced(subject)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))
    subject.forget_when()
    assert subject.reconcile().is_clean
    conn.execute(
        "update mentorcert_portal.states set first_dirty_at = first_dirty_at - interval '15 minutes'"
    )
    assert only(subject.reconcile().drift) == {"listed_but_expired": 1}


def test_two_do_not_reconcile_the_same_organisation_at_once(conn: Connection, subject: Subject) -> None:
    synced(subject)
    others = list[object]()

    def change(page: Page) -> Page:
        other = Thread(target=lambda: others.append(subject.try_to_reconcile()))
        other.start()
        other.join()
        return page

    subject.listing.change = change
    assert subject.reconcile().is_clean
    assert others == [None]
    assert subject.runs() == [("done", False)]


def test_of_many_who_find_it_due_one_reconciles(conn: Connection, subject: Subject) -> None:
    synced(subject)
    conn.execute("update mentorcert_portal.connections set changed_at = changed_at - interval '2 hours'")
    results = list[object]()
    workers = [
        Thread(target=lambda: results.append(subject.try_to_reconcile(only_due=True))) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(result is not None for result in results) == 1
    assert subject.runs() == [("done", False)]


def test_a_run_without_heartbeat_is_replaced_and_changes_nothing_more(
    conn: Connection, subject: Subject
) -> None:
    mentor, *_ = synced(subject)
    subject.meddle(mentor, status="expired")

    def change(page: Page) -> Page:
        with connect(subject.database, autocommit=True) as other:
            other.execute("update mentorcert_portal.reconciliations set lease_until = clock_timestamp()")
            other.execute(
                "select mentorcert_portal.start_reconciliation(%s, 'full', false, 'test')",
                (subject.organisation.id,),
            )
        return page

    subject.listing.change = change
    with pytest.raises(InvalidArgumentError) as lost:
        subject.reconcile()
    assert lost.value.code == "MC008"
    assert subject.runs() == [("failed", True), (None, False)]
    assert (subject.drift(), dirty(conn)) == ([], 0)


def test_a_portal_that_got_nobody_is_not_empty(subject: Subject) -> None:
    subject.mentors(5)
    result = subject.reconcile()
    assert (result.outcome, result.is_clean) == ("done", True)

"""After a restore of the registry nobody is shown again by itself, removals come at once, and a person sees the rest."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidArgumentError
from mentorcert.notices import ledger
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import run_checks
from mentorcert.portal.reconciliation import restores
from mentorcert.portal.reconciliation.restores import Asked
from mentorcert.portal.sync.connections import Connections
from tests.portal.reconciliation import Subject, subject_on
from tests.portal.restored import back_up, restore
from tests.portal.sending import claim, report, stored
from tests.support.command import Mentorcert
from tests.support.registry import consent_again, fetch, rows


@pytest.fixture
def subject(conn: Connection, database: str, tmp_path: Path) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        yield subject


def restored(subject: Subject, **options: Any) -> Asked:
    files = Connections.read([subject.file])
    (asked,) = restores.restored(subject.conn, files, "The disk was lost", **options).portals
    return asked


def withdraw(subject: Subject, mentor: UUID) -> None:
    subject.conn.execute(
        "update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,)
    )


def erase(subject: Subject, mentor: UUID) -> None:
    subject.conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentor,))


def codes(subject: Subject) -> list[str]:
    found = run_checks(health.read(subject.conn))
    return [one.code for one in found if one.severity == "error" and one.code != "no_worker"]


def shown(subject: Subject) -> set[UUID]:
    return {mentor for mentor, listed in subject.shown().items() if listed}


def test_nobody_is_shown_again_before_a_person_decides(subject: Subject, mentorcert: Mentorcert) -> None:
    erased, withdrawn, kept, relisted = subject.mentors(4)
    withdraw(subject, relisted)
    subject.work()
    back_up(subject.conn)
    erase(subject, erased)
    withdraw(subject, withdrawn)
    consent_again(subject.conn, relisted)
    subject.work()
    assert shown(subject) == {kept, relisted}
    restore(subject.conn)

    asked = restored(subject)
    assert (asked.is_released, asked.newer, asked.gone + asked.other + asked.unknown) == (True, 3, 0)
    subject.work()
    # The one who was listed since the backup is removed; of the others nothing but what is known is shown.
    assert shown(subject) == {kept}
    assert "newer_there" in codes(subject)
    subject.reconcile()
    subject.work()
    assert shown(subject) == {kept}

    listing = json.loads(mentorcert("portal", "conflicts", "--json").stdout)
    by_mentor = {UUID(one["peer_mentor_id"]): one for one in listing}
    assert by_mentor.keys() == {erased, withdrawn, relisted}
    ids = {mentor: one["id"] for mentor, one in by_mentor.items()}
    assert (
        mentorcert("portal", "decide", ids[withdrawn], "--withdraw", "--reason", "a letter").returncode == 0
    )
    assert mentorcert("portal", "decide", ids[relisted], "--ours", "--reason", "asked").returncode == 0
    again = mentorcert("portal", "decide", ids[relisted], "--ours", "--reason", "asked")
    assert (again.returncode, "decided" in again.stderr) == (1, True)
    erase(subject, erased)
    assert mentorcert("portal", "decide", ids[erased], "--ours", "--reason", "erased again").returncode == 0
    subject.work()
    assert shown(subject) == {kept}
    assert codes(subject) == []
    consent_again(subject.conn, withdrawn)
    subject.work()
    assert shown(subject) == {kept, withdrawn}
    assert subject.reconcile().is_clean


def test_one_who_is_not_in_the_portal_s_list_any_more_waits(subject: Subject) -> None:
    gone, _ = subject.mentors(2)
    subject.work()
    back_up(subject.conn)
    subject.lose(gone)
    asked = restored(subject)
    assert (asked.gone, asked.newer) == (1, 0)
    subject.work()
    assert gone not in shown(subject)


def test_an_equal_version_with_other_content_waits(subject: Subject) -> None:
    mentor, _ = subject.mentors(2)
    subject.work()
    subject.meddle(mentor, status="suspended", listed=False)
    assert restored(subject).other == 1
    subject.work()
    assert mentor not in shown(subject)


def test_somebody_added_after_the_backup_is_listed_for_a_person(subject: Subject) -> None:
    subject.mentors(1)
    subject.work()
    back_up(subject.conn)
    later = subject.certified("later")
    subject.work()
    with subject.conn.transaction():
        subject.conn.execute("set local session_replication_role = replica")
        subject.conn.execute(
            "delete from mentorcert.peer_mentor_chapters where peer_mentor_id = %s", (later,)
        )
    restore(subject.conn)
    assert restored(subject).unknown == 1
    (found,) = restores.differences(subject.conn)
    assert (found.kind, found.peer_mentor_id, found.external_id) == ("unknown", later, "later")


def test_without_being_told_nothing_is_raised_above_what_is_newer_there(subject: Subject) -> None:
    """The operator forgets `mentorcert restored`: the next message, or comparison, notices it."""
    by_message, by_comparison, _ = mentors = subject.mentors(3)
    subject.work()
    back_up(subject.conn)
    for mentor in mentors[:2]:
        withdraw(subject, mentor)
    subject.work()
    subject.conn.execute("select mentorcert_portal.enqueue_sync(%s)", (mentors[:2],))
    subject.conn.execute("update mentorcert_portal.states set confirmed = null")
    subject.work()
    restore(subject.conn)
    # A change that the portal has to hear of.
    subject.conn.execute(
        "update mentorcert.peer_mentors set external_id = 'changed' where id = %s", (by_message,)
    )
    subject.work()
    assert shown(subject) == {mentors[2]}
    assert "newer_there" in codes(subject)
    subject.reconcile()
    subject.work()
    assert shown(subject) == {mentors[2]}
    assert {one.peer_mentor_id for one in restores.differences(subject.conn)} == {by_message, by_comparison}


def test_a_portal_that_does_not_answer_stays_on_hold_and_removals_go_on(
    subject: Subject, mentorcert: Mentorcert
) -> None:
    shown_before, removed = subject.mentors(2)
    subject.work()
    withdraw(subject, removed)
    subject.listing.change = lambda _page: 500
    command = mentorcert("restored", "--reason", "test", "--connection", subject.file)
    assert (command.returncode, "on hold" in command.stdout) == (1, True)
    new = subject.certified("new")
    subject.work()
    assert shown(subject) == {shown_before}
    assert new not in subject.shown()
    assert "held_after_restore" in codes(subject)
    assert mentorcert("portal", "release", "demo", "--connection", subject.file).returncode == 1
    subject.listing.change = lambda page: page
    assert mentorcert("portal", "release", "demo", "--connection", subject.file).returncode == 0
    subject.work()
    assert shown(subject) == {shown_before, new}
    assert codes(subject) == []


def test_it_is_released_unread_where_somebody_has_looked(subject: Subject, mentorcert: Mentorcert) -> None:
    (mentor,) = subject.mentors(1)
    asked = restores.restored(subject.conn, Connections([]), "test").portals[0]
    assert (asked.is_released, "No file" in (asked.reason or "")) == (False, True)
    subject.work()
    assert subject.shown() == {}
    assert mentorcert("portal", "release", "demo", "--unread").returncode == 0
    subject.work()
    assert shown(subject) == {mentor}


def test_a_dry_run_asks_and_changes_nothing(subject: Subject, mentorcert: Mentorcert) -> None:
    (mentor,) = subject.mentors(1)
    subject.work()
    subject.meddle(mentor, mentorversion=900)
    command = mentorcert("restored", "--reason", "test", "--connection", subject.file, "--dry-run", "--json")
    done = json.loads(command.stdout)
    assert (command.returncode, done["is_dry_run"], done["portals"][0]["newer"]) == (1, True, 1)
    assert restores.differences(subject.conn) == []
    assert fetch(subject.conn, "select mentorcert_private.current_epoch()") == 0
    assert not ledger.are_held(subject.conn)


def test_each_restore_has_an_epoch_of_its_own(subject: Subject) -> None:
    (mentor,) = subject.mentors(1)
    subject.work()
    epochs = []
    for _ in range(2):
        epochs.append(restores.restored(subject.conn, Connections.read([subject.file]), "test").epoch)
        subject.work()
        (page,) = subject.staging.client.get("/state.json").json()["peer_mentors"]
        assert (page["mentor_epoch"], page["mentor_version"]) == (
            epochs[-1],
            stored(subject.conn, mentor).version,
        )
    assert 0 < epochs[0] < epochs[1] < 2**31


def test_a_calendar_s_removal_does_not_wait(subject: Subject) -> None:
    (mentor,) = subject.mentors(1)
    subject.work()
    restores.restored(subject.conn, Connections([]), "test")
    assert all(one["lease_token"] is None for one in claim(subject.conn, subject.organisation.id))
    (due,) = claim(subject.conn, subject.organisation.id, later=timedelta(days=40))
    assert (due["peer_mentor_id"], due["content"]["listed"]) == (mentor, False)
    report(subject.conn, subject.organisation.id, [due])


def test_a_late_report_of_before_the_restore_confirms_nothing(subject: Subject) -> None:
    (mentor,) = subject.mentors(1)
    claims = claim(subject.conn, subject.organisation.id)
    restored(subject)
    report(subject.conn, subject.organisation.id, claims)
    assert stored(subject.conn, mentor).state != "in_sync"


def test_notices_are_held_until_a_person_releases_them(subject: Subject, mentorcert: Mentorcert) -> None:
    conn = subject.conn
    (mentor,) = subject.mentors(1)
    conn.execute("update mentorcert.peer_mentors set email = 'one@example.org'")
    conn.execute("update mentorcert.certification_types set reminder_days = '{60,35,7}'")
    assert [one.outcome for one in ledger.due(conn)] == ["mail"]
    restored(subject)
    at = ledger.now(conn)
    assert ledger.start(conn, at) == {}
    assert ledger.claim(conn, [mentor], at) == []
    assert ledger.next_run(conn)[1] is None
    assert "no notice is held" in mentorcert("doctor").stdout
    refused = mentorcert("notices")
    assert (refused.returncode, "restored" in refused.stderr) == (1, True)
    tomorrow = at + timedelta(days=1)
    command = mentorcert(
        "notices", "--release", "--skip-before", tomorrow.isoformat(), "--reason", "sent", "--json"
    )
    assert json.loads(command.stdout)["skipped_reminders"] == 1
    assert ledger.due(conn) == []
    assert ledger.next_run(conn)[1] is not None
    with pytest.raises(InvalidArgumentError):
        ledger.release(conn, "again", None, "test")


def test_the_epoch_is_kept_with_its_reason(subject: Subject) -> None:
    restored(subject)
    assert rows(subject.conn, "select reason from mentorcert_private.restores") == [("The disk was lost",)]


@pytest.mark.parametrize("has_epochs", [True, False])
def test_an_equal_number_of_two_histories_is_known_by_the_epoch_alone(
    subject: Subject, *, has_epochs: bool
) -> None:
    conn = subject.conn
    (mentor,) = subject.mentors(1)
    subject.work()
    back_up(conn)
    conn.execute("update mentorcert.peer_mentors set external_id = 'changed'")
    subject.work()
    restore(conn)
    if not has_epochs:
        conn.execute(
            "create or replace function mentorcert_private.current_epoch() returns integer language sql as 'select 0'"
        )
        conn.execute("update mentorcert_portal.states set state = 'pending', next_attempt_at = now()")
    else:
        restores.restored(conn, Connections([]), "test")
    withdraw(subject, mentor)
    subject.work()
    # Without it the portal ignores the removal, which has the number of the message that was lost, and we note it as confirmed.
    assert stored(conn, mentor).state == "in_sync"
    assert (shown(subject) == set()) is has_epochs

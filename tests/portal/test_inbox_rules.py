"""The inbound rules: a renewal, a merge, a withdrawn consent, an echo; never an older over a newer."""

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.portal.inbound import (
    NEW,
    OLD,
    OWN_USER,
    RULES,
    completed,
    inbound,
    merged,
    sent,
    withdrawn,
    work,
)
from tests.support.registry import Organisation, fetch, history, kinds, rows, set_up, today, utc


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


def held(conn: Connection, certification: UUID) -> tuple[date, date]:
    """The day of issue and the last valid day."""
    (found,) = rows(
        conn,
        "select mentorcert_private.day_of(issued_at, 'Europe/Oslo'), mentorcert_private.day_of(expires_at, 'Europe/Oslo') - 1"
        " from public.peer_mentor_certifications where id = %s",
        certification,
    )
    return found


def consents(conn: Connection, mentor: UUID) -> bool:
    consent: bool = fetch(conn, "select listing_consent from mentorcert.peer_mentors where id = %s", mentor)
    return consent


def test_a_completed_course_renews(conn: Connection, organisation: Organisation) -> None:
    certification = organisation.certify(
        organisation.mentor(), issued=date(2024, 1, 15), last_day=date(2025, 1, 14)
    )
    assert work(conn, completed(utc(2025, 1, 10))) == ("worked", None)
    assert held(conn, certification) == (date(2025, 1, 10), date(2026, 1, 10))
    entry = history(conn, certification)[-1]
    assert (entry["kind"], entry["actor"]) == ("renewed", {"job": "portal"})
    assert entry["evidence"] == {"seen": "course completed", "seen_on": "2025-01-10", "seen_by": "portal"}
    assert fetch(conn, "select current_setting('mentorcert.change', true)") in {"", None}


def test_the_same_renewal_again_changes_nothing(conn: Connection, organisation: Organisation) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    for _ in range(2):
        work(conn, completed(utc(2025, 1, 10)))
    assert work(conn, completed(utc(2025, 1, 9)))[0] == "ignored"
    assert kinds(conn, certification) == ["issued", "renewed"]


@pytest.mark.parametrize(
    ("kind", "last_day", "renewed_to"),
    [
        ("pledge", None, None),
        ("pledge", date(2021, 1, 1), None),
        ("half", date(2025, 1, 31), date(2025, 7, 10)),
        ("half", date(2030, 12, 31), date(2030, 12, 31)),  # what is held is not shortened
        ("yearly", date(2020, 12, 31), date(2025, 12, 31)),
    ],
)
def test_a_renewal_is_by_the_type_s_rule(
    conn: Connection, organisation: Organisation, kind: str, last_day: date | None, renewed_to: date | None
) -> None:
    certification = organisation.certify(organisation.mentor(), kind, last_day=last_day)
    rule = {**RULES[0], "certification_type": kind}
    assert work(conn, completed(utc(2025, 1, 10)), inbound(rules=[rule])) == ("worked", None)
    assert held(conn, certification) == (date(2025, 1, 10), renewed_to)


def test_a_suspended_certification_is_renewed_and_stays_suspended(
    conn: Connection, organisation: Organisation
) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    conn.execute("update public.peer_mentor_certifications set status = 'suspended'")
    assert work(conn, completed(utc(2025, 1, 10)))[0] == "worked"
    assert kinds(conn, certification) == ["issued", "suspended", "renewed"]
    assert fetch(conn, "select status from public.peer_mentor_certifications") == "suspended"


@pytest.mark.parametrize(
    ("value", "offset", "day"),
    [
        (utc(2025, 1, 9, 23, 30), "", (True, date(2025, 1, 9))),
        (utc(2025, 1, 9, 23, 30), "", (False, date(2025, 1, 10))),
        (utc(2025, 1, 9, 23), "+0100", (True, date(2025, 1, 10))),
        (utc(2025, 1, 10, 4), "-0500", (True, date(2025, 1, 9))),
        (utc(2025, 7, 9, 22, 30), "-0500", (False, date(2025, 7, 10))),
        ("2025-01-10", "", (True, date(2025, 1, 10))),
        ("2025-01-09T23:30:00Z", "", (False, date(2025, 1, 10))),
    ],
)
def test_both_forms_of_a_date(
    conn: Connection, organisation: Organisation, value: Any, offset: str, day: tuple[bool, date]
) -> None:
    date_only, expected = day
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    body = completed(value, date_offset=offset)
    assert work(conn, body, inbound(rules=[{**RULES[0], "date_only": date_only}])) == ("worked", None)
    assert held(conn, certification)[0] == expected


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "/Date(x)/", "/Date(99999999999999999)/", "/Date(0+9999)/", "/Date(999999999999999)/"],
)
def test_a_date_that_is_none_waits_for_a_person(
    conn: Connection, organisation: Organisation, value: str
) -> None:
    organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    assert work(conn, completed(value)) == ("needs_person", "hlf_completedon is no date")


def test_what_the_registry_refuses_is_kept_with_the_rule_it_breaks(
    conn: Connection, organisation: Organisation
) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    tomorrow = today(conn, 2)
    assert work(conn, completed(utc(tomorrow.year, tomorrow.month, tomorrow.day))) == (
        "failed",
        "IssuedInFutureError certification_issued_at_not_future",
    )
    assert kinds(conn, certification) == ["issued"]


def test_a_withdrawn_consent_takes_the_mentor_off_the_list(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    organisation.certify(mentor, last_day=today(conn, 30))
    listed = "select count(*) from public.listed_peer_mentors"
    assert fetch(conn, listed) == 1
    assert work(conn, withdrawn()) == ("worked", None)
    assert (consents(conn, mentor), fetch(conn, listed)) == (False, 0)
    assert work(conn, withdrawn())[0] == "ignored"


def test_of_an_image_alone_nothing_follows(conn: Connection, organisation: Organisation) -> None:
    """Another change of a contact who once withdrew the consent: it may have been given again, to us."""
    mentor = organisation.mentor()
    image = {"hlf_number": "1", "hlf_showonlist": False}
    assert work(conn, sent(entity="contact", changed={"hlf_city": "Oslo"}, image=image)) == (
        "unknown",
        "no rule fits",
    )
    assert consents(conn, mentor)


def test_a_merged_contact_s_mentor_follows(conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor(OLD)
    assert work(conn, merged(OLD, NEW)) == ("worked", None)
    assert fetch(conn, "select external_id from mentorcert.peer_mentors where id = %s", mentor) == NEW
    assert work(conn, merged(OLD, NEW)) == ("ignored", "the contact that went is no peer mentor here")
    assert work(conn, merged(NEW, NEW)) == ("ignored", "both are the same peer mentor")


def test_two_peer_mentors_are_not_merged_by_a_message(conn: Connection, organisation: Organisation) -> None:
    for number in (OLD, NEW):
        organisation.mentor(number)
    assert work(conn, merged(OLD, NEW))[0] == "needs_person"
    assert rows(conn, "select external_id from mentorcert.peer_mentors order by 1") == [(OLD,), (NEW,)]


def test_an_older_message_changes_nothing(conn: Connection, organisation: Organisation) -> None:
    """By the record's own sequence, whatever the sender's clock says."""
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    newer = completed(utc(2025, 1, 10), sequence=8, created_at=utc(2001, 1, 1))
    older = completed(utc(2025, 2, 10), sequence=7, created_at=utc(2030, 1, 1))
    assert work(conn, newer) == ("worked", None)
    assert work(conn, older) == ("ignored", "not newer than what was worked")
    assert held(conn, certification)[0] == date(2025, 1, 10)
    # Another record's sequence, and another rule's, say nothing of this one.
    assert work(conn, completed(utc(2025, 2, 10), sequence=7, record_id=uuid4()))[0] == "worked"
    assert held(conn, certification)[0] == date(2025, 2, 10)


def test_our_own_writes_come_back_as_echoes(conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor()
    assert work(conn, withdrawn(user_id=OWN_USER))[0] == "echo"
    assert work(conn, sent(entity="contact", changed={"hlf_mentorversion": 7}))[0] == "echo"
    assert consents(conn, mentor)


def test_a_form_that_sends_our_columns_too_withdraws_all_the_same(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    changed = {"hlf_showonlist": False, "hlf_mentorversion": 7}
    assert work(conn, sent(entity="contact", changed=changed, image={"hlf_number": "1"})) == ("worked", None)
    assert not consents(conn, mentor)
    act = rows(
        conn, "select is_given, way from mentorcert.listing_consents order by recorded_at desc limit 1"
    )
    assert act == [(False, "portal")]


def test_a_withdrawal_that_is_stuck_says_that_it_is_one(conn: Connection, organisation: Organisation) -> None:
    work(conn, withdrawn("nobody"))
    work(conn, sent(entity="contact", stripped=True), stripped=True)
    work(conn, completed("yesterday"))
    found = rows(conn, "select state, action from mentorcert_portal.inbox order by id")
    assert found == [
        ("needs_person", "withdraw_consent"), ("needs_fetch", "withdraw_consent"), ("needs_person", "renew"),
    ]  # fmt: skip


def test_a_stripped_message_asks_for_the_record(conn: Connection, organisation: Organisation) -> None:
    body = sent(entity="hlf_course", stripped=True)
    assert work(conn, body, stripped=True)[0] == "needs_fetch"
    found = rows(conn, "select entity, message, record_id from mentorcert_portal.inbox")
    assert found == [("hlf_course", "Update", "5ca90fb0-3d5c-5f0e-8d9b-000000000002")]


def test_a_cloud_event_of_our_contract_is_understood_too(
    conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    rule = {
        "name": "withdrawn", "action": "withdraw_consent", "entity": "portal.contact-changed.v1",
        "columns": {"listing_consent": False}, "mentor": {"column": "mentor", "holds": "peer_mentor_id"},
    }  # fmt: skip
    event = {
        "specversion": "1.0", "id": "1", "type": "portal.contact-changed.v1", "source": "urn:portal",
        "subject": "contact/1", "sequence": "0000000005",
        "data": {"listing_consent": False, "mentor": str(mentor)},
    }  # fmt: skip
    rules = inbound(rules=[rule], own_users=["urn:ours"])
    assert work(conn, json.dumps(event | {"source": "urn:ours"}).encode(), rules)[0] == "echo"
    assert work(conn, json.dumps(event).encode(), rules) == ("worked", None)
    assert not consents(conn, mentor)
    assert work(conn, json.dumps(event | {"id": "2", "sequence": "4"}).encode(), rules)[0] == "ignored"


def test_a_completed_course_arrives_as_attendance(conn: Connection, organisation: Organisation) -> None:
    """It is noted of the one course of the type, on that day, for which the person is signed up; and renews nothing."""
    mentor = organisation.mentor()
    attends = inbound(rules=[{**RULES[0], "action": "attend"}])
    day = today(conn, -2)
    at = utc(day.year, day.month, day.day, 10)
    unknown = "signed up for no single course of basic on that day"

    def plan() -> None:
        course = fetch(
            conn,
            "insert into mentorcert_private.courses (organisation_id, kind, name_nb, types, days, starts, ends)"
            " values (%s, 'course', 'Kurs', '{basic}', array[%s::date], '{null}', '{null}') returning id",
            organisation.id,
            day,
        )
        conn.execute(
            "insert into mentorcert_private.course_sign_ups (organisation_id, course_id, peer_mentor_id, state, rank)"
            " values (%s, %s, %s, 'seated', 1)",
            (organisation.id, course, mentor),
        )

    assert work(conn, completed(at), attends) == ("needs_person", unknown)
    plan()
    assert work(conn, completed(at), attends) == ("worked", None)
    assert work(conn, completed(at), attends) == ("ignored", "the attendance is noted already")
    assert rows(conn, "select attendance from mentorcert_private.course_sign_ups") == [("attended",)]
    assert rows(
        conn,
        "select actor ->> 'job' from mentorcert.audit_log where table_name = 'course_sign_ups' and action = 'update'",
    ) == [("portal",)]
    assert fetch(conn, "select count(*) from public.peer_mentor_certifications") == 0
    later = day.replace(day=1 if day.day != 1 else 2)
    assert work(conn, completed(utc(later.year, later.month, later.day, 10)), attends) == (
        "needs_person",
        unknown,
    )
    conn.execute("update mentorcert_private.courses set state = 'closed', settled_at = now()")
    assert work(conn, completed(at), attends)[0] == "ignored"
    conn.execute("update mentorcert_private.course_sign_ups set attendance = null")
    assert work(conn, completed(at), attends) == ("needs_person", unknown)
    conn.execute("update mentorcert_private.course_sign_ups set state = 'withdrawn'")
    assert work(conn, completed(at), attends) == ("needs_person", unknown)
    plan()
    plan()
    assert work(conn, completed(at), attends) == ("needs_person", unknown)

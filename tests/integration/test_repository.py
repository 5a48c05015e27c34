"""The repository: with the rights of the connection's user, in Python's types, with errors of our tree."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import repository
from mentorcert.certifications.history import EntryV1, Evidence, State, UserActor
from mentorcert.certifications.repository import Certification
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import (
    DateOrderError,
    InvalidArgumentError,
    MentorcertError,
    MissingRightError,
    NotRevertibleError,
    ReasonRequiredError,
    TransitionError,
    UnknownTypeError,
)
from tests.support.registry import Organisation, fetch, kinds, set_up, today, utc

Attempt = Callable[[], object]


def with_pages(conn: Connection) -> tuple[Organisation, list[UUID]]:
    """Set up certifications; return their ids in the order in which they expire, unlimited ones last."""
    organisation = set_up(conn)
    certifications = []
    for number in range(7):
        mentor = organisation.mentor(str(number))
        days = number // 2 * 10 - 10
        ends = today(conn, days)
        id_ = organisation.certify(mentor, issued=today(conn, -50), last_day=ends)
        certifications.append((ends, id_))
        if number % 3 == 0:
            certifications.append((date.max, organisation.certify(mentor, "pledge", issued=today(conn, -50))))
    return organisation, [id_ for _, id_ in sorted(certifications)]


def test_pages_follow_each_other_without_gap_or_overlap(conn: Connection) -> None:
    organisation, expected = with_pages(conn)
    for size in (1, 2, 3, 5, 50):
        found: list[UUID] = []
        after: str | None = None
        with organisation.as_admin():
            while True:
                page = repository.page(conn, after=after, size=size)
                found += [certification.id for certification in page.rows]
                if page.next is None:
                    break
                after = page.next
        assert found == expected, size


def test_filters(conn: Connection) -> None:
    organisation, every = with_pages(conn)
    with organisation.as_admin():
        repository.suspend(conn, every[-1], "complaint")
        by_type = repository.page(conn, certification_type="pledge").rows
        assert {certification.certification_type for certification in by_type} == {"pledge"}
        assert len(by_type) == 3
        soon = repository.page(conn, expiring_before=organisation.midnight(today(conn, 5))).rows
        assert [certification.id for certification in soon] == every[:4]
        assert len(repository.page(conn, status="active").rows) == 7
        assert [found.id for found in repository.page(conn, status="suspended").rows] == every[-1:]
        assert len(repository.page(conn, chapter_id=organisation.chapter).rows) == len(every)
        assert repository.page(conn, chapter_id=uuid4()).rows == []
    for size in (0, 1001):
        with pytest.raises(InvalidArgumentError), organisation.as_admin():
            repository.page(conn, size=size)


def test_what_a_certification_is(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    issued, last_day = today(conn, -5), today(conn, 5)
    with organisation.as_admin():
        registered = repository.register(conn, mentor, "basic", issued_on=issued, last_valid_day=last_day)
        assert registered == repository.get(conn, registered.id)
    assert registered == Certification(
        id=registered.id,
        organisation_id=organisation.id,
        peer_mentor_id=mentor,
        certification_type="basic",
        issued_at=organisation.midnight(issued),
        expires_at=organisation.midnight(last_day + timedelta(1)),
        status="active",
        chapter_ids=[organisation.chapter],
        early_renewal_from=None,
        refresher_until=None,
        after_lapse=None,
        is_outdated=False,
    )


def test_the_history_in_python(conn: Connection) -> None:
    organisation = set_up(conn)
    evidence = Evidence(seen="police certificate", seen_on=today(conn), seen_by=None)
    mentor = organisation.mentor()
    with organisation.as_admin():
        held = repository.register(
            conn, mentor, "half", issued_on=today(conn, -9), note="by post", evidence=evidence
        )
        repository.renew(conn, held.id, evidence=evidence.model_copy(update={"seen_by": "the office"}))
        issued, renewed = repository.history_of(conn, held.id)
    assert isinstance(issued, EntryV1)
    assert isinstance(renewed, EntryV1)
    assert issued.actor == UserActor(user_id=organisation.admin, role="org_admin")
    assert (issued.kind, issued.note, issued.before) == ("issued", "by post", None)
    assert issued.after == State(
        certification_type="half", issued_at=held.issued_at, expires_at=held.expires_at, status="active"
    )
    assert issued.effective_at == held.issued_at
    assert issued.evidence == evidence.model_copy(update={"seen_by": str(organisation.admin)})
    assert renewed.evidence is not None
    assert renewed.evidence.seen_by == "the office"
    assert renewed.after.model_fields_set == {"issued_at", "expires_at"}
    assert renewed.before == State(issued_at=held.issued_at, expires_at=held.expires_at)


def test_was_it_valid_then_by_what_was_known_when(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    with organisation.as_admin():
        id_ = repository.register(conn, mentor, "basic", issued_on=today(conn, -100)).id
        known_at: datetime = fetch(conn, "select clock_timestamp()")
    at = organisation.midnight(today(conn, -50))
    with organisation.as_admin():
        conn.execute(
            "update public.peer_mentor_certifications set issued_at = %s where id = %s",
            (organisation.midnight(today(conn, -20)), id_),
        )
    with organisation.as_admin():
        assert repository.was_valid(conn, id_, organisation.midnight(today(conn, -10)))
        assert not repository.was_valid(conn, id_, organisation.midnight(today(conn, -101)))
        assert repository.was_valid(conn, id_, at, known_at)
        assert not repository.was_valid(conn, id_, at, utc(2020, 1, 1))


def test_an_extension_and_back(conn: Connection) -> None:
    organisation = set_up(conn)
    ends = today(conn, 5)
    ids = [
        organisation.certify(organisation.mentor(str(number)), issued=today(conn, -9), last_day=ends)
        for number in range(3)
    ]
    with organisation.as_admin():
        batch = repository.extend(conn, "basic", today(conn, 50), "illness")
        assert {repository.get(conn, id_).expires_at for id_ in ids} == {
            organisation.midnight(today(conn, 51))
        }
        assert repository.revert_batch(conn, batch, "over") == 3
        assert {repository.get(conn, id_).expires_at for id_ in ids} == {
            organisation.midnight(ends + timedelta(1))
        }
        assert kinds(conn, ids[0]) == ["issued", "extended", "reverted"]
    with pytest.raises(NotRevertibleError), organisation.as_admin():
        repository.revert_batch(conn, batch, "again")


def test_errors_are_of_our_tree(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    held = organisation.certify(mentor, issued=today(conn, -9), last_day=today(conn, 9))
    issued = today(conn, -3)
    refusals: list[tuple[type[MentorcertError], Attempt]] = [
        (UnknownTypeError, lambda: repository.register(conn, mentor, "unheard-of")),
        (
            DateOrderError,
            lambda: repository.register(
                conn, mentor, "half", issued_on=issued, last_valid_day=issued - timedelta(1)
            ),
        ),
        (ReasonRequiredError, lambda: repository.suspend(conn, held, " ")),
        (TransitionError, lambda: repository.reinstate(conn, held)),
        (InvalidArgumentError, lambda: repository.extend(conn, "pledge", issued, "nobody is meant")),
        (NotRevertibleError, lambda: repository.revert(conn, held, uuid4(), "no such entry")),
        (MissingRightError, lambda: repository.get(conn, uuid4())),
        (MissingRightError, lambda: repository.was_valid(conn, uuid4(), utc(2026, 1, 1))),
        (MissingRightError, lambda: repository.renew(conn, uuid4())),
        (MissingRightError, lambda: repository.register(conn, uuid4(), "basic")),
    ]
    for expected, refused in refusals:
        with pytest.raises(expected), organisation.as_admin():
            refused()
    assert kinds(conn, held) == ["issued"]


def test_a_stranger_sees_and_changes_nothing(conn: Connection) -> None:
    organisation, other = set_up(conn), set_up(conn, "other")
    mentor = organisation.mentor()
    held = organisation.certify(mentor, issued=today(conn, -9), last_day=today(conn, 9))
    for user in (other.admin, uuid4()):
        with acting_as(conn, user):
            assert repository.page(conn).rows == []
            assert repository.history_of(conn, held) == []
        attempts: list[Attempt] = [
            lambda: repository.get(conn, held),
            lambda: repository.was_valid(conn, held, utc(2026, 1, 1)),
            lambda: repository.renew(conn, held),
            lambda: repository.suspend(conn, held, "complaint"),
            lambda: repository.reinstate(conn, held),
            lambda: repository.revert(conn, held, uuid4(), "why not"),
            lambda: repository.register(conn, mentor, "half"),
        ]
        for attempt in attempts:
            with pytest.raises(MissingRightError) as caught, acting_as(conn, user):
                attempt()
            assert (caught.value.code, caught.value.constraint) == ("42501", "certification_right")
    assert kinds(conn, held) == ["issued"]

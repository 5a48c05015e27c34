"""What an administrator had counted is used again while it holds, and never after, whenever a change commits."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import counts, forecast, mentor_list, repository
from mentorcert.certifications.counts import Counts, KeptCounts
from mentorcert.db.connection import Connection, acting_as, claims_of, connect
from mentorcert.errors import EndpointDisabledError
from tests.support.registry import OSLO, Organisation, fetch, join, rows, set_up, today

# What the queries read besides what is marked, and why no change of it needs a mark.
_ASKED: Final = (
    "the state that is asked for each time says who administers, and what is switched off or ended"
)
_NOT_MARKED: Final = {
    "mentorcert.memberships": _ASKED,
    "mentorcert_private.disabled_endpoints": _ASKED,
    "mentorcert_private.ended_sessions": _ASKED,
    "mentorcert.organisations": "it says the time zone, which never changes",
    "mentorcert.peer_mentor_chapters": "it says the reach of coordinators, for whom nothing is kept",
    "mentorcert.certification_renewal_events": "written with the certification, by its trigger",
    "mentorcert_private.history_storage": "it says where a history is stored, not what it says",
}
_ENDPOINTS: Final = ("certifications", "organisations", "peer_mentors")


@dataclass
class Reader:
    """Somebody who has the same counted again and again."""

    conn: Connection
    user: UUID
    organisation: Organisation
    kept: KeptCounts = field(default_factory=KeptCounts)

    def ask(self, *, days: int = 0) -> Counts:
        """Count, or use what was kept; on the day that is `days` from today."""
        claims = claims_of(self.user)
        with acting_as(self.conn, claims):
            return self.kept.ask(self.conn, claims, OSLO, today(self.conn, days), first=5, at_most=1000).value

    def check(self, *, is_kept: bool) -> None:
        """Ask, and check whether it was counted again, and that it is what is counted now."""
        before, now = self.ask(), self.ask()
        assert now is before
        assert (self.ask() is self.last) is is_kept
        assert replace(self, kept=KeptCounts()).ask() == now
        self.last = now

    last: Counts | None = None


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor("1"), last_day=today(conn, 20))
    organisation.certify(organisation.mentor("2"), last_day=today(conn, 400))
    return organisation


@pytest.fixture
def reader(organisation: Organisation) -> Reader:
    """The administrator, who has looked once."""
    reader = Reader(organisation.conn, organisation.admin, organisation)
    reader.last = reader.ask()
    return reader


@pytest.fixture
def other(database: str) -> Iterator[Connection]:
    """A connection on which changes begin, and end when a test says so."""
    with connect(database) as other:
        yield other
        other.rollback()


def suspend(conn: Connection, external_id: str = "1") -> None:
    conn.execute(
        "update public.peer_mentor_certifications set status = 'suspended' where peer_mentor_id = ("
        " select id from mentorcert.peer_mentors where external_id = %s)",
        (external_id,),
    )


def number(found: Counts) -> tuple[int, int]:
    return found.endings.statuses["active"], found.endings.statuses["suspended"]


CHANGES: Final = {
    "a certification": "update public.peer_mentor_certifications set status = 'suspended'",
    "a person": "insert into mentorcert.peer_mentors (organisation_id, external_id, full_name)"
    " select id, 'x', 'X' from mentorcert.organisations",
    "somebody who leaves": "update mentorcert.peer_mentors set left_on = current_date - 3, left_reason = 'Moved'"
    " where external_id = '1'",
    "a name": "update mentorcert.peer_mentors set full_name = 'Other' where external_id = '1'",
    "a type": "update mentorcert.certification_types set required_for_listing = code = 'half'",
    "a chapter": "insert into mentorcert.chapters (organisation_id, code, name)"
    " select id, 'x', 'X' from mentorcert.organisations",
    "a course": "insert into mentorcert_private.courses (organisation_id, kind, name_nb, types, days, starts, ends)"
    " select id, 'course', 'Kurs', '{basic}', array[current_date + 9], '{null}', '{null}' from mentorcert.organisations",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen_at_once(reader: Reader, what: str) -> None:
    reader.check(is_kept=True)
    with reader.conn.transaction():
        reader.conn.execute(CHANGES[what].encode())
    reader.check(is_kept=False)


def test_a_sign_up_is_seen_at_once(reader: Reader) -> None:
    conn = reader.conn
    conn.execute(CHANGES["a course"].encode())
    before = reader.ask()
    conn.execute(
        "insert into mentorcert_private.course_sign_ups (organisation_id, course_id, peer_mentor_id, state, rank)"
        " select course.organisation_id, course.id, mentor.id, 'seated', 1"
        " from mentorcert_private.courses as course, mentorcert.peer_mentors as mentor where external_id = '1'"
    )
    with_courses = [one.with_courses for one in reader.ask().coverage.values()]
    assert with_courses != [one.with_courses for one in before.coverage.values()]


def test_what_somebody_else_has(reader: Reader) -> None:
    """Of another organisation nothing is shown, and its changes leave what was kept."""
    elsewhere = set_up(reader.conn, "elsewhere")
    elsewhere.certify(elsewhere.mentor("9"), last_day=today(reader.conn, 20))
    reader.check(is_kept=True)
    theirs = Reader(reader.conn, elsewhere.admin, elsewhere, reader.kept)
    assert number(theirs.ask()) == (1, 0)
    assert number(reader.ask()) == (2, 0)


def test_who_coordinates_has_all_counted_each_time(reader: Reader) -> None:
    user = uuid4()
    join(reader.organisation, user, "coordinator", reader.organisation.chapter)
    coordinator = Reader(reader.conn, user, reader.organisation, reader.kept)
    first = coordinator.ask()
    assert first == coordinator.ask() is not first


def test_who_is_no_longer_administrator(reader: Reader) -> None:
    reader.check(is_kept=True)
    successor = uuid4()
    join(reader.organisation, successor, "org_admin")
    join(reader.organisation, reader.user, "coordinator", reader.organisation.chapter)
    reader.conn.execute(
        "update mentorcert.memberships set ended_at = now() where user_id = %s and role = 'org_admin'",
        (reader.user,),
    )
    elsewhere = fetch(
        reader.conn,
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'B', 'B') returning id",
        reader.organisation.id,
    )
    first = reader.ask()
    assert elsewhere not in first.coverage
    assert reader.ask() is not first


@pytest.mark.parametrize("endpoint", _ENDPOINTS)
def test_what_is_switched_off(reader: Reader, endpoint: str) -> None:
    reader.check(is_kept=True)
    reader.conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (%s, 'Repairs')",
        (endpoint,),
    )
    with pytest.raises(EndpointDisabledError):
        reader.ask()


def test_the_day_turns(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either of them may say first that it is another day: who asks, or the database."""
    assert reader.ask(days=1) is not reader.ask()
    reader.check(is_kept=True)
    state = counts._state
    monkeypatch.setattr(counts, "_state", lambda *asked: replace(state(*asked), day=date(2999, 1, 1)))
    assert reader.ask() is not reader.last


@pytest.mark.parametrize(
    "changed",
    [
        {"epoch": "another server"},
        {"organisation_id": UUID(int=1)},
        {"is_unchanged": False},
    ],
    ids=str,
)
def test_what_was_counted_elsewhere(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    reader.check(is_kept=True)
    state = counts._state
    monkeypatch.setattr(counts, "_state", lambda *asked: replace(state(*asked), **changed))
    assert reader.ask() is not reader.last


@pytest.mark.parametrize(("later", "is_kept"), [(59, True), (61, False), (-1, False)])
def test_nothing_is_kept_for_longer_than_an_hour(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, later: int, is_kept: bool
) -> None:
    state = counts._state

    def asked_later(*asked: object) -> object:
        found = state(*asked)  # type: ignore[arg-type]
        return replace(found, asked_at=found.asked_at + timedelta(minutes=later))

    monkeypatch.setattr(counts, "_state", asked_later)
    assert (reader.ask() is reader.last) is is_kept


def test_a_long_transaction(reader: Reader, other: Connection) -> None:
    """What it changed is counted when it has committed, though others with higher numbers have come and gone since."""
    suspend(other)
    assert number(reader.ask()) == (2, 0)
    reader.organisation.certify(reader.organisation.mentor("3"), last_day=today(reader.conn, 20))
    assert number(reader.ask()) == (3, 0)
    assert reader.ask() is reader.ask()
    other.commit()
    assert number(reader.ask()) == (2, 1)
    assert reader.ask() is reader.ask()


@pytest.mark.parametrize("is_first", [True, False], ids=["nothing kept", "something kept"])
def test_a_change_while_one_counts(
    reader: Reader, other: Connection, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    """Committed after the snapshot was taken, seen by some of the counts or by none: they are made again."""
    if is_first:
        reader.kept = KeptCounts()
    else:
        reader.organisation.mentor("3")
    commits = iter([True])

    def and_commit(function: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **kwargs: object) -> object:
            if next(commits, False):
                other.commit()
            return function(*args, **kwargs)

        return counted

    suspend(other)
    monkeypatch.setattr(forecast, "coverage", and_commit(forecast.coverage))
    torn = reader.ask()
    assert next(commits, None) is None
    assert number(reader.ask()) == (1, 1)
    assert reader.ask() is not torn


def test_what_is_taken_back(reader: Reader, other: Connection) -> None:
    suspend(other)
    other.rollback()
    reader.check(is_kept=True)
    other.execute("savepoint one")
    suspend(other)
    other.execute("rollback to one")
    other.commit()
    reader.check(is_kept=True)
    other.execute("savepoint one")
    suspend(other)
    other.execute("release one")
    other.commit()
    reader.check(is_kept=False)


def test_marks_are_deleted_when_nobody_needs_them(reader: Reader, other: Connection) -> None:
    """None while its transaction is open, however long: a day later, when nothing is kept from before it committed."""
    conn = reader.conn
    suspend(other)
    other.execute(
        "update mentorcert_private.counted_changes set recorded_at = '2020-01-01' where transaction_id = pg_current_xact_id()"
    )
    reader.ask()
    for _ in range(2):
        conn.execute("select mentorcert_private.delete_outdated()")
    other.commit()
    for _ in range(2):
        conn.execute("select mentorcert_private.delete_outdated()")
    assert number(reader.ask()) == (1, 1)


_NAME = re.compile(r"\b(?:public|mentorcert\w*)\.\w+")
_QUERIES = (forecast._QUERIES.endings, forecast._QUERIES.coverage, mentor_list._QUERIES.lacking)


def test_all_that_is_read_leaves_marks(conn: Connection) -> None:
    """Whatever the queries name, and the functions and policies that they come to: a mark, or a reason why not."""
    of = dict(
        rows(
            conn,
            "select format('%%s.%%s', pronamespace::regnamespace, proname), string_agg(prosrc, ' ') from pg_catalog.pg_proc"
            " where pronamespace::regnamespace::text ~ '^(public|mentorcert)' group by 1",
        )
    )
    tables = dict(
        rows(
            conn,
            "select format('%%s.%%s', class.relnamespace::regnamespace, class.relname), concat("
            "  case when class.relkind = 'v' then pg_get_viewdef(class.oid) end,"
            "  (select string_agg(qual, ' ') from pg_catalog.pg_policies as policy"
            "   where policy.schemaname::regnamespace = class.relnamespace and policy.tablename = class.relname"
            "    and policy.cmd in ('SELECT', 'ALL') and 'authenticated' = any(policy.roles))"
            " ) from pg_catalog.pg_class as class"
            " where class.relkind in ('r', 'p', 'v') and class.relnamespace::regnamespace::text ~ '^(public|mentorcert)'",
        )
    )
    of |= tables
    found: set[str] = set()
    texts = [*_QUERIES]
    while texts:
        text = texts.pop()
        for name in _NAME.findall(text):
            if name in of and name not in found:
                found.add(name)
                texts.append(of[name])
    marked = fetch(
        conn,
        "select array_agg(name) from ("
        "  select format('%%s.%%s', class.relnamespace::regnamespace, class.relname) as name from pg_catalog.pg_trigger"
        "  join pg_catalog.pg_class as class on class.oid = tgrelid"
        "  where tgname like 'mark_counted%%' group by 1 having count(*) = 4"
        ") as tables",
    )
    read = {name for name in found if name in tables}
    assert read == {*marked, *_NOT_MARKED}
    # Memberships are read by what says who administers, not as the reader.
    asking = " ".join(of[name] for name in found - {"mentorcert.memberships"})
    assert set(re.findall(r"check_endpoint\('(\w+)'", asking)) == {*_ENDPOINTS}


def test_a_certification_by_our_function(reader: Reader) -> None:
    organisation = reader.organisation
    certification = organisation.certify(organisation.mentor("3"), last_day=today(reader.conn, 20))
    reader.last = reader.ask()
    with organisation.as_admin():
        repository.suspend(reader.conn, certification, "Ill")
    reader.check(is_kept=False)

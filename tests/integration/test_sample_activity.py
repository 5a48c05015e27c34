"""What the sample people do: courses about today, and requests of peer mentors, the same again at any time."""

from datetime import timedelta

import pytest

from mentorcert.certifications import renewal_forecast, renewal_requests
from mentorcert.courses import courses, sign_ups
from mentorcert.db.connection import Connection, acting_as
from mentorcert.imports import examples
from mentorcert.organisations import sample_activity, sample_people
from mentorcert.organisations.sample_people import Person
from tests.support.registry import rows

TABLES = ("courses", "course_sign_ups", "renewal_requests")


@pytest.fixture
def people(conn: Connection) -> dict[str, Person]:
    """The sample people of the small example."""
    (small,) = (each for each in examples.every() if each.folder.name == "small")
    small.set_up(conn)
    return {each.role: each for each in sample_people.ensure(conn)}


def test_about_today(conn: Connection, people: dict[str, Person]) -> None:
    assert sample_activity.ensure(conn) == 1
    with acting_as(conn, people["coordinator"].id) as acting:
        closed, yesterday, coming, online = courses.between(acting)
        assert [each.state for each in (closed, yesterday, coming)] == ["closed", "planned", "planned"]
        assert coming.days[0] - yesterday.days[0] == timedelta(days=22)
        assert (coming.seated, coming.waiting) == (coming.seats, 2)
        said = {each.attendance for each in sign_ups.of_course(acting, yesterday.id)}
        assert said == {"attended", "absent"}
        assert closed.batch_id is not None
        assert not online.chapter_ids
        waiting = renewal_requests.waiting(acting)
        assert len({each.peer_mentor_id for each in waiting}) == 2
        outlooks = renewal_forecast.ahead(acting, 24).numbers
        assert min(outlooks["expected"], outlooks["waits"], outlooks["nothing_planned"]) > 0
    with acting_as(conn, people["peer_mentor"].id) as acting:
        assert [each.id for each in courses.between(acting) if each.may_sign_up] == [online.id]
    assert rows(conn, "select from mentorcert_private.renewal_requests where state = 'approved'") == [()]


def test_once(conn: Connection, people: dict[str, Person]) -> None:
    """What is there stays; nobody else can be stepped into."""
    sample_activity.ensure(conn)
    before = [rows(conn, f"select * from mentorcert_private.{table} order by id") for table in TABLES]
    assert sample_activity.ensure(conn) == 0
    assert [rows(conn, f"select * from mentorcert_private.{table} order by id") for table in TABLES] == before
    assert {each.role: each for each in sample_people.ensure(conn)} == people

"""What lies ahead: counts by status and month, and how many a chapter can count on."""

from calendar import monthrange
from collections import Counter
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import forecast
from mentorcert.certifications.forecast import MONTHS, Coverage, months_from
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import MissingRightError
from mentorcert.organisations import chapters
from tests.support.registry import OSLO, Organisation, join, rows, set_up, today


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    set_up(conn, "other").certify_many(5, last_day=today(conn, 40))
    return set_up(conn)


def month_end(conn: Connection, months: int) -> date:
    """Return the last day of the month that comes this many months after this one."""
    first = months_from(today(conn), months + 1)[-1]
    return first.replace(day=monthrange(first.year, first.month)[1])


def chapter(organisation: Organisation, name: str, parent: UUID | None = None) -> UUID:
    id_ = uuid4()
    organisation.conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name)"
        " values (%s, %s, %s, %s, %s)",
        (id_, organisation.id, parent, name, name),
    )
    return id_


def enter(organisation: Organisation, mentor: UUID, *chapters: UUID) -> None:
    for id_ in chapters:
        organisation.conn.execute(
            "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
            " values (%s, %s, %s)",
            (organisation.id, mentor, id_),
        )


def covered(organisation: Organisation, who: UUID) -> dict[str, Coverage]:
    with acting_as(organisation.conn, who) as conn:
        _, found = forecast.outlook(conn, OSLO, today(conn)).value
        return {
            chapter.name: found[chapter.id]
            for chapter in chapters.of_organisation(conn, organisation.id)
            if chapter.id in found
        }


def test_months_from() -> None:
    assert months_from(date(2026, 11, 23), 3) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]


def test_endings_by_last_valid_day(organisation: Organisation) -> None:
    """A certification counts in the month of its last valid day, not of the midnight after it."""
    conn = organisation.conn
    days = [month_end(conn, 0), month_end(conn, 1), month_end(conn, 1) + timedelta(1), month_end(conn, 24)]
    for number, day in enumerate(days):
        organisation.certify(organisation.mentor(f"{number}"), last_day=day)
    organisation.certify(organisation.mentor("past"), last_day=today(conn, -1))
    organisation.certify(organisation.mentor("ever"), "pledge")
    away = organisation.certify(organisation.mentor("away"), last_day=days[1])
    with organisation.as_admin():
        conn.execute("select public.suspend_certification(%s, 'Leave')", (away,))
        ends, _ = forecast.outlook(conn, OSLO, today(conn)).value
        counted = rows(
            conn,
            "select public.current_status(certification), count(*)"
            " from public.peer_mentor_certifications as certification group by 1",
        )
    assert ends.statuses == dict(counted) == {"active": 5, "expired": 1, "suspended": 1}
    first = months_from(today(conn))
    assert list(ends.by_month) == first
    assert list(ends.by_month.values())[:4] == [1, 1, 1, 0]
    assert (ends.later, ends.unlimited, sum(ends.by_month.values())) == (1, 1, 3)


def test_endings_of_nothing(organisation: Organisation) -> None:
    with organisation.as_admin() as conn:
        ends, _ = forecast.outlook(conn, OSLO, today(conn)).value
    assert ends.statuses == {"active": 0, "expired": 0, "suspended": 0}
    assert set(ends.by_month.values()) == {0}


def test_coverage(organisation: Organisation) -> None:
    """All required types, active; once in the county, in however many chapters; to the last day."""
    conn = organisation.conn
    conn.execute(
        "update mentorcert.certification_types set required_for_listing = true"
        " where code = 'half' and organisation_id = %s",
        (organisation.id,),
    )
    county = chapter(organisation, "County")
    east, west = chapter(organisation, "East", county), chapter(organisation, "West", county)
    until = {"a": 2, "b": 2, "c": 5, "d": 5}
    for name, months in until.items():
        mentor = organisation.mentor(name)
        enter(organisation, mentor, *{"a": (east, west), "b": (east,)}.get(name, (west,)))
        organisation.certify(mentor, "basic", last_day=month_end(conn, months))
        if name != "d":  # who holds one type only is not covered
            organisation.certify(mentor, "half", last_day=month_end(conn, 9))
    suspended = organisation.mentor("e")
    enter(organisation, suspended, east)
    organisation.certify(suspended, "half", last_day=month_end(conn, 9))
    certification = organisation.certify(suspended, "basic", last_day=month_end(conn, 9))
    ended = organisation.mentor("f")
    enter(organisation, ended, east)
    organisation.certify(ended, "half", last_day=month_end(conn, 9))
    organisation.certify(ended, "basic", last_day=today(conn, -1))
    with organisation.as_admin():
        conn.execute("select public.suspend_certification(%s, 'Leave')", (certification,))

    found = covered(organisation, organisation.admin)
    assert set(found) == {"County", "East", "West", "Oslo"}
    ahead = {name: coverage.at_month_ends for name, coverage in found.items()}
    assert {name: coverage.today for name, coverage in found.items()} == {
        "County": 3, "East": 2, "West": 2, "Oslo": 3,
    }  # fmt: skip
    # On the last valid day itself it still holds.
    assert ahead["County"] == [3, 3, 3, 1, 1, 1, *[0] * (MONTHS - 6)]
    assert ahead["East"] == [2, 2, 2, *[0] * (MONTHS - 3)]
    assert ahead["West"] == [2, 2, 2, 1, 1, 1, *[0] * (MONTHS - 6)]

    coordinator = uuid4()
    join(organisation, coordinator, "coordinator", west)
    assert {name: item.today for name, item in covered(organisation, coordinator).items()} == {"West": 2}
    above = uuid4()
    join(organisation, above, "coordinator", county)
    assert Counter({name: item.today for name, item in covered(organisation, above).items()}) == Counter(
        County=3, East=2, West=2
    )
    with pytest.raises(MissingRightError):
        covered(organisation, uuid4())


def test_who_requires_nothing_covers_nobody(organisation: Organisation) -> None:
    conn = organisation.conn
    organisation.certify(organisation.mentor(), last_day=month_end(conn, 9))
    assert covered(organisation, organisation.admin)["Oslo"].today == 1
    conn.execute("update mentorcert.certification_types set required_for_listing = false")
    assert covered(organisation, organisation.admin)["Oslo"].today == 0

"""Who is expected to renew by the courses that are planned, and what chapters can count on then; counted by hand."""

import json
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import forecast, renewal_forecast
from mentorcert.certifications.forecast import Coverage
from mentorcert.certifications.renewal_forecast import RenewalAhead, Renewals
from mentorcert.courses import closing, courses, sign_ups
from mentorcert.courses.courses import CourseDay, Plan
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import InvalidArgumentError, MissingRightError
from tests.support.command import Mentorcert
from tests.support.registry import Organisation, fetch, join, set_up, today

MONTHS: Final = 4


class World:
    """An organisation with two chapters under a county, whose coordinator has the first."""

    def __init__(self, conn: Connection, time_zone: str = "Europe/Oslo") -> None:
        self.conn = conn
        self.organisation: Organisation = set_up(conn, time_zone=time_zone)
        self.coordinator = uuid4()
        self.other = uuid4()
        conn.execute(
            "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'BER', 'Bergen')",
            (self.other, self.organisation.id),
        )
        join(self.organisation, self.coordinator, "coordinator", self.organisation.chapter)
        self.today = today(conn, time_zone=time_zone)
        # The end of the month after this one: near, and never today.
        first = self.today.replace(day=1)
        self.end = ((first + timedelta(62)).replace(day=1)) - timedelta(1)

    def holder(self, name: str, last_day: date | None = None, **more: Any) -> UUID:
        """Add a mentor who holds basic until the end of the next month, or another day."""
        mentor = self.organisation.mentor(name)
        self.organisation.certify(mentor, last_day=last_day or self.end, **more)
        return mentor

    def plan(self, day: date, *people: UUID, who: UUID | None = None, **more: Any) -> UUID:
        """Plan a refresher of basic on a day, and sign these people up."""
        plan = {
            "kind": "refresher", "name_nb": "Kurs", "types": ["basic"], "chapter_ids": [self.organisation.chapter],
            "days": [CourseDay(day)],
        }  # fmt: skip
        with acting_as(self.conn, who or self.organisation.admin) as acting:
            course = courses.plan(acting, Plan(**{**plan, **more}))
            for person in people:
                sign_ups.sign_up(acting, course, person)
        return course

    def refreshed_for(self, months: int | None, code: str = "basic") -> None:
        self.conn.execute(
            "update mentorcert.certification_types set refresher_months = %s where organisation_id = %s and code = %s",
            (months, self.organisation.id, code),
        )

    def ahead(self, who: UUID | None = None, months: int = MONTHS, **more: Any) -> Renewals:
        with acting_as(self.conn, who or self.organisation.admin) as acting:
            return renewal_forecast.ahead(acting, months, **more)

    def outlooks(self, who: UUID | None = None, **more: Any) -> dict[str, str]:
        found = self.ahead(who, **more).page.rows
        return {row.full_name.removeprefix("Person "): row.outlook for row in found}

    def row(self, name: str) -> RenewalAhead:
        [found] = [row for row in self.ahead().page.rows if row.full_name == f"Person {name}"]
        return found

    def covered(self, chapter: UUID | None = None, who: UUID | None = None, months: int = MONTHS) -> Coverage:
        with acting_as(self.conn, who or self.organisation.admin) as acting:
            found = {one.chapter_id: one for one in forecast.coverage(acting, months)}
        return found[chapter or self.organisation.chapter]


@pytest.fixture
def world(conn: Connection) -> World:
    return World(conn)


def test_each_outlook(world: World) -> None:
    """A seat, a place on the waiting list, a free seat, a full course, nothing."""
    seated, waiting, free, other = (world.holder(name) for name in ("seated", "waiting", "free", "other"))
    world.plan(world.end, seated, waiting, seats=1)
    assert world.outlooks() == {
        "seated": "expected",
        "waiting": "waits",
        "free": "nothing_planned",
        "other": "nothing_planned",
    }
    # Of two people one finds a seat.
    course = world.plan(world.end, seats=1)
    assert sorted(world.outlooks().values()) == ["expected", "nothing_planned", "possible", "waits"]
    found = world.ahead()
    assert found.numbers == {"expected": 1, "waits": 1, "refused": 0, "possible": 1, "nothing_planned": 1}
    possible = next(row for row in found.page.rows if row.outlook == "possible")
    assert (possible.course_id, possible.course_day) == (course, world.end)
    assert {possible.peer_mentor_id} < {free, other}


def test_what_the_course_gives_is_what_its_closing_gives(world: World) -> None:
    """Until when, by the rule of the type: the very day that the preview of the closing says."""
    seated = world.holder("seated", last_day=world.today + timedelta(20))
    course = world.plan(world.today, seated)
    expected = world.row("seated")
    with acting_as(world.conn, world.organisation.admin) as acting:
        sign_ups.set_attendance(acting, course, attended=[seated])
        [given] = closing.preview(acting, course)
    assert expected.renewed_until == given.last_valid_day
    assert (expected.course_nb, expected.course_day, expected.course_id) == ("Kurs", world.today, course)


@pytest.mark.parametrize(
    ("months", "days", "outlook"), [(0, 0, "expected"), (0, 1, "refused"), (None, 20, "expected")]
)
def test_in_time(world: World, months: int | None, days: int, outlook: str) -> None:
    """On the last valid day a refresher renews; after it, as long as the type says."""
    world.refreshed_for(months)
    world.plan(world.end + timedelta(days), world.holder("a"))
    row = world.row("a")
    assert row.outlook == outlook
    assert (row.refusal, row.renewed_until is None) == (
        ("certification_outdated_course", True) if outlook == "refused" else (None, False)
    )


def test_within_the_window_after_the_end(world: World) -> None:
    """The last day of the refresher's window counts, the one after does not; the whole course renews then."""
    world.refreshed_for(1)
    until = fetch(world.conn, "select mentorcert_private.refresher_until(%s, 1)", world.end)
    late, later, whole = (world.holder(name) for name in ("late", "later", "whole"))
    world.plan(until, late)
    world.plan(until + timedelta(1), later)
    world.plan(until + timedelta(1), whole, kind="course")
    assert world.outlooks() == {"late": "expected", "later": "refused", "whole": "expected"}


def test_courses_that_do_not_count(world: World) -> None:
    """Cancelled, closed, of another type, after the months asked for; and who withdrew or was absent."""
    people = {
        name: world.holder(name) for name in ("cancelled", "closed", "type", "late", "withdrawn", "absent")
    }
    course = world.plan(world.end, people["cancelled"])
    with acting_as(world.conn, world.organisation.admin) as acting:
        courses.cancel(acting, course, "No room")
    closed = world.plan(world.today, people["closed"])
    with acting_as(world.conn, world.organisation.admin) as acting:
        closing.close(acting, closed, None)
    world.plan(world.end, people["type"], types=["half"])
    world.plan(world.end + timedelta(200), people["late"])
    course = world.plan(world.today + timedelta(1), people["withdrawn"], seats=1)
    with acting_as(world.conn, world.organisation.admin) as acting:
        sign_ups.withdraw(acting, course, people["withdrawn"])
        courses.cancel(acting, course, "Nobody")
    course = world.plan(world.today, people["absent"])
    with acting_as(world.conn, world.organisation.admin) as acting:
        sign_ups.set_attendance(acting, course, absent=[people["absent"]])
    # Today's course has free seats for all of them, until it is over.
    with acting_as(world.conn, world.organisation.admin) as acting:
        courses.cancel(acting, course, "Nobody")
    assert set(world.outlooks().values()) == {"nothing_planned"}
    assert len(world.outlooks()) == 6


def test_attended_and_not_closed(world: World) -> None:
    """A course that is over counts until it is closed, with who came unannounced; a place on its waiting list does not."""
    came, sat, waited = (world.holder(name) for name in ("came", "sat", "waited"))
    course = world.plan(world.today, sat, waited, seats=1)
    with acting_as(world.conn, world.organisation.admin) as acting:
        sign_ups.set_attendance(acting, course, attended=[came])
    assert world.outlooks() == {"came": "expected", "sat": "expected", "waited": "waits"}
    world.conn.execute(
        "update mentorcert_private.courses set days = array[%s::date] where id = %s",
        (world.today - timedelta(1), course),
    )
    assert world.outlooks() == {"came": "expected", "sat": "expected", "waited": "nothing_planned"}
    with acting_as(world.conn, world.organisation.admin) as acting:
        closing.close(acting, course, closing.fingerprint(closing.preview(acting, course)))
    assert world.outlooks() == {"sat": "nothing_planned", "waited": "nothing_planned"}


def test_prerequisites(world: World) -> None:
    """What the course requires is held on its last day, by what is known now."""
    having, lacking = world.holder("having"), world.holder("lacking")
    world.organisation.certify(having, "pledge")
    world.plan(world.end, having, lacking, required_types=["pledge"])
    assert world.outlooks() == {"having": "expected", "lacking": "refused"}
    assert world.row("lacking").refusal == "course_prerequisites_held"
    # A free seat is none for who lacks it.
    world.holder("third")
    assert world.outlooks()["third"] == "nothing_planned"


def test_who_and_what_does_not_end(world: World) -> None:
    """The suspended, a type that is retired, who has left, what ends later, what has ended and what has no end."""
    conn, organisation = world.conn, world.organisation
    world.holder("here")
    left, suspended = world.holder("left"), world.holder("suspended")
    organisation.certify(organisation.mentor("retired"), "half", last_day=world.end)
    organisation.certify(organisation.mentor("pledge"), "pledge")
    world.holder("later", last_day=world.end + timedelta(400))
    world.holder("ended", last_day=world.today - timedelta(1))
    with organisation.as_admin() as acting:
        acting.execute("select public.mark_left(%s, %s)", (left, world.today))
        acting.execute(
            "select public.suspend_certification(id, 'Leave') from public.peer_mentor_certifications where peer_mentor_id = %s",
            (suspended,),
        )
    conn.execute(
        "update mentorcert.certification_types set retired_on = %s, retired_reason = 'Replaced'"
        " where code = 'half' and organisation_id = %s",
        (world.today, organisation.id),
    )
    assert world.outlooks() == {"here": "nothing_planned"}


def test_the_last_day_of_the_months(world: World) -> None:
    """The current month is the first of them; what is valid through its last day ends in it."""
    last = (world.today.replace(day=1) + timedelta(32)).replace(day=1) - timedelta(1)
    world.holder("this", last_day=last)
    world.holder("next", last_day=last + timedelta(1))
    assert set(world.outlooks(months=1)) == {"this"}
    assert set(world.outlooks(months=2)) == {"this", "next"}


@pytest.mark.parametrize("time_zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_days_of_another_time_zone(conn: Connection, time_zone: str) -> None:
    world = World(conn, time_zone)
    world.refreshed_for(0)
    world.plan(world.end, world.holder("in time"))
    world.plan(world.end + timedelta(1), world.holder("late"))
    assert world.outlooks() == {"in time": "expected", "late": "refused"}
    assert world.row("in time").last_valid_day == world.end


def test_free_seats_go_to_who_holds_it_then(world: World) -> None:
    """On paper a seat goes to who still holds it on that day; one who waits comes first; a begun course has none."""
    early, late = world.holder("early", last_day=world.today + timedelta(2)), world.holder("late")
    course = world.plan(world.today + timedelta(10), seats=1)
    assert world.outlooks() == {"early": "nothing_planned", "late": "possible"}
    # Both types of one person need one seat.
    world.organisation.certify(late, "half", last_day=world.end)
    with acting_as(world.conn, world.organisation.admin) as acting:
        courses.cancel(acting, course, "Two types")
    world.plan(world.today + timedelta(10), seats=1, types=["basic", "half"])
    assert [row.outlook for row in world.ahead().page.rows] == ["nothing_planned", "possible", "possible"]
    world.plan(
        world.today, types=["basic"], days=[CourseDay(world.today - timedelta(1)), CourseDay(world.today)]
    )
    assert world.outlooks()["early"] == "nothing_planned"
    world.plan(world.today + timedelta(1), seats=1)
    assert world.outlooks()["early"] == "possible"
    assert early != late


def test_free_seats_of_other_chapters(world: World) -> None:
    """A free seat is one of a course for the person's chapters, of the county above or of all."""
    county = uuid4()
    world.conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'C', 'County')",
        (county, world.organisation.id),
    )
    world.conn.execute(
        "update mentorcert.chapters set parent_id = %s where id = %s", (county, world.organisation.chapter)
    )
    world.holder("a")
    for chapters, outlook in (([world.other], "nothing_planned"), ([county], "possible"), ([], "possible")):
        course = world.plan(world.end, chapter_ids=chapters)
        assert world.outlooks() == world.outlooks(world.coordinator) == {"a": outlook}
        with acting_as(world.conn, world.organisation.admin) as acting:
            courses.cancel(acting, course, "Another one")


def test_reach(world: World, conn: Connection) -> None:
    """A coordinator reads the people of the own chapters, an administrator all of the organisation, nobody else anybody."""
    world.plan(world.end, world.holder("a"))
    stranger = world.organisation.mentor("b")
    conn.execute("delete from mentorcert.peer_mentor_chapters where peer_mentor_id = %s", (stranger,))
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (%s, %s, %s)",
        (world.organisation.id, stranger, world.other),
    )
    world.organisation.certify(stranger, last_day=world.end)
    world.plan(world.end, stranger, chapter_ids=[world.other])
    foreign = set_up(conn, "foreign")
    foreign.certify(foreign.mentor("c"), last_day=world.end)
    assert world.outlooks() == {"a": "expected", "b": "expected"}
    assert world.outlooks(chapter_id=world.other) == {"b": "expected"}
    assert world.outlooks(world.coordinator) == {"a": "expected"}
    assert world.outlooks(world.coordinator, chapter_id=world.other) == {}
    with acting_as(conn, world.coordinator) as acting:
        assert {one.chapter_id for one in forecast.coverage(acting)} == {world.organisation.chapter}
    login = uuid4()
    join(world.organisation, login, "peer_mentor")
    for ask in (lambda c: renewal_forecast.ahead(c, 6), forecast.coverage):
        with pytest.raises(MissingRightError), acting_as(conn, login) as acting:
            ask(acting)


def test_pages(world: World) -> None:
    for number in range(5):
        world.holder(f"{number}", last_day=world.end - timedelta(number))
    course = world.plan(world.end, *[row.peer_mentor_id for row in world.ahead(size=2).page.rows])
    seen, after = [], None
    while True:
        found = world.ahead(size=2, after=after)
        assert found.numbers["expected"] == 2
        seen += [row.full_name[-1] for row in found.page.rows]
        if (after := found.page.next) is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    of_one = world.ahead(outlook="expected")
    assert [row.course_id for row in of_one.page.rows] == [course, course]
    assert sum(of_one.numbers.values()) == 5
    assert world.ahead(outlook="waits").page.rows == []


@pytest.mark.parametrize("months", [0, 25])
def test_months(world: World, months: int) -> None:
    with pytest.raises(InvalidArgumentError):
        world.ahead(months=months)
    with pytest.raises(InvalidArgumentError):
        world.covered(months=months)


def test_coverage_with_courses(world: World) -> None:
    """Three today; one renews in time, one after a gap, one not at all."""
    in_time, after_gap = world.holder("in time"), world.holder("after a gap")
    world.holder("not")
    world.plan(world.end, in_time)
    # In the month after the next one: at its end this person holds it again.
    world.plan(world.end + timedelta(40), after_gap)
    found = world.covered()
    assert found.today == 3
    assert found.at_month_ends == [3, 3, 0, 0]
    assert found.with_courses == [3, 3, 1, 2]
    assert found.lacks_from(MONTHS) is None


def test_coverage_needs_every_type(world: World) -> None:
    """Who renews one of two required types is covered no longer; who gets the missing one back is covered again."""
    world.conn.execute(
        "update mentorcert.certification_types set required_for_listing = true where code = 'half' and organisation_id = %s",
        (world.organisation.id,),
    )
    one = world.holder("one")
    world.organisation.certify(one, "half", last_day=world.end)
    world.plan(world.end, one)
    back = world.holder("back", last_day=world.today - timedelta(3))
    world.organisation.certify(back, "half", last_day=world.today + timedelta(300))
    assert world.covered().with_courses == world.covered().at_month_ends == [1, 1, 0, 0]
    world.plan(world.end, back)
    found = world.covered()
    assert (found.today, found.at_month_ends, found.with_courses) == (1, [1, 1, 0, 0], [1, 2, 1, 1])
    assert found.lacks_from(MONTHS) is None


def test_a_chapter_that_will_lack_mentors(world: World) -> None:
    """Nobody is left at the end of a month; who has nobody today loses nobody."""
    held = world.holder("a")
    assert world.covered().lacks_from(MONTHS) == 2
    assert world.covered().lacks_from(2) is None
    assert world.covered(world.other).lacks_from(MONTHS) is None
    world.plan(world.end, held)
    assert world.covered().lacks_from(MONTHS) is None


def test_of_the_owner(world: World) -> None:
    world.plan(world.end, world.holder("a"))
    world.holder("b")
    numbers = renewal_forecast.numbers_of(world.conn, world.organisation.id, MONTHS)
    assert numbers == world.ahead().numbers
    of_all = forecast.coverage_of(world.conn, world.organisation.id, MONTHS)
    assert next(one for one in of_all if one.chapter_id == world.organisation.chapter) == world.covered()


def test_command(mentorcert: Mentorcert, world: World) -> None:
    world.plan(world.end, world.holder("a"))
    world.holder("b", last_day=world.end)
    asked = ("forecast", world.organisation.slug, "--months", f"{MONTHS}")
    printed = mentorcert(*asked).stdout
    assert "nothing planned" in printed
    found = json.loads(mentorcert(*asked, "--json").stdout)
    assert (found["renewals"]["expected"], found["renewals"]["possible"]) == (1, 1)
    assert found["month_ends"][1] == f"{world.end}"
    [oslo] = [one for one in found["chapters"] if one["chapter"] == "OSL"]
    assert (oslo["today"], oslo["if_nobody_renews"], oslo["with_courses"]) == (2, [2, 2, 0, 0], [2, 2, 1, 1])
    assert oslo["lacks_on"] is None

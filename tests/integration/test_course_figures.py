"""Figures of courses: by hand, as it was known, within the reach, for handing out, and what they read."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import course_figures
from mentorcert.certifications.course_figures import CourseFigures
from mentorcert.certifications.figures import Period
from mentorcert.courses import closing, courses, sign_ups
from mentorcert.courses.courses import CourseDay, Plan
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import InvalidArgumentError, LaterError, MissingRightError
from tests.support.merging import merge
from tests.support.registry import Organisation, fetch, join, rows, set_up, today

Numbers = tuple[int | None, ...]
Keyed = dict[tuple[str | None, str | None, str | None], Numbers]
_LONG_AGO: Final = (
    "update mentorcert.audit_log set recorded_at = recorded_at - interval '60 days'",
    (
        "update public.peer_mentor_certifications set renewal_history = (select jsonb_agg(jsonb_set(entry, '{recorded_at}',"
        " to_jsonb((entry ->> 'recorded_at')::timestamptz - interval '60 days')) order by place)"
        " from jsonb_array_elements(renewal_history) with ordinality as of (entry, place))"
    ),
)


@dataclass
class Scene:
    """Two chapters under a county, and people, whom an administrator signs up."""

    organisation: Organisation
    county: UUID
    second: UUID
    people: dict[str, UUID]

    @property
    def conn(self) -> Connection:
        return self.organisation.conn

    def plan(self, day: int, *types: str, kind: str = "course", **more: Any) -> UUID:
        written = Plan(**{
            "kind": kind, "name_nb": "Kurs", "types": types, "days": [CourseDay(today(self.conn, day))],
            "chapter_ids": [self.organisation.chapter],
        } | more)  # fmt: skip
        with self.organisation.as_admin() as acting:
            return courses.plan(acting, written)

    def sign_up(self, course: UUID, *names: str) -> None:
        with self.organisation.as_admin() as acting:
            for name in names:
                sign_ups.sign_up(acting, course, self.people[name])

    def attend(self, course: UUID, *names: str, **more: list[UUID]) -> None:
        with self.organisation.as_admin() as acting:
            sign_ups.set_attendance(acting, course, attended=[self.people[name] for name in names], **more)

    def close(self, course: UUID) -> None:
        with self.organisation.as_admin() as acting:
            closing.close(acting, course, closing.fingerprint(closing.preview(acting, course)))

    def period(self, known: int | None = None, *, masked: bool = False) -> Period:
        return Period(
            today(self.conn, -30),
            today(self.conn),
            None if known is None else today(self.conn, known),
            masked,
        )

    def counted(self, who: UUID | None = None, known: int | None = None, *, masked: bool = False) -> Keyed:
        with acting_as(self.conn, who or self.organisation.admin) as acting:
            found = course_figures.of_reach(acting, self.period(known, masked=masked))
        return self.named(found)

    def named(self, found: list[CourseFigures]) -> Keyed:
        names = {self.organisation.chapter: "first", self.second: "second", self.county: "county"}
        assert len({one.key for one in found}) == len(found)
        return {
            (one.kind, one.certification_type, names.get(one.chapter_id, "other") if one.chapter_id else None): tuple(one.numbers)
            for one in found
        }  # fmt: skip


def single(found: Keyed) -> Keyed:
    """What is of one kind, type or chapter, and the whole."""
    return {key: numbers for key, numbers in found.items() if sum(part is not None for part in key) < 2}


@pytest.fixture
def scene(conn: Connection) -> Scene:
    organisation = set_up(conn)
    county, second = uuid4(), uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'C', 'County')",
        (county, organisation.id),
    )
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name) values (%s, %s, %s, 'S', 'Second')",
        (second, organisation.id, county),
    )
    conn.execute(
        "update mentorcert.chapters set parent_id = %s where id = %s", (county, organisation.chapter)
    )
    people = {name: organisation.mentor(name) for name in ("ann", "bob", "cat", "dan", "eva", "finn")}
    return Scene(organisation, county, second, people)


@pytest.fixture
def held(scene: Scene) -> tuple[Scene, UUID, UUID]:
    """A course and a refresher that were held, one that was called off, and one to which nobody came."""
    scene.organisation.certify(
        scene.people["ann"], issued=today(scene.conn, -300), last_day=today(scene.conn, 20)
    )
    first = scene.plan(-10, "basic", seats=5)
    scene.sign_up(first, "ann", "bob", "cat")
    scene.attend(first, "ann", "bob", "dan")
    scene.close(first)
    both = scene.plan(
        -5, "basic", "half", kind="refresher", chapter_ids=[scene.organisation.chapter, scene.second]
    )
    scene.sign_up(both, "ann", "finn")
    scene.attend(both, "ann", "finn")
    called_off = scene.plan(-4, "half", chapter_ids=[])
    scene.sign_up(called_off, "ann")
    with scene.organisation.as_admin() as acting:
        courses.cancel(acting, called_off, "Ill")
    empty = scene.plan(-3, "half", chapter_ids=[], seats=7)
    scene.sign_up(empty, "eva")
    scene.attend(empty, absent=[scene.people["eva"]])
    for outside in (-60, 10):
        scene.sign_up(scene.plan(outside, "basic"), "ann")
    return scene, first, both


# Held, called off, seats, signed up, attended, people, did not come, unannounced, issued, renewed.
BY_HAND: Final[Keyed] = {
    (None, None, None): (3, 1, 12, 6, 5, 4, 2, 1, 2, 1),
    ("course", None, None): (2, 1, 12, 4, 3, 3, 2, 1, 2, 1),
    ("refresher", None, None): (1, 0, 0, 2, 2, 2, 0, 0, 0, 0),
    (None, "basic", None): (2, 0, 5, 5, 5, 4, 1, 1, 2, 1),
    (None, "half", None): (2, 1, 7, 3, 2, 2, 1, 0, 0, 0),
    (None, None, "county"): (2, 0, 5, 5, 5, 4, 1, 1, 2, 1),
    (None, None, "first"): (2, 0, 5, 5, 5, 4, 1, 1, 2, 1),
    (None, None, "second"): (1, 0, 0, 2, 2, 2, 0, 0, 0, 0),
}


def test_by_hand(held: tuple[Scene, UUID, UUID]) -> None:
    scene, _, _ = held
    found = scene.counted()
    types = {"basic", "half", None}
    assert {key: numbers for key, numbers in single(found).items() if key[1] in types} == BY_HAND
    assert found["refresher", "half", "second"] == (1, 0, 0, 2, 2, 2, 0, 0, 0, 0)
    assert ("course", "basic", "second") not in found
    owner = course_figures.of_organisation(scene.conn, scene.organisation.id, scene.period())
    assert scene.named(owner) == found


def test_as_it_was_known(held: tuple[Scene, UUID, UUID]) -> None:
    scene, first, both = held
    with scene.conn.transaction():
        scene.conn.execute("set local session_replication_role = replica")
        for statement in _LONG_AGO:
            scene.conn.execute(statement.encode())
    assert scene.counted(known=-1)[None, None, None] == BY_HAND[None, None, None]
    # Before the courses were planned nothing was known of them.
    assert not any(scene.counted(known=-90)[None, None, None])
    with scene.organisation.as_admin() as acting:
        closing.reopen(acting, first, "The wrong list")
    scene.attend(first, unset=[scene.people["dan"]])
    with scene.organisation.as_admin() as acting:
        plan = Plan(kind="course", name_nb="Kurs", types=["half"], days=[CourseDay(today(scene.conn, -40))])
        courses.change(acting, both, plan)
    scene.sign_up(scene.plan(-1, "basic"), "eva")
    merge(scene.organisation, scene.people["ann"], scene.people["bob"])
    scene.conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (scene.people["cat"],))
    # Who came to the first is one by now, and somebody without a name had a seat.
    assert scene.counted()[None, None, None] == (3, 1, 12, 4, 1, 1, 1, 0, 0, 0)
    # What was known then is as it was, but that two are one person.
    assert scene.counted(known=-1)[None, None, None] == (3, 1, 12, 5, 4, 3, 2, 1, 2, 1)
    assert scene.counted(known=-1)["refresher", None, None] == BY_HAND["refresher", None, None]
    assert scene.counted(known=1) == scene.counted()


def test_who_is_erased_goes_on_to_count(held: tuple[Scene, UUID, UUID]) -> None:
    scene, first, _ = held
    for name in ("ann", "cat"):
        scene.conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (scene.people[name],))
    # Of what Ann attended, each is one person; what she was given is named in no history any more.
    assert scene.counted()[None, None, None] == (3, 1, 12, 6, 5, 5, 2, 1, 2, 0)
    nobodys = rows(
        scene.conn, "select state, attendance, signed_up_by from mentorcert_private.course_sign_ups"
        " where course_id = %s and peer_mentor_id is null order by rank", first,
    )  # fmt: skip
    assert nobodys == [("seated", "attended", None), ("seated", None, None)]
    # A course can be opened and closed all the same.
    with scene.organisation.as_admin() as acting:
        closing.reopen(acting, first, "Once more", leaves_out=True)
    scene.close(first)
    assert scene.counted()["course", None, None][:5] == BY_HAND["course", None, None][:5]


def test_what_is_undone_does_not_count(held: tuple[Scene, UUID, UUID]) -> None:
    scene, first, _ = held
    with scene.organisation.as_admin() as acting:
        closing.reopen(acting, first, "The wrong list")
    assert scene.counted()[None, None, None][-2:] == (0, 0)
    # Opened again, nobody is known to have stayed away.
    assert scene.counted()[None, None, None][6] == 1
    scene.close(first)
    assert scene.counted() | BY_HAND == scene.counted()


def test_a_chapter_that_was_merged(held: tuple[Scene, UUID, UUID]) -> None:
    scene, _, _ = held
    scene.conn.execute(
        "update mentorcert.chapters set retired_on = current_date, retired_reason = 'x', merged_into_id = %s where id = %s",
        (scene.organisation.chapter, scene.second),
    )
    found = scene.counted()
    assert (None, None, "second") not in found
    assert found[None, None, "first"] == BY_HAND[None, None, "first"]


def test_reach(held: tuple[Scene, UUID, UUID]) -> None:
    scene, _, _ = held
    coordinator, mentor = uuid4(), uuid4()
    join(scene.organisation, coordinator, "coordinator", scene.second)
    join(scene.organisation, mentor, "peer_mentor")
    found = scene.counted(coordinator)
    assert {key[2] for key in found} == {None, "second"}
    assert found[None, None, None] == found[None, None, "second"] == BY_HAND[None, None, "second"]
    assert found["course", None, None] == (0,) * 10
    stranger = set_up(scene.conn, "other")
    assert not any(any(numbers) for numbers in scene.counted(stranger.admin).values())
    for nobody in (mentor, uuid4()):
        with pytest.raises(MissingRightError):
            scene.counted(nobody)


def test_refused(held: tuple[Scene, UUID, UUID]) -> None:
    scene, first, _ = held
    with pytest.raises(InvalidArgumentError) as caught:
        scene.counted(known=-20_000)
    assert caught.value.constraint == "known_on"
    with scene.conn.transaction(force_rollback=True):
        scene.conn.execute("select from mentorcert_private.courses where id = %s for update", (first,))
        with pytest.raises(LaterError):
            course_figures.of_organisation(scene.conn, scene.organisation.id, scene.period(-1))


def test_for_handing_out(held: tuple[Scene, UUID, UUID]) -> None:
    scene, _, _ = held
    found = scene.counted(masked=True)
    assert set(found) == set(single(scene.counted()))
    # Four people came: so nothing is said of what they attended or got. How many courses it were, is.
    assert found[None, None, None] == (3, 1, 10, 5, None, None, None, None, None, None)
    assert found["refresher", None, None] == (1, 0, 0, None, *[None] * 6)
    assert found[None, None, "second"] == (1, 0, 0, None, *[None] * 6)
    for name in ("gro", "hal", "ida"):
        scene.people[name] = scene.organisation.mentor(name)
    large = scene.plan(-2, "basic")
    scene.attend(large, "gro", "hal", "ida")
    # Of 7 people with 8 attendances; the kinds hide that two came to the refresher.
    found = scene.counted(masked=True)
    assert found[None, None, None] == (4, 1, 10, 5, 5, 5, None, None, None, None)
    assert found["course", None, None] == (3, 1, 10, None, *[None] * 6)


def test_reads_the_courses_of_the_period_once(held: tuple[Scene, UUID, UUID]) -> None:
    """Not the sign-ups of other periods, nor the histories of others, nor the log unless it is asked for."""
    scene, _, _ = held
    conn, organisation = scene.conn, scene.organisation
    organisation.certify_many(200, last_day=today(conn, 20))
    old = [scene.plan(day, "basic") for day in range(-80, -70)]
    conn.execute(
        "insert into mentorcert_private.course_sign_ups (organisation_id, course_id, peer_mentor_id, state, rank)"
        " select organisation_id, course_id, id, 'seated', 1"
        " from mentorcert.peer_mentors cross join unnest(%s::uuid[]) as course_id where organisation_id = %s",
        (old, organisation.id),
    )
    conn.execute("analyze mentorcert_private.course_sign_ups, public.peer_mentor_certifications")
    read = "select relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_catalog.pg_stat_xact_user_tables"
    with acting_as(conn, organisation.admin):
        before = dict(rows(conn, read))
        course_figures.of_reach(conn, scene.period())
        conn.execute("reset role")
        after = dict(rows(conn, read))
    assert after["audit_log"] == before["audit_log"]
    for table in ("course_sign_ups", "peer_mentor_certifications", "courses"):
        assert after[table] - before[table] < 60, table
    assert fetch(conn, "select count(*) from mentorcert_private.course_sign_ups") > 2000

"""Figures against a slow model in Python: histories of every kind, people who move, leave, are merged and erased."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from mentorcert.certifications import figures
from mentorcert.certifications.figures import Period
from mentorcert.db.connection import Connection, become
from tests.support.registry import Organisation, join, set_up

# Days are numbers from here on, over a change to summer time.
_FIRST: Final = date(2025, 3, 1)
_DAYS: Final = 60
TYPES: Final = ("basic", "half")
# A refresher renews it for one month after its end.
LIMITED: Final = "basic"
# Of each chapter, the one above: two under a county, and one beside it.
PARENTS: Final = (None, 0, 0, None)
Fields = dict[str, Any]
Numbers = tuple[int, ...]

days = st.integers(0, _DAYS)


@dataclass(frozen=True)
class Entry:
    """What was said of a certification: when, from when it holds, and what."""

    recorded: int
    effective: int
    after: Fields


@dataclass(frozen=True)
class Stay:
    """In a chapter from a day and to another, which was registered on a third."""

    chapter: int
    entered: int
    ended: int | None
    registered: int


@dataclass(frozen=True)
class Person:
    """A person; `left` is the day of leaving and the day on which it was registered."""

    held: Sequence[Sequence[Entry]]
    stays: Sequence[Stay]
    left: tuple[int, int] | None
    erased: int | None
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class World:
    """People, the first two of whom were seen to be one on a day, or never."""

    people: Sequence[Person]
    merged: int | None


@st.composite
def histories(draw: st.DrawFn, type_: str) -> list[Entry]:
    issued, recorded = draw(days), draw(days)
    state: Fields = {
        "certification_type": type_, "issued_at": issued, "expires_at": draw(st.none() | st.integers(issued + 1, _DAYS + 9)),
        "status": "active",
    }  # fmt: skip
    entries = [Entry(recorded, issued, dict(state))]
    before: list[Fields] = [{}]
    for kind in draw(
        st.lists(
            st.sampled_from(["renew", "correct", "predate", "extend", "suspend", "retype", "revert"]),
            max_size=5,
        )
    ):
        recorded = draw(st.integers(recorded, _DAYS))
        issued, expires = state["issued_at"], state["expires_at"]
        after: Fields
        if kind == "renew":
            day = issued + draw(st.integers(1, 30))
            after, effective = (
                {"issued_at": day, "expires_at": draw(st.none() | st.integers(day + 1, day + 40))},
                day,
            )
        elif kind == "correct":
            after, effective = {"expires_at": issued + draw(st.integers(1, 40))}, issued
        elif kind == "predate":
            after, effective = {"issued_at": draw(st.integers(0, issued))}, issued
            effective = after["issued_at"]
        elif kind == "extend":
            after, effective = {"expires_at": None}, min(recorded, _DAYS if expires is None else expires)
        elif kind == "suspend":
            after, effective = (
                {"status": "active" if state["status"] == "suspended" else "suspended"},
                recorded,
            )
        elif kind == "retype":
            after, effective = {"certification_type": draw(st.sampled_from(TYPES))}, issued
        else:
            undone = draw(st.integers(0, len(entries) - 1))
            if not before[undone]:
                continue
            after, effective = before[undone], entries[undone].effective
        before.append({name: state[name] for name in after})
        state |= after
        entries.append(Entry(recorded, effective, dict(after)))
    return entries


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    entered = draw(days)
    ended = draw(st.none() | st.integers(entered + 1, _DAYS + 3))
    return Stay(draw(st.integers(0, len(PARENTS) - 1)), entered, ended, draw(st.integers(entered, _DAYS)))


people = st.builds(
    Person,
    held=st.lists(st.sampled_from(TYPES), unique=True).flatmap(
        lambda types: st.tuples(*map(histories, types))
    ),
    stays=st.lists(stays(), max_size=3, unique_by=lambda stay: stay.chapter),
    left=st.none() | st.tuples(days, days),
    erased=st.none() | days,
    id=st.uuids(version=4),
)
worlds = st.builds(World, st.lists(people, min_size=2, max_size=4), st.none() | days)
periods = st.tuples(days, days).map(sorted)


class Model:
    """The definitions of docs/figures.md, day by day."""

    def __init__(self, world: World, first: int, last: int, known: int | None) -> None:
        self._world, self._first, self._last = world, first, last
        self._known = 10_000 if known is None else known

    def figures(self, reach: frozenset[int] | None) -> dict[tuple[str | None, int | None], Numbers]:
        """Return the numbers of each type and chapter that are not all zero."""
        found: dict[tuple[str | None, int | None], list[int]] = {}
        for standing, home in self._people():
            places = {
                above for chapter in home for above in _lineage(chapter) if reach is None or above in reach
            }
            if reach is not None and not places:
                continue
            for type_, counted in standing.items():
                for place in (None, *places):
                    sums = found.setdefault((type_, place), [0] * 6)
                    sums[:] = [sum(pair) for pair in zip(sums, counted, strict=True)]
        return {key: tuple(numbers) for key, numbers in found.items() if any(numbers)}

    def _people(self) -> list[tuple[dict[str | None, list[bool]], set[int]]]:
        every = list(self._world.people)
        if self._world.merged is None:
            return [
                (self._standing(self._gone(one), [(held, True) for held in one.held]), self._home(one.stays))
                for one in every
            ]
        kept, absorbed = every[:2]
        before = self._last < self._world.merged
        types = {held[0].after["certification_type"] for held in kept.held}
        # What both hold is replaced from the merge on; the rest moves.
        held = [(one, True) for one in kept.held] + [
            (one, before or one[0].after["certification_type"] not in types) for one in absorbed.held
        ]
        # Before it was known, who had left under one number only was there under the other.
        numbers = [kept] if self._world.merged <= self._known else [kept, absorbed]
        merged = self._standing(max(map(self._gone, numbers)), held), self._home(_united(kept, absorbed))
        return [
            merged,
            *(
                (self._standing(self._gone(one), [(held, True) for held in one.held]), self._home(one.stays))
                for one in every[2:]
            ),
        ]

    def _at(self, history: Sequence[Entry], day: int, name: str) -> Any:
        said = [
            entry.after[name]
            for place, entry in enumerate(history)
            if entry.recorded <= self._known
            and (place == 0 or entry.effective <= day)
            and name in entry.after
        ]
        return said[-1] if said else None

    def _gone(self, person: Person) -> int:
        return min(
            [
                *([person.left[0]] if person.left and person.left[1] <= self._known else []),
                *([person.erased] if person.erased is not None and person.erased <= self._known else []),
            ],
            default=10_000,
        )

    def _standing(self, gone: int, held: list[tuple[Sequence[Entry], bool]]) -> dict[str | None, list[bool]]:
        by_type: dict[str, list[tuple[Sequence[Entry], bool]]] = {}
        for history, is_current in held:
            issued = self._at(history, self._last, "issued_at")
            if issued is not None and issued <= self._last:
                type_ = self._at(history, self._last, "certification_type")
                by_type.setdefault(type_, []).append((history, is_current))
        renewed = {type_: self._renewed(found) for type_, found in by_type.items()}
        every = [one for found in by_type.values() for one in found]
        asked: list[tuple[str | None, list[tuple[Sequence[Entry], bool]]]] = [*by_type.items(), (None, every)]
        return {
            type_: [
                gone > self._last
                and any(self._is_valid(history) for history, is_current in found if is_current),
                self._first <= min(self._issues(found), default=-1),
                renewed[type_] if type_ is not None else any(renewed.values()),
                gone > self._last and self._first <= max(self._ends(found), default=-1) <= self._last,
                self._first <= gone <= self._last,
                gone > self._last
                and any(is_current for _, is_current in found)
                and all(self._is_outdated(history) for history, is_current in found if is_current),
            ]
            for type_, found in asked
        }

    def _is_outdated(self, history: Sequence[Entry]) -> bool:
        status, expires, type_ = (
            self._at(history, self._last, name) for name in ("status", "expires_at", "certification_type")
        )
        if status == "suspended" or expires is None or type_ != LIMITED:
            return False
        end = _FIRST + timedelta(expires - 1)
        year, month = divmod(end.year * 12 + end.month, 12)
        last = monthrange(year, month + 1)[1]
        return date(year, month + 1, min(end.day, last)) < _FIRST + timedelta(self._last)

    def _is_valid(self, history: Sequence[Entry]) -> bool:
        status, expires = (self._at(history, self._last, name) for name in ("status", "expires_at"))
        return status != "suspended" and (expires is None or self._last < expires)

    def _issues(self, found: list[tuple[Sequence[Entry], bool]]) -> list[int]:
        return sorted(
            day
            for history, _ in found
            for day in range(self._last + 1)
            if self._at(history, day, "issued_at") == day
        )

    def _renewed(self, found: list[tuple[Sequence[Entry], bool]]) -> bool:
        issues = self._issues(found)
        return any(day >= self._first and day > issues[0] for day in issues)

    def _ends(self, found: list[tuple[Sequence[Entry], bool]]) -> list[int]:
        ends = []
        for history, is_current in found:
            if is_current:
                end = self._at(history, self._last, "expires_at")
                ends.append(10_000 if end is None else end)
        return ends

    def _home(self, every: Sequence[Stay]) -> set[int]:
        known = [stay for stay in every if stay.entered <= min(self._last, self._known)]
        for day in range(self._last, -1, -1):
            here = {stay.chapter for stay in known if stay.entered <= day < self._end(stay)}
            if here:
                return here
        first = min((stay.entered for stay in every), default=0)
        return {stay.chapter for stay in every if stay.entered == first}

    def _end(self, stay: Stay) -> int:
        return 10_000 if stay.ended is None or stay.registered > self._known else stay.ended


def _lineage(chapter: int | None) -> set[int]:
    return set() if chapter is None else {chapter} | _lineage(PARENTS[chapter])


def _united(kept: Person, absorbed: Person) -> list[Stay]:
    own = {stay.chapter for stay in kept.stays}
    return [*kept.stays, *(stay for stay in absorbed.stays if stay.chapter not in own)]


@dataclass(frozen=True)
class Registry:
    """An organisation with its chapters, and a coordinator of the county."""

    organisation: Organisation
    chapters: tuple[UUID, ...]
    coordinator: UUID
    local: UUID

    def write(self, world: World) -> None:
        """Write a world as its years would have left it."""
        conn, organisation = self.organisation.conn, self.organisation.id
        kept_types = {held[0].after["certification_type"] for held in world.people[0].held}
        conn.execute("set local session_replication_role = replica")
        for place, person in enumerate(world.people):
            absorbed = place == 1 and world.merged is not None
            conn.execute(
                "insert into mentorcert.peer_mentors"
                " (id, organisation_id, external_id, full_name, left_on, erased_at, merged_into)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    person.id, organisation, f"erased-{person.id}" if person.erased is not None else str(place),
                    "erased" if person.erased is not None else "Name", _day(person.left[0]) if person.left else None,
                    self._midnight(person.erased), world.people[0].id if absorbed else None,
                ),
            )  # fmt: skip
            if person.left:
                self._audit("peer_mentors", person.id, person.left[1], "left_on")
            for history in person.held:
                type_ = history[0].after["certification_type"]
                owner = world.people[0].id if absorbed and type_ not in kept_types else person.id
                conn.execute(
                    "insert into public.peer_mentor_certifications"
                    " (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, renewal_history)"
                    " values (%s, %s, %s, '2025-01-01', null, %s)",
                    (organisation, owner, type_, Jsonb([self._entry(*one) for one in enumerate(history)])),
                )
            stays = (
                person.stays
                if not absorbed
                else _united(world.people[0], person)[len(world.people[0].stays) :]
            )
            for stay in stays:
                id_ = uuid4()
                conn.execute(
                    "insert into mentorcert.peer_mentor_chapters"
                    " (id, organisation_id, peer_mentor_id, chapter_id, created_at, ended_at) values (%s, %s, %s, %s, %s, %s)",
                    (
                        id_, organisation, world.people[0].id if absorbed else person.id, self.chapters[stay.chapter],
                        self._midnight(stay.entered), self._midnight(stay.ended),
                    ),
                )  # fmt: skip
                if stay.ended is not None:
                    self._audit("peer_mentor_chapters", id_, stay.registered, "ended_at")
        if world.merged is not None:
            conn.execute(
                "insert into mentorcert_private.peer_mentor_merges (organisation_id, kept_id, absorbed_id, actor, merged_at)"
                " values (%s, %s, %s, '{}', %s)",
                (organisation, world.people[0].id, world.people[1].id, self._midnight(world.merged)),
            )
        conn.execute("set local session_replication_role = origin")

    def _entry(self, position: int, entry: Entry) -> Fields:
        days_ = ("issued_at", "expires_at")
        midnights = {name: self._midnight(value) for name, value in entry.after.items() if name in days_}
        recorded = self.organisation.midnight(_day(entry.recorded)) + timedelta(hours=9, seconds=position)
        return {
            "schema_version": 1, "entry_id": str(uuid4()), "kind": "imported", "recorded_at": recorded.isoformat(),
            "effective_at": str(self._midnight(entry.effective)), "actor": {"job": "test"}, "before": {},
            "after": entry.after | {name: None if one is None else one.isoformat() for name, one in midnights.items()},
        }  # fmt: skip

    def _audit(self, table: str, row: UUID, day: int, column: str) -> None:
        self.organisation.conn.execute(
            "insert into mentorcert.audit_log (recorded_at, organisation_id, table_name, row_id, action, actor, before, after)"
            " values (%s, %s, %s, %s, 'update', '{}', %s, '{}')",
            (self._midnight(day), self.organisation.id, table, str(row), Jsonb({column: None})),
        )

    def _midnight(self, day: int | None) -> datetime | None:
        return None if day is None else self.organisation.midnight(_day(day))

    def asked(self, who: UUID, period: Period) -> dict[tuple[str | None, int | None], Numbers]:
        """Return what somebody is answered, without what is zero."""
        conn = self.organisation.conn
        with conn.transaction(force_rollback=True):
            become(conn, who)
            found = figures.of_reach(conn, period)
        places = {id_: place for place, id_ in enumerate(self.chapters)}
        assert len({(one.certification_type, one.chapter_id) for one in found}) == len(found)
        return {
            (one.certification_type, places[one.chapter_id] if one.chapter_id else None): tuple(
                number or 0 for number in one.numbers
            )
            for one in found
            if any(one.numbers)
        }


def _day(number: int) -> date:
    return _FIRST + timedelta(number)


@pytest.fixture
def registry(conn: Connection) -> Registry:
    organisation = set_up(conn)
    conn.execute("update mentorcert.certification_types set refresher_months = 1 where code = %s", (LIMITED,))
    conn.execute("delete from mentorcert.chapters")
    chapters = tuple(uuid4() for _ in PARENTS)
    for place, parent in enumerate(PARENTS):
        conn.execute(
            "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name) values (%s, %s, %s, %s, %s)",
            (
                chapters[place],
                organisation.id,
                None if parent is None else chapters[parent],
                f"c{place}",
                f"C{place}",
            ),
        )
    coordinator, local = uuid4(), uuid4()
    join(organisation, coordinator, "coordinator", chapters[0])
    join(organisation, local, "coordinator", chapters[2])
    return Registry(organisation, chapters, coordinator, local)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    world=worlds,
    asked=st.lists(st.tuples(periods, st.none() | days), min_size=4, max_size=4),
    in_events=st.booleans(),
)
def test_as_the_model_says(
    registry: Registry, world: World, asked: list[tuple[list[int], int | None]], in_events: bool
) -> None:
    conn = registry.organisation.conn
    with conn.transaction(force_rollback=True):
        registry.write(world)
        if in_events:
            conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
            conn.execute("select mentorcert_private.switch_history_to_events()")
            conn.execute("set local session_replication_role = replica")
            # Also so that no row is locked any more.
            conn.execute("update public.peer_mentor_certifications set renewal_history = '[]'")
            conn.execute("set local session_replication_role = origin")
        for (first, last), known in asked:
            period = Period(_day(first), _day(last), None if known is None else _day(known))
            model = Model(world, first, last, known)
            for who, reach in (
                (registry.organisation.admin, None),
                (registry.coordinator, frozenset({0, 1, 2})),
                (registry.local, frozenset({2})),
            ):
                assert registry.asked(who, period) == model.figures(reach), (first, last, known, reach)

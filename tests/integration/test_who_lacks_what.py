"""Who lacks what on a day, against a slow model in Python: for each role, in several zones, also where clocks change."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentorcert.certifications import mentor_list
from mentorcert.certifications.mentor_list import MentorFilters, Standing
from mentorcert.db.connection import Connection, become
from tests.support.registry import OSLO, Organisation, join, set_up

TYPES = ("basic", "half")
# Havana and Beirut have days without a first hour, and Oslo has days of 23 and 25 hours.
ZONES = (OSLO, "America/Havana", "Asia/Beirut")
_CLOCKS_CHANGE = (
    date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2025, 3, 30), date(2025, 10, 26),
)  # fmt: skip


@dataclass(frozen=True)
class Held:
    """A certification: its first period, a renewal, whether it is suspended today; `is_old`: nobody has changed it since."""

    issued: date
    last_day: date | None
    renewed: tuple[date, date] | None
    is_suspended: bool
    is_old: bool

    def on(self, day: date, today: date) -> tuple[date, date | None, str] | None:
        """Return when it was issued or renewed, its last valid day and its status on a day; None before it was issued."""
        if day < self.issued:
            return None
        issued, last_day = self.issued, self.last_day
        if self.renewed and self.renewed[0] <= day:
            issued, last_day = self.renewed
        status = "expired" if last_day is not None and last_day < day else "active"
        # It was suspended today, and stays so.
        return issued, last_day, "suspended" if self.is_suspended and day >= today else status


Person = dict[str, Held]


def days(around: date) -> st.SearchStrategy[date]:
    """Return days on which something may be different from the day before."""
    near = st.integers(-5, 5).map(lambda number: around + timedelta(number))
    clocks = st.builds(
        lambda day, by: day + timedelta(by), st.sampled_from(_CLOCKS_CHANGE), st.integers(-1, 1)
    )
    return near | clocks


@st.composite
def certifications(draw: st.DrawFn, today: date) -> Held:
    issued = min(draw(days(today - timedelta(30))), today)
    last_day = draw(st.none() | days(today).map(lambda day: max(day, issued)))
    renewed = None
    if last_day is not None and issued < today and draw(st.booleans()):
        day = min(max(draw(days(today)), issued + timedelta(1)), today)
        renewed = (day, max(draw(days(today + timedelta(9))), day, last_day))
    is_suspended = draw(st.booleans())
    return Held(issued, last_day, renewed, is_suspended, not is_suspended and draw(st.booleans()))


def people(today: date) -> st.SearchStrategy[list[Person]]:
    """Return three persons with what each of them holds."""
    one = st.dictionaries(st.sampled_from(TYPES), certifications(today))
    return st.lists(one, min_size=3, max_size=3)


@st.composite
def questions(draw: st.DrawFn, today: date) -> MentorFilters:
    standing: Standing | None = draw(st.sampled_from([None, *get_args(Standing)]))
    # One of the two is enough.
    is_between = standing in {"ends", "obtained"}
    first = draw(st.none() | days(today)) if is_between else None
    last = draw(days(today)) if is_between else None
    return MentorFilters(
        holds=draw(st.none() | st.sampled_from(TYPES)),
        certification_type=draw(st.sampled_from(TYPES)) if standing else None,
        standing=standing,
        first_day=first,
        last_day=last,
        on_day=draw(st.none() | days(today)),
    )


def meets(person: Person, asked: MentorFilters, today: date) -> bool:
    """Return whether a person is one of those asked for."""
    day = asked.on_day or today

    def on(kind: str | None) -> tuple[date, date | None, str] | None:
        held = person.get(kind or "")
        return held.on(day, today) if held else None

    if asked.holds and not ((held := on(asked.holds)) and held[2] == "active"):
        return False
    if asked.standing is None:
        return True
    first, last = asked.first_day or date.min, asked.last_day or date.max
    found = on(asked.certification_type)
    if found is None:
        return asked.standing in {"not_held", "never"}
    issued, last_day, status = found
    return {
        "held": status == "active",
        "not_held": status != "active",
        "never": False,
        "lapsed": status == "expired",
        "suspended": status == "suspended",
        "ends": status != "suspended" and last_day is not None and first <= last_day <= last,
        "obtained": first <= issued <= last,
    }[asked.standing]


@dataclass(frozen=True)
class Registry:
    """Organisations in their zones, each with three people in two chapters, and who may see which of them."""

    organisation: Organisation
    today: date
    mentors: tuple[UUID, ...]
    readers: dict[UUID, frozenset[UUID]]

    def write(self, person: Person, mentor: UUID) -> None:
        """Register what a person holds, and what happened since."""
        organisation, conn = self.organisation, self.organisation.conn
        for kind, held in person.items():
            id_ = organisation.certify(mentor, kind, issued=held.issued, last_day=held.last_day)
            if held.renewed:
                day, until = held.renewed
                conn.execute(
                    "update public.peer_mentor_certifications set issued_at = %s, expires_at = %s where id = %s",
                    (organisation.midnight(day), organisation.midnight(until + timedelta(1)), id_),
                )
            if held.is_suspended:
                conn.execute(
                    "update public.peer_mentor_certifications set status = 'suspended' where id = %s", (id_,)
                )
            if held.is_old:
                changed = held.renewed[0] if held.renewed else held.issued
                conn.execute("set local session_replication_role = replica")
                conn.execute(
                    "update public.peer_mentor_certifications set updated_at = %s where id = %s",
                    (organisation.midnight(changed), id_),
                )
                conn.execute("set local session_replication_role = origin")


@pytest.fixture(params=ZONES)
def registry(conn: Connection, request: pytest.FixtureRequest) -> Registry:
    organisation = set_up(conn, time_zone=request.param)
    chapter, coordinator, login = uuid4(), uuid4(), uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'B', 'B')",
        (chapter, organisation.id),
    )
    mentors = tuple(organisation.mentor(number) for number in "123")
    conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s", (mentors[2],)
    )
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (%s, %s, %s)",
        (organisation.id, mentors[2], chapter),
    )
    join(organisation, coordinator, "coordinator", organisation.chapter)
    join(organisation, login, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, mentors[0]))
    readers = {
        organisation.admin: frozenset(mentors),
        coordinator: frozenset(mentors[:2]),
        login: frozenset(mentors[:1]),
        uuid4(): frozenset[UUID](),
    }
    return Registry(organisation, datetime.now(ZoneInfo(organisation.time_zone)).date(), mentors, readers)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_as_the_model_says(registry: Registry, data: st.DataObject) -> None:
    conn, today = registry.organisation.conn, registry.today
    persons = data.draw(people(today))
    asked = data.draw(st.lists(questions(today), min_size=6, max_size=6))
    with conn.transaction(force_rollback=True):
        for person, mentor in zip(persons, registry.mentors, strict=True):
            registry.write(person, mentor)
        for filters in asked:
            expected = {
                mentor
                for mentor, person in zip(registry.mentors, persons, strict=True)
                if meets(person, filters, today)
            }
            for who, reach in registry.readers.items():
                with conn.transaction(force_rollback=True):
                    become(conn, who)
                    found = mentor_list.ids(conn, filters)
                assert set(found) == expected & reach, (filters, who)
                assert len(found) == len(set(found))

"""Days, midnights and validity, against an oracle that knows nothing of the database."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, acting_as, become
from mentorcert.errors import BeyondTypeRuleError, RenewalBeforeIssueError, RenewalShortensError
from tests.support.registry import OSLO, fetch, join, rows, set_up, today, utc

# Some skip a midnight (São Paulo, Beirut, Cairo, Azores, Havana), some have one twice (the last two of them).
ZONES = [
    OSLO,
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Atlantic/Azores",
    "America/Havana",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "UTC",
]
DAYS = st.dates(date(2000, 1, 1), date(2026, 12, 31))
LEAP_AND_MONTH_ENDS = st.sampled_from(
    [date(2024, 2, 29), date(2023, 2, 28), date(2025, 8, 31), date(2024, 8, 31), date(2024, 12, 31)]
)
RULES = st.one_of(
    st.tuples(st.just("months"), st.integers(1, 120)),
    st.tuples(st.just("end_of_year"), st.integers(0, 120)),
    st.tuples(st.just("unlimited"), st.none()),
)
with_database = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def begins(day: date, time_zone: str) -> datetime:
    """Walk through time in steps of a quarter until the calendar there shows the day."""
    zone = ZoneInfo(time_zone)
    instant = datetime.combine(day, time(), UTC) - timedelta(hours=16)
    while instant.astimezone(zone).date() < day:
        instant += timedelta(minutes=15)
    return instant


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def last_valid_day(
    rule: str, months: int | None, issued: date, held_until: date | None = None
) -> date | None:
    if months is None:
        return None
    if rule == "months":
        return max(months_later(issued, months), held_until or issued)
    last = date(months_later(issued, months).year, 12, 31)
    if held_until is None or held_until < last:
        return last
    return max(last.replace(year=last.year + 1), held_until)


def by_database(conn: Connection, *arguments: Any) -> date | None:
    day: date | None = fetch(conn, "select mentorcert_private.last_valid_day(%s, %s, %s, %s)", *arguments)
    return day


@with_database
@given(st.lists(st.tuples(DAYS, st.sampled_from(ZONES)), min_size=20, max_size=40))
def test_a_day_begins_at_its_first_instant(conn: Connection, places: list[tuple[date, str]]) -> None:
    days, zones = zip(*places, strict=True)
    found = rows(
        conn,
        """
        select
          mentorcert_private.day_starts(day, zone), mentorcert_private.day_of(mentorcert_private.day_starts(day, zone), zone),
          mentorcert_private.day_of(mentorcert_private.day_starts(day, zone) - interval '1 microsecond', zone)
        from unnest(%s::date[], %s::text[]) with ordinality as places (day, zone, position)
        order by position
        """,
        list(days),
        list(zones),
    )
    assert found == [(begins(day, zone), day, day - timedelta(1)) for day, zone in places]


def test_no_day_of_two_decades_is_wrong(conn: Connection) -> None:
    """Midnights are in order, and whatever lies between two of them is of the first one's day."""
    for time_zone in ZONES:
        days = rows(
            conn,
            """
            select day::date, mentorcert_private.day_starts(day::date, zone),
              mentorcert_private.day_of(mentorcert_private.day_starts(day::date + 1, zone) - interval '1 microsecond', zone)
            from generate_series(timestamp '2006-01-01', timestamp '2026-12-31', interval '1 day') as day,
              (values (%s)) as places (zone)
            """,
            time_zone,
        )
        assert [day for day, _, last in days if day != last] == []
        lengths = {
            (after - before) // timedelta(minutes=30) for (_, before, _), (_, after, _) in pairwise(days)
        }
        assert lengths <= {46, 47, 48, 49, 50}


ODD_DAYS = [
    (date(2026, 3, 29), OSLO, utc(2026, 3, 28, 23)),  # a day of 23 hours
    (date(2026, 3, 30), OSLO, utc(2026, 3, 29, 22)),
    (date(2026, 10, 25), OSLO, utc(2026, 10, 24, 22)),  # a day of 25 hours
    (date(2026, 10, 26), OSLO, utc(2026, 10, 25, 23)),
    (date(2018, 11, 4), "America/Sao_Paulo", utc(2018, 11, 4, 3)),  # begins at one o'clock
    (date(2018, 2, 18), "America/Sao_Paulo", utc(2018, 2, 18, 3)),  # 23 o'clock came twice before
    (date(2026, 3, 29), "Asia/Beirut", utc(2026, 3, 28, 22)),
    (date(2024, 4, 26), "Africa/Cairo", utc(2024, 4, 25, 22)),
    (date(2026, 10, 25), "Atlantic/Azores", utc(2026, 10, 25)),  # midnight comes twice: the first
    (date(2025, 11, 2), "America/Havana", utc(2025, 11, 2, 4)),
    (date(2011, 12, 30), "Pacific/Apia", utc(2011, 12, 30, 10)),  # a day that never was
    (date(2011, 12, 31), "Pacific/Apia", utc(2011, 12, 30, 10)),
]


def test_days_that_are_odd(conn: Connection) -> None:
    for day, time_zone, instant in ODD_DAYS:
        assert fetch(conn, "select mentorcert_private.day_starts(%s, %s)", day, time_zone) == instant, (
            time_zone
        )
        assert begins(day, time_zone) == instant, time_zone


@with_database
@given(RULES, DAYS | LEAP_AND_MONTH_ENDS, st.none() | DAYS | LEAP_AND_MONTH_ENDS)
@example(("months", 6), date(2025, 8, 31), None)
@example(("months", 12), date(2024, 2, 29), None)
@example(("end_of_year", 0), date(2025, 12, 31), None)
@example(("end_of_year", 12), date(2025, 12, 31), date(2025, 12, 31))
@example(("end_of_year", 0), date(2025, 12, 30), date(2025, 12, 31))
def test_the_last_valid_day(
    conn: Connection, rule: tuple[str, int | None], issued: date, held_until: date | None
) -> None:
    assert by_database(conn, *rule, issued, held_until) == last_valid_day(*rule, issued, held_until)


WORKED_OUT_BY_HAND: list[tuple[str, int | None, date, date | None, date | None]] = [
    ("months", 6, date(2025, 8, 31), None, date(2026, 2, 28)),
    ("months", 6, date(2023, 8, 31), None, date(2024, 2, 29)),
    ("months", 12, date(2024, 2, 29), None, date(2025, 2, 28)),
    ("months", 48, date(2024, 2, 29), None, date(2028, 2, 29)),
    ("months", 12, date(2025, 12, 31), None, date(2026, 12, 31)),
    ("months", 12, date(2025, 11, 1), date(2026, 1, 15), date(2026, 11, 1)),
    ("months", 12, date(2025, 11, 1), date(2027, 1, 15), date(2027, 1, 15)),
    ("months", 12, date(2026, 3, 1), date(2026, 1, 15), date(2027, 3, 1)),
    ("end_of_year", 0, date(2025, 12, 31), None, date(2025, 12, 31)),
    ("end_of_year", 0, date(2025, 12, 30), date(2025, 12, 31), date(2026, 12, 31)),
    ("end_of_year", 0, date(2025, 12, 31), date(2026, 12, 31), date(2026, 12, 31)),
    ("end_of_year", 0, date(2025, 12, 31), date(2029, 12, 31), date(2029, 12, 31)),
    ("end_of_year", 24, date(2024, 2, 29), None, date(2026, 12, 31)),
    ("unlimited", None, date(2025, 1, 1), None, None),
]


def test_last_valid_days_worked_out_by_hand(conn: Connection) -> None:
    for *arguments, expected in WORKED_OUT_BY_HAND:
        assert by_database(conn, *arguments) == expected, arguments


@with_database
@given(RULES.filter(lambda rule: rule[1] is not None), DAYS | LEAP_AND_MONTH_ENDS, st.integers(0, 400))
def test_renewing_early_never_shortens(
    conn: Connection, rule: tuple[str, int | None], issued: date, days: int
) -> None:
    held = by_database(conn, *rule, issued, None)
    assert held is not None
    renewed = issued + timedelta(days)
    assume(renewed <= held)
    early = by_database(conn, *rule, renewed, held)
    late = by_database(conn, *rule, held + timedelta(1), held)
    assert early is not None
    assert late is not None
    assert held <= early <= late


@with_database
@given(RULES.filter(lambda rule: rule[1] is not None), DAYS | LEAP_AND_MONTH_ENDS)
def test_renewing_every_day_adds_nothing_up(
    conn: Connection, rule: tuple[str, int | None], issued: date
) -> None:
    held = by_database(conn, *rule, issued, None)
    for day in range(1, 5):
        held = by_database(conn, *rule, issued + timedelta(day), held)
    alone = by_database(conn, *rule, issued + timedelta(4), None)
    assert held is not None
    assert alone is not None
    assert held == alone if rule[0] == "months" else held.year <= alone.year + 1


TYPES = {
    "basic": ("months", 12),
    "half": ("months", 6),
    "yearly": ("end_of_year", 0),
    "pledge": ("unlimited", None),
}


@pytest.mark.parametrize("time_zone", [OSLO, "America/Sao_Paulo"])
def test_register_and_renew_give_exactly_these_dates(conn: Connection, time_zone: str) -> None:
    organisation = set_up(conn, time_zone=time_zone)
    coordinator = uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    mentor = organisation.mentor()
    latest = today(conn, time_zone=time_zone)

    @settings(max_examples=25, deadline=None)
    @given(
        st.sampled_from(sorted(TYPES)),
        st.dates(date(2015, 1, 1), latest - timedelta(1)) | LEAP_AND_MONTH_ENDS,
        st.data(),
    )
    def check(kind: str, issued: date, data: st.DataObject) -> None:
        renewed = data.draw(st.dates(issued + timedelta(1), latest), label="renewed on")
        with conn.transaction(force_rollback=True):
            become(conn, coordinator)
            certification = repository.register(conn, mentor, kind, issued_on=issued)
            until = last_valid_day(*TYPES[kind], issued)
            assert certification.issued_at == begins(issued, time_zone)
            assert certification.expires_at == (until and begins(until + timedelta(1), time_zone))
            certification = repository.renew(conn, certification.id, renewed_on=renewed)
            until = last_valid_day(*TYPES[kind], renewed, until)
            assert certification.issued_at == begins(renewed, time_zone)
            assert certification.expires_at == (until and begins(until + timedelta(1), time_zone))
            expired = certification.expires_at and certification.expires_at <= datetime.now(UTC)
            assert certification.status == ("expired" if expired else "active")

    check()


def test_without_a_day_it_is_today(conn: Connection) -> None:
    organisation = set_up(conn, time_zone="Pacific/Kiritimati")
    mentor = organisation.mentor()
    with organisation.as_admin():
        day = today(conn, time_zone="Pacific/Kiritimati")
        certification = repository.register(conn, mentor, "half")
    assert certification.issued_at == begins(day, "Pacific/Kiritimati")


def test_only_the_administrator_gives_more_than_the_rule(conn: Connection) -> None:
    organisation = set_up(conn)
    coordinator, mentor = uuid4(), organisation.mentor()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    issued = today(conn, -10)
    longer = months_later(issued, 12) + timedelta(1)
    with pytest.raises(BeyondTypeRuleError), acting_as(conn, coordinator):
        repository.register(conn, mentor, "basic", issued_on=issued, last_valid_day=longer)
    with organisation.as_admin():
        given_more = repository.register(conn, mentor, "basic", issued_on=issued, last_valid_day=longer)
    assert given_more.expires_at == begins(longer + timedelta(1), OSLO)


def test_a_renewal_is_of_a_later_day(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=date(2025, 5, 1), last_day=date(2026, 5, 1)
    )
    for day in (date(2025, 5, 1), date(2025, 4, 30)):
        with pytest.raises(RenewalBeforeIssueError, match="is of a later day"), organisation.as_admin():
            repository.renew(conn, certification, renewed_on=day)
    with organisation.as_admin():
        assert repository.renew(conn, certification, renewed_on=date(2025, 5, 2)).expires_at == begins(
            date(2026, 5, 3), OSLO
        )


def test_a_renewal_does_not_shorten_what_is_held(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    held, unlimited = (
        organisation.certify(mentor, kind, issued=date(2025, 5, 1), last_day=last_day)
        for kind, last_day in (("basic", date(2026, 5, 1)), ("pledge", None))
    )
    for id_ in (held, unlimited):
        with pytest.raises(RenewalShortensError), organisation.as_admin():
            repository.renew(conn, id_, renewed_on=date(2025, 6, 1), last_valid_day=date(2026, 4, 30))
    with organisation.as_admin():
        same = repository.renew(conn, held, renewed_on=date(2025, 6, 1), last_valid_day=date(2026, 5, 1))
    assert same.expires_at == begins(date(2026, 5, 2), OSLO)

"""Early renewals: they count on from the old end within the type's window, and never add up."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mentorcert.certifications import bulk, repository
from mentorcert.certifications.history import EntryV1
from mentorcert.db.connection import Connection, acting_as, become
from mentorcert.organisations import organisation_file
from mentorcert.organisations.organisation_file import OrganisationFile
from tests.support import mentor_file
from tests.support.registry import OSLO, Organisation, history, join, set_up, today
from tests.support.registry import rows as asked

# Windows that a type may have, with what it gives.
_RULES = st.one_of(
    st.integers(1, 60).flatmap(
        lambda months: st.tuples(
            st.just("months"), st.just(months), st.integers(1, min(364, 28 * months - 1))
        )
    ),
    st.tuples(st.just("end_of_year"), st.integers(0, 60), st.integers(1, 364)),
)
_BASIC = ("months", 12, 90)
_DAYS = st.dates(date(2000, 1, 1), date(2026, 12, 31))
_with_database = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def last_day(
    conn: Connection, rule: tuple[str, int, int | None], day: date, held: date | None = None
) -> date:
    """Return what the database says of a rule, its months and its window."""
    kind, months, early = rule
    ((found,),) = asked(
        conn, "select mentorcert_private.last_valid_day(%s, %s, %s, %s, %s)", kind, months, day, held, early
    )
    assert isinstance(found, date)
    return found


@_with_database
@given(_RULES, _DAYS, st.lists(st.integers(1, 120), min_size=1, max_size=12))
def test_renewals_never_shorten_and_never_stack(
    conn: Connection, rule: tuple[str, int, int], issued: date, steps: list[int]
) -> None:
    """Once it counts on from an end, no renewal up to that end gives more; and none ever takes anything away."""
    kind, months, early = rule
    held = last_day(conn, rule, issued)
    day = issued
    counted_on = date.min
    for step in steps:
        day += timedelta(step)
        renewed = last_day(conn, rule, day, held)
        assert renewed >= held
        if day <= counted_on:
            assert renewed == held
        elif 0 <= (held - day).days <= early:
            counted_on = held
            assert renewed == last_day(conn, (kind, months, None), held, held)
        held = renewed


@_with_database
@given(_RULES, _DAYS, st.integers(0, 700))
def test_outside_the_window_it_counts_from_the_day_of_renewal(
    conn: Connection, rule: tuple[str, int, int], issued: date, days: int
) -> None:
    early = rule[2]
    held = last_day(conn, rule, issued)
    day = issued + timedelta(days)
    assume(not 0 <= (held - day).days <= early)
    alone = last_day(conn, rule, day)
    assert last_day(conn, rule, day, held) == max(alone, held)


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """An organisation whose basic type takes renewals ninety days before the end."""
    organisation = set_up(conn)
    conn.execute("update mentorcert.certification_types set early_renewal_days = 90 where code = 'basic'")
    return organisation


def _held_until(conn: Connection, certification: UUID) -> date:
    found = asked(
        conn,
        "select (expires_at at time zone %s)::date - 1 from public.peer_mentor_certifications where id = %s",
        OSLO,
        certification,
    )
    day: date = found[0][0]
    return day


def test_every_path_counts_alike(conn: Connection, organisation: Organisation) -> None:
    """One by one and many at once; what was previewed; and what the history says."""
    coordinator = uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    inside, outside, ended = (
        organisation.certify(organisation.mentor(str(days)), last_day=today(conn, days))
        for days in (90, 91, -1)
    )
    expected = {
        inside: (today(conn, 90), "end"),
        outside: (today(conn), "renewal"),
        ended: (today(conn), "renewal"),
    }
    with acting_as(conn, coordinator) as acting:
        found = repository.get(acting, inside)
        assert found.early_renewal_from == today(conn)
        outcomes = {
            each.certification_id: each for each in bulk.preview(acting, "renew", [*expected]).outcomes
        }
    for certification, (start, counted_from) in expected.items():
        until = last_day(conn, _BASIC, start)
        with conn.transaction(force_rollback=True):
            become(conn, coordinator)
            assert repository.renew(conn, certification).expires_at == outcomes[certification].expires_at
        assert outcomes[certification].counted_from == counted_from
        assert outcomes[certification].expires_at == organisation.midnight(until + timedelta(1))
    with acting_as(conn, coordinator) as acting:
        assert bulk.apply(acting, "renew", [*expected]) == 3
    for certification, (start, counted_from) in expected.items():
        assert _held_until(conn, certification) == last_day(conn, _BASIC, start)
        entry = EntryV1.model_validate(history(conn, certification)[-1])
        assert (entry.kind, entry.counted_from) == ("renewed", counted_from)


def test_a_stated_last_day_is_counted_from_nowhere(conn: Connection, organisation: Organisation) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=today(conn, 30))
    with organisation.as_admin():
        repository.renew(conn, certification, last_valid_day=today(conn, 200))
    assert "counted_from" not in history(conn, certification)[-1]


def test_the_rule_at_the_time_of_the_renewal_decides(conn: Connection, organisation: Organisation) -> None:
    certification = organisation.certify(organisation.mentor(), last_day=today(conn, 30))
    with organisation.as_admin():
        repository.renew(conn, certification, renewed_on=today(conn, -1))
    until = _held_until(conn, certification)
    conn.execute("update mentorcert.certification_types set early_renewal_days = null")
    assert _held_until(conn, certification) == until
    assert history(conn, certification)[-1]["counted_from"] == "end"
    with organisation.as_admin():
        repository.revert(conn, certification, UUID(history(conn, certification)[-1]["entry_id"]), "Wrong")
        repository.renew(conn, certification)
    assert _held_until(conn, certification) == last_day(conn, _BASIC, today(conn))
    assert "counted_from" not in history(conn, certification)[-1]


def _applied(conn: Connection, **changes: Any) -> None:
    basic = {
        "code": "basic", "name_nb": "Grunnkurs", "name_en": "Basic course", "validity_rule": "months",
        "validity_months": 12, **changes,
    }  # fmt: skip
    organisation_file.apply(
        conn,
        OrganisationFile.model_validate(
            {
                "organisation": {"slug": "demo", "name": "Demoforeningen"},
                "certification_types": [basic],
            }
        ),
    )


def test_an_import_counts_as_a_renewal_does(conn: Connection, tmp_path: Path) -> None:
    mentor_file.set_up(conn)
    _applied(conn, early_renewal_days=60)

    def take(external_id: str, issued: str, expires: str = "") -> None:
        row = mentor_file.row(external_id, certification_type="basic", issued=issued, expires=expires)
        report = mentor_file.import_rows(conn, tmp_path, row)
        assert mentor_file.reasons(report) == []

    take("1", "2025-05-01")
    take("1", "2026-03-10")
    ((until, entry),) = asked(
        conn,
        "select (expires_at at time zone %s)::date - 1, renewal_history -> -1 from public.peer_mentor_certifications",
        OSLO,
    )
    assert until == date(2027, 5, 1)
    assert (entry["kind"], entry["counted_from"]) == ("imported", "end")
    # Stated, it is what the rule gives: no warning.
    take("2", "2025-05-01")
    take("2", "2026-03-10", "2027-05-01")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"early_renewal_days": 336}, "fewer than the days of validity_months"),
        ({"early_renewal_days": 0}, "greater than or equal to 1"),
        (
            {"validity_rule": "unlimited", "validity_months": None, "early_renewal_days": 30},
            "has no early_renewal_days",
        ),
    ],
)
def test_the_organisation_file_refuses_other_windows(
    conn: Connection, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        _applied(conn, **changes)

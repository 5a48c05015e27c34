"""Refreshers: for how long after its end one still renews a certification, by every door, and what it takes after that."""

from calendar import monthrange
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentorcert.certifications import bulk, forecast, repository, search
from mentorcert.certifications.history import EntryV1, Evidence
from mentorcert.certifications.search import Filters, Order
from mentorcert.db.connection import Connection
from mentorcert.errors import NeedsCourseError, NeedsRegistrationError
from mentorcert.organisations import organisation_file
from mentorcert.organisations.organisation_file import OrganisationFile
from tests.portal.inbound import completed, work
from tests.support import mentor_file
from tests.support.merging import merge
from tests.support.registry import OSLO, history, set_up, today
from tests.support.registry import rows as asked

_DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))
_MONTHS = st.integers(0, 1200)
_with_database = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def months_on(day: date, months: int) -> date:
    """Return the same day as many months on, or the last one of a month that has none."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@_with_database
@given(_DAYS, _MONTHS)
def test_the_last_day_is_the_same_day_months_on(conn: Connection, end: date, months: int) -> None:
    ((until,),) = asked(conn, "select mentorcert_private.refresher_until(%s, %s)", end, months)
    assert until == months_on(end, months)


@_with_database
@given(_DAYS, _MONTHS, st.integers(-3, 3))
def test_the_range_of_ends_is_what_the_days_say(
    conn: Connection, day: date, months: int, beside: int
) -> None:
    """Around the earliest end that is still renewed: each end before it is too late, none from it on is."""
    ((oldest,),) = asked(conn, "select mentorcert_private.oldest_refreshed_end(%s, %s)", day, months)
    end = oldest + timedelta(beside)
    assert (months_on(end, months) < day) == (end < oldest)


def limit(conn: Connection, months: int | None, after_lapse: str = "course") -> None:
    """Say for how long a refresher renews the basic type, and what it takes after that."""
    conn.execute(
        "update mentorcert.certification_types set refresher_months = %s, after_lapse = %s where code = 'basic'",
        (months, after_lapse),
    )


def based_on(basis: Any) -> Evidence:
    """Return the evidence of a renewal that is no refresher."""
    return Evidence(seen="Diploma", seen_on=date(2020, 1, 1), seen_by=None, basis=basis)


@pytest.mark.parametrize("zone", ["Europe/Oslo", "America/Sao_Paulo", "Pacific/Apia", "Asia/Beirut"])
def test_the_day_is_one_of_the_organisation(conn: Connection, zone: str) -> None:
    """Where the clock was changed within the months, or at midnight, or a day was skipped."""
    organisation = set_up(conn, time_zone=zone)
    limit(conn, 6)
    ends = [date(2011, 12, 31), date(2018, 5, 4), date(2018, 8, 31), date(2024, 2, 29), date(2023, 9, 30)]
    for number, end in enumerate(ends):
        certification = organisation.certify(
            organisation.mentor(str(number)), issued=date(2010, 1, 1), last_day=end
        )
        until = months_on(end, 6)
        with organisation.as_admin():
            assert repository.get(conn, certification).refresher_until == until
            with pytest.raises(NeedsCourseError), conn.transaction():
                repository.renew(conn, certification, renewed_on=until + timedelta(1))
            assert repository.renew(conn, certification, renewed_on=until).issued_at == organisation.midnight(
                until
            )


def test_what_it_takes_is_said_and_kept(conn: Connection) -> None:
    organisation = set_up(conn)
    limit(conn, 3, "registration")
    late, timely = (
        organisation.certify(organisation.mentor(name), last_day=today(conn, days))
        for name, days in (("late", -100), ("timely", -20))
    )
    with organisation.as_admin():
        found = repository.get(conn, late)
        assert (found.status, found.is_outdated, found.after_lapse) == ("expired", True, "registration")
        page = search.page(conn, Filters(status="outdated"), Order())
        assert [row.id for row in page.rows] == [late]
        every = search.page(conn, Filters(status="expired"), Order()).rows
        assert {row.id: row.is_outdated for row in every} == {late: True, timely: False}
        ends, _ = forecast.outlook(conn, OSLO, today(conn)).value
        assert (ends.statuses["expired"], ends.outdated) == (2, 1)
        refusals = {
            o.certification_id: o.refusal for o in bulk.preview(conn, "renew", [late, timely]).outcomes
        }
        assert refusals == {late: "certification_outdated_registration", timely: None}
        with pytest.raises(NeedsRegistrationError), conn.transaction():
            bulk.apply(conn, "renew", [late, timely])
        with pytest.raises(NeedsRegistrationError), conn.transaction():
            repository.renew(conn, late, evidence=based_on("course"))
        assert bulk.apply(conn, "renew", [late, timely], evidence=based_on("registration")) == 2
        assert search.page(conn, Filters(status="outdated"), Order()).rows == []
    entry = EntryV1.model_validate(history(conn, late)[-1])
    assert entry.evidence is not None
    assert entry.evidence.basis == "registration"


def test_a_plain_update_is_bound_too(conn: Connection) -> None:
    organisation = set_up(conn)
    limit(conn, 0)
    late = organisation.certify(organisation.mentor(), last_day=today(conn, -1))
    with organisation.as_admin(), pytest.raises(psycopg.Error) as refused, conn.transaction():
        conn.execute(
            "update public.peer_mentor_certifications set issued_at = %s, expires_at = %s where id = %s",
            (organisation.midnight(today(conn)), organisation.midnight(today(conn, 90)), late),
        )
    assert refused.value.sqlstate == "MC026"


def test_a_merge_of_persons_is_no_renewal(conn: Connection) -> None:
    organisation = set_up(conn)
    limit(conn, 0)
    kept, absorbed = organisation.mentor("42"), organisation.mentor("0042")
    held = organisation.certify(kept, last_day=today(conn, -300))
    organisation.certify(absorbed, issued=today(conn, -30), last_day=today(conn, 300))
    merge(organisation, kept, absorbed)
    with organisation.as_admin():
        assert repository.get(conn, held).status == "active"


def test_a_file_renews_in_time_only(conn: Connection, tmp_path: Path) -> None:
    mentor_file.set_up(conn)
    _applied(conn, refresher_months=6, after_lapse="registration")

    def reasons(external_id: str, issued: str) -> list[str]:
        row = mentor_file.row(external_id, certification_type="basic", issued=issued, expires="")
        report = mentor_file.import_rows(conn, tmp_path, row)
        return [reason for _, _, reason in mentor_file.reasons(report)]

    for number in ("1", "2"):
        assert reasons(number, "2023-02-28") == []
    assert reasons("1", "2024-08-28") == []
    assert any("renewed it until 2024-08-28" in reason for reason in reasons("2", "2024-08-29"))


def test_a_message_of_the_portal_is_left_to_a_person(conn: Connection) -> None:
    organisation = set_up(conn)
    limit(conn, 1)
    organisation.certify(organisation.mentor("1"), last_day=today(conn, -60))
    state, reason = work(conn, completed(today(conn).isoformat()))
    assert state == "failed"
    assert "certification_outdated_course" in str(reason)
    assert work(conn, completed(today(conn, -40).isoformat()))[0] == "worked"


def test_the_organisation_file_has_it_and_applies_it(conn: Connection) -> None:
    mentor_file.set_up(conn)
    _applied(conn, refresher_months=18, after_lapse="registration")
    stated = organisation_file.stated(conn, "demo")
    basic = next(one for one in stated.certification_types if one.code == "basic")
    assert (basic.refresher_months, basic.after_lapse) == (18, "registration")
    with pytest.raises(ValueError, match="less than or equal to 1200"):
        _applied(conn, refresher_months=1201)


def _applied(conn: Connection, **changes: Any) -> None:
    basic = {
        "code": "basic", "name_nb": "Grunnkurs", "name_en": "Basic course", "validity_rule": "months",
        "validity_months": 12, **changes,
    }  # fmt: skip
    organisation = {"slug": "demo", "name": "Demoforeningen"}
    organisation_file.apply(
        conn,
        OrganisationFile.model_validate({"organisation": organisation, "certification_types": [basic]}),
    )

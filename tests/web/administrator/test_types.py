"""Certification types in the pages, and the dates to which their rules lead."""

import re
from typing import Any
from uuid import UUID

from mentorcert.db.connection import Connection
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, rows, today
from tests.web.administrator.conftest import HOSTILE, Browser

GOOD: dict[str, Any] = {
    "code": "course", "name_nb": "Kurs", "name_en": "Course", "validity_rule": "months",
    "validity_months": "24", "reminder_days": "60, 14",
}  # fmt: skip


def test_adding(admin: Browser, conn: Connection) -> None:
    assert admin.post("/admin/types/new", **GOOD) == "/admin/types"
    assert "The type course is added." in admin.get("/admin/types")
    assert rows(
        conn,
        "select name_nb, validity_rule, validity_months, required_for_listing, reminder_days"
        " from mentorcert.certification_types where code = 'course'",
    ) == [("Kurs", "months", 24, False, [60, 14])]


@in_turn(
    ("change", "said"),
    [
        ({"code": "basic"}, "There is a type with this code already."),
        ({"code": "Two words"}, "A code has small letters a to z and digits"),
        ({"name_en": " "}, "Write the name."),
        ({"validity_months": "0"}, "Give a whole number of months, at most 1200."),
        ({"validity_months": "many"}, "Give a whole number of months, at most 1200."),
        ({"validity_rule": "end_of_year"}, "Give a whole number of years, at most 100."),
        ({"validity_rule": "end_of_year", "validity_years": "101"}, "Give a whole number of years"),
        ({"validity_rule": "end_of_year", "validity_years": "1.5"}, "Give a whole number of years"),
        ({"reminder_days": "7, soon"}, "Give at most six different numbers of days"),
        ({"reminder_days": "7, 7"}, "Give at most six different numbers of days"),
        ({"reminder_days": "366"}, "Give at most six different numbers of days"),
        ({"early_renewal_days": "365"}, "Give a whole number of days, at most 364"),
        ({"early_renewal_days": "soon"}, "Give a whole number of days, at most 364"),
        ({"refresher_months": "1201"}, "Give a whole number of months, at most 1200."),
        ({"refresher_months": "-1"}, "Give a whole number of months, at most 1200."),
        ({"validity_months": "3", "early_renewal_days": "84"}, "fewer than a renewal gives"),
    ],
)
def test_bad_input_comes_back_with_its_error(admin: Browser, change: dict[str, str], said: str) -> None:
    html = admin.post("/admin/types/new", 422, **{**GOOD, **change})
    assert said in html
    assert 'value="Kurs"' in html
    assert 'aria-invalid="true"' in html
    assert ">course<" not in admin.get("/admin/types")


def test_changing(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    assert 'value="12"' in admin.get(f"/admin/types/{basic}")
    changed = {**GOOD, "validity_rule": "unlimited", "reminder_days": "", "required_for_listing": "true"}
    assert admin.post(f"/admin/types/{basic}", page=f"/admin/types/{basic}", **changed) == "/admin/types"
    assert rows(
        conn,
        "select code, name_en, validity_rule, validity_months, required_for_listing, reminder_days"
        " from mentorcert.certification_types where id = %s",
        basic,
    ) == [("basic", "Course", "unlimited", None, True, [])]


def test_to_new_year_in_years(admin: Browser, conn: Connection) -> None:
    stored = "select validity_months from mentorcert.certification_types where code = 'course'"
    form = {**GOOD, "validity_rule": "end_of_year", "validity_months": "7", "validity_years": "2"}
    assert admin.post("/admin/types/new", **form) == "/admin/types"
    assert fetch(conn, stored) == 24
    course: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'course'")
    page = f"/admin/types/{course}"
    assert re.search('id="validity_years" name="validity_years" value="2"', admin.get(page))
    refused = admin.post(page, 422, page=page, **{**form, "validity_years": "two"})
    assert re.search(
        'id="validity_years" name="validity_years" value="two"[^>]* aria-invalid="true"', refused
    )
    assert admin.post(page, page=page, **{**form, "validity_years": "0"}) == "/admin/types"
    assert fetch(conn, stored) == 0


def test_to_new_year_in_months_that_are_no_years(admin: Browser, conn: Connection) -> None:
    """As the API takes them: they stay until somebody gives years."""
    conn.execute(
        "update mentorcert.certification_types set validity_rule = 'end_of_year', validity_months = 18 where code = 'half'"
    )
    stored = "select validity_months from mentorcert.certification_types where code = 'half'"
    half: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'half'")
    page = f"/admin/types/{half}"
    assert 'name="in_months" value="true"' in admin.get(page)
    form = {**GOOD, "validity_rule": "end_of_year", "validity_months": "18", "in_months": "true"}
    assert admin.post(page, page=page, **form) == "/admin/types"
    assert fetch(conn, stored) == 18
    assert admin.post(page, page=page, **{**form, "validity_years": "1"}) == "/admin/types"
    assert fetch(conn, stored) == 12


def test_a_window_for_early_renewals(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    """It concerns who holds the type, so that is shown first; without a limit there is no window."""
    organisation.certify(organisation.mentor(), last_day=today(conn, 90))
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    page = f"/admin/types/{basic}"
    form = {
        **GOOD, "name_nb": "basic", "name_en": "basic", "validity_months": "12", "required_for_listing": "true",
        "reminder_days": "90, 30, 7", "early_renewal_days": "60",
    }  # fmt: skip
    assert "Renewed a day too early to count on" in admin.post(
        page, 200, page=page, **{**form, "action": "example"}
    )
    html = admin.post(page, 200, page=page, **form)
    assert "Will be renewed by the new rule; until then they keep their date: 1" in html
    shown = html.partition('name="shown" value="')[2][:64]
    assert admin.post(page, page=page, **form, shown=shown) == "/admin/types"
    stored = "select early_renewal_days from mentorcert.certification_types where code = 'basic'"
    assert fetch(conn, stored) == 60
    assert ">60</td>" in admin.get("/admin/types")
    unlimited = {**form, "validity_rule": "unlimited"}
    html = admin.post(page, 200, page=page, **unlimited)
    shown = html.partition('name="shown" value="')[2][:64]
    assert admin.post(page, page=page, **unlimited, shown=shown) == "/admin/types"
    assert fetch(conn, stored) is None


def test_for_how_long_a_refresher_renews(admin: Browser, conn: Connection) -> None:
    stored = "select refresher_months, after_lapse from mentorcert.certification_types where code = 'half'"
    assert admin.post("/admin/types/new", **{**GOOD, "code": "half-2"}) == "/admin/types"
    half: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'half'")
    page = f"/admin/types/{half}"
    form = {**GOOD, "refresher_months": "18", "after_lapse": "registration"}
    assert admin.post(page, page=page, **form) == "/admin/types"
    assert rows(conn, stored) == [(18, "registration")]
    assert "then a new registration" in admin.get("/admin/types")
    assert admin.post(page, page=page, **{**form, "refresher_months": ""}) == "/admin/types"
    assert rows(conn, stored) == [(None, "registration")]


def test_examples_are_what_registering_does(
    admin: Browser, conn: Connection, organisation: Organisation
) -> None:
    """The page says the day that the database then sets."""
    html = admin.post("/admin/types/new", 200, **{**GOOD, "action": "example", "validity_months": "6"})
    mentor = organisation.mentor()
    with organisation.as_admin() as acting:
        day = fetch(
            acting,
            "select mentorcert_private.day_of(expires_at, %s) - 1 from public.register_certification(%s, 'half')",
            organisation.time_zone, mentor,
        )  # fmt: skip
    assert f"{day.day} {day:%B %Y}" in html
    assert "Nothing was saved" not in html
    assert ">course<" not in admin.get("/admin/types")


def test_trying_a_rule(admin: Browser, conn: Connection) -> None:
    year = today(conn).year
    half = admin.get("/admin/types?rule=months&months=6")
    assert f"31 August {year}" in half
    assert f"{29 if (year + 1) % 4 == 0 else 28} February {year + 1}" in half
    assert f"31 December {year + 1}" in admin.get("/admin/types?rule=end_of_year&years=0")
    assert "does not expire" in admin.get("/admin/types?rule=unlimited&months=")
    assert "Give a whole number of months" in admin.get("/admin/types?rule=months&months=", 422)
    admin.get("/admin/types?rule=forever", 422)
    admin.get("/admin/types?months=12&colour=red")


def test_names_are_no_markup(admin: Browser, hostile: UUID) -> None:
    assert HOSTILE in admin.get("/admin/types")

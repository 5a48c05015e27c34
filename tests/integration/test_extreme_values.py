"""No function of the Data API answers an extreme value with an error that says nothing to who sent it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import pytest

from mentorcert.courses import courses
from mentorcert.courses.courses import CourseDay, Plan
from mentorcert.db.connection import Connection, become, connect
from tests.support.registry import rows, set_up

_DAYS: Final = ("infinity", "-infinity", "4713-01-01 BC", "1899-01-01", "10000-01-01")
_TEXTS: Final = ("", " ", "\n", "\u202e", "%", "\\", "x" * 100_000)
EXTREMES: Final = {
    "integer": ("-2147483648", "2147483647", "0", "-1"),
    "bigint": ("-9223372036854775808", "9223372036854775807", "0"),
    "date": (*_DAYS, "5874897-12-31"),
    "timestamp with time zone": (*_DAYS, "294276-12-31"),
    "text": _TEXTS,
    "boolean": (),
    "uuid": ("00000000-0000-0000-0000-000000000000",),
    "jsonb": ("null", "[]", '"a"', "1e400", "[[[]]]"),
    "bytea": ("", "\\x00"),
    "uuid[]": (
        "{}", "{NULL}", "{{00000000-0000-0000-0000-000000000001},{00000000-0000-0000-0000-000000000002}}",
        "[5:6]={00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}",
    ),
    "text[]": ("{}", "{NULL}", "{{a},{b}}", "[5:6]={a,b}", "{" + "x" * 100_000 + "}"),
    "date[]": ("{}", "{NULL}", "{{2020-01-01},{2020-01-02}}", "[5:6]={2020-01-01,2020-01-02}", "{infinity}", "{1890-01-01}"),
    "time without time zone[]": ("{}", "{NULL}", "{{10:00},{12:00}}", "[5:6]={10:00,11:00}", "{24:00}"),
}  # fmt: skip
"""For each type of an argument what a client can send; null besides."""

# An error of ours, a missing right, no such function with these arguments, the name of a column, a day out of range.
SAYS_WHAT: Final = ("MC", "PT", "42501", "42883", "23502", "22008")


@pytest.fixture
def arguments(database: str) -> Iterator[tuple[Connection, dict[str, object]]]:
    """As the administrator of an organisation: what each argument is by its name where another one is extreme."""
    with connect(database) as conn:
        organisation = set_up(conn)
        mentor = organisation.mentor()
        certification = organisation.certify(mentor, last_day=(datetime.now(UTC) + timedelta(30)).date())
        become(conn, organisation.admin)
        day = CourseDay((datetime.now(UTC) + timedelta(5)).date())
        plan = Plan(kind="course", name_nb="Kurs", types=["basic"], days=[day])
        course = courses.plan(conn, plan)
        yield (
            conn,
            {
                "certification_id": certification, "certification_ids": [certification], "course_id": course,
                "peer_mentor_id": mentor, "peer_mentor_ids": [mentor], "chapter_id": organisation.chapter,
                "chapter_ids": [organisation.chapter], "change": "renew", "certification_type": "basic", "kind": "course",
                "name_nb": "Navn", "name_en": "Name", "name": "Name", "types": ["basic"], "days": [day.day], "reason": "why",
                "text": "why", "list": "certifications", "parameters": "{}", "done_on": datetime.now(UTC).date(),
            },
        )  # fmt: skip
        conn.rollback()


def test_an_extreme_value_has_a_clear_answer(arguments: tuple[Connection, dict[str, object]]) -> None:
    conn, known = arguments
    unclear: list[tuple[str, str, str, str | None]] = []
    answered: Counter[bool] = Counter()
    for name, names, types, required in rows(
        conn,
        "select function.oid::regproc::text, coalesce(function.proargnames, '{}')::text[],"
        " array(select pg_catalog.format_type(type, null) from unnest(function.proargtypes) as type),"
        " function.pronargs - function.pronargdefaults"
        " from pg_catalog.pg_proc as function where function.pronamespace = 'public'::regnamespace"
        " and pg_catalog.has_function_privilege('authenticated', function.oid, 'execute') order by 1, 2",
    ):
        given = dict(zip(names, types, strict=False))
        base = {argument: known.get(argument) for argument in names[:required]}
        for argument, type_ in given.items():
            # A row type has no values of its own.
            for value in (None, *EXTREMES.get(type_, ())):
                asked = {**base, argument: value}
                call = ", ".join(f"{each} => %({each})s::{given[each]}" for each in asked)
                try:
                    with conn.transaction(force_rollback=True):
                        conn.execute(f"select * from {name}({call})".encode(), asked)
                    answered[True] += 1
                except psycopg.Error as error:
                    answered[False] += 1
                    if not ((error.sqlstate or "").startswith(SAYS_WHAT) or error.diag.constraint_name):
                        unclear.append((name, argument, str(value)[:40], error.diag.message_primary))
    assert unclear == []
    # Otherwise nothing is asked, or nothing refused.
    assert answered[True] > 200, answered
    assert answered[False] > 200, answered

"""The ledger of the nightly run: one row for each local day of an organisation, missed or failed too."""

from datetime import date

import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import NightlyFailedError
from mentorcert.operations import nightly
from tests.support.command import Mentorcert
from tests.support.registry import Organisation, expired_once, fetch, ledger, set_up, utc
from tests.support.servers import on_embedded_18

FAIL = """
create function mentorcert_private.fail() returns trigger language plpgsql
as $$ begin raise exception 'Kari Nordmann broke it' using errcode = 'ZZ001'; end $$;
create trigger fail before update on public.peer_mentor_certifications
for each row execute function mentorcert_private.fail()
"""
# What after_an_outage leaves to the run: slug, day, caught up, expired, unlisted, error, finished.
CAUGHT_UP = [
    ("demo", date(2024, 3, 1), False, 0, 0, None, True),
    ("demo", date(2024, 3, 2), True, 1, 0, None, True),
    ("demo", date(2024, 3, 3), True, 2, 0, None, True),
    ("demo", date(2024, 3, 4), True, 1, 0, None, True),
    ("demo", date(2024, 3, 5), False, 3, 0, None, True),
]


def test_each_organisation_has_its_own_days(conn: Connection) -> None:
    for slug, zone in [
        ("kiritimati", "Pacific/Kiritimati"),
        ("oslo", "Europe/Oslo"),
        ("nepal", "Asia/Kathmandu"),
        ("honolulu", "Pacific/Honolulu"),
    ]:
        organisation = set_up(conn, slug, zone)
        organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    # At 18:30 in UTC it is June in Nepal and on the Line Islands, where it has been so for hours.
    nightly.run(conn, utc(2024, 5, 31, 18, 30))
    assert [(slug, day, expired) for slug, day, _, expired, *_ in ledger(conn)] == [
        ("honolulu", date(2024, 5, 31), 0),
        ("kiritimati", date(2024, 6, 1), 1),
        ("nepal", date(2024, 6, 1), 1),
        ("oslo", date(2024, 5, 31), 0),
    ]
    assert {due.organisation for due in nightly.due(conn, utc(2024, 5, 31, 22))} == {"oslo"}
    nightly.run(conn, utc(2024, 6, 1, 10))
    assert [(slug, day, expired) for slug, day, _, expired, *_ in ledger(conn) if expired] == [
        ("honolulu", date(2024, 6, 1), 1),
        ("kiritimati", date(2024, 6, 1), 1),
        ("nepal", date(2024, 6, 1), 1),
        ("oslo", date(2024, 6, 1), 1),
    ]


def after_an_outage(organisation: Organisation) -> None:
    """Do a night, and let certifications end on it, before it and on the four days that follow."""
    nightly.run(organisation.conn, utc(2024, 3, 1, 12))
    for number, day in enumerate([1, 2, 2, 3, 4, 4, 4]):
        organisation.certify(organisation.mentor(str(number)), last_day=date(2024, 3, day))


@pytest.mark.parametrize("batch_size", [None, 2, 7, 100])
def test_missed_days_are_caught_up(conn: Connection, batch_size: int | None) -> None:
    after_an_outage(set_up(conn))
    days = nightly.run(conn, utc(2024, 3, 5, 12), batch_size=batch_size)
    assert [(day.local_day, day.caught_up, day.expired) for day in days] == [
        (day, caught_up, expired) for _, day, caught_up, expired, *_ in CAUGHT_UP[1:]
    ]
    assert ledger(conn) == CAUGHT_UP
    assert expired_once(conn)


def test_between_batches_the_days_stay_open(conn: Connection) -> None:
    """So it is when a run in batches dies half-way: the ledger does not say that the night is done."""
    after_an_outage(set_up(conn))
    conn.execute("select mentorcert_private.run_nightly(%s, 3)", (utc(2024, 3, 5, 12),))
    assert [finished for *_, finished in ledger(conn)] == [True, False, False, False, False]
    assert fetch(conn, "select mentorcert_private.next_nightly_at(%s)", utc(2024, 3, 5, 13)) == utc(
        2024, 3, 5, 13
    )
    nightly.run(conn, utc(2024, 3, 5, 12))
    assert ledger(conn) == CAUGHT_UP


def test_what_ended_before_the_ledger_is_the_first_days_work(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify_many(5, last_day=date(2021, 1, 1))
    nightly.run(conn, utc(2024, 3, 1, 12))
    assert ledger(conn) == [("demo", date(2024, 3, 1), False, 5, 0, None, True)]


def test_a_failure_stands_in_the_ledger_until_a_good_run(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify_many(3, last_day=date(2024, 5, 31))
    nightly.run(conn, utc(2024, 5, 31, 12))
    conn.execute(FAIL.encode())
    with pytest.raises(NightlyFailedError, match="ZZ001"):
        nightly.run(conn, utc(2024, 6, 1, 12))
    (good, bad) = ledger(conn)
    assert good == ("demo", date(2024, 5, 31), False, 0, 0, None, True)
    assert bad[:5] == ("demo", date(2024, 6, 1), False, 0, 0)
    assert bad[5].startswith("ZZ001: ")
    assert bad[6] is False
    with pytest.raises(NightlyFailedError, match="ZZ001"):
        nightly.run(conn, utc(2024, 6, 2, 12))
    assert expired_once(conn)
    conn.execute("drop trigger fail on public.peer_mentor_certifications")
    nightly.run(conn, utc(2024, 6, 3, 12))
    assert ledger(conn) == [
        good,
        ("demo", date(2024, 6, 1), True, 3, 0, None, True),
        ("demo", date(2024, 6, 2), True, 0, 0, None, True),
        ("demo", date(2024, 6, 3), False, 0, 0, None, True),
    ]


@on_embedded_18
def test_a_failed_night_ends_the_command_with_1(conn: Connection, mentorcert: Mentorcert) -> None:
    set_up(conn).certify_many(1, last_day=date(2024, 5, 31))
    conn.execute(FAIL.encode())
    failed = mentorcert("nightly")
    assert failed.returncode == 1
    assert "ZZ001" in failed.stderr
    assert [error.startswith("ZZ001") for *_, error, _ in ledger(conn)] == [True]

"""The nightly ledger in the pages."""

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, today
from tests.web.administrator.conftest import HOSTILE, Browser
from tests.web.conftest import cells


def test_the_ledger(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    assert "Today's run is not done." in admin.get("/admin/nightly")
    organisation.certify(organisation.mentor(), issued=today(conn, -400), last_day=today(conn, -1))
    html = admin.get("/admin/nightly")
    assert cells(html)[:2] == ["1", "1"]
    conn.execute("select mentorcert_private.run_nightly()")
    html = admin.get("/admin/nightly")
    assert "Today's run is not done." not in html
    assert "No certification ends tonight." in html
    assert "1" in cells(html)
    assert "Done today" in admin.get("/admin")


def test_missed_and_failed_days(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    conn.execute(
        "insert into mentorcert_private.nights (time_zone, local_day, as_of, started_at, finished_at, caught_up)"
        " values (%s, %s, now(), now(), now(), true)",
        (organisation.time_zone, today(conn, -1)),
    )
    conn.execute(
        "insert into mentorcert_private.nights (time_zone, local_day, as_of, started_at, error)"
        " values (%s, %s, now(), now(), %s)",
        (organisation.time_zone, today(conn), HOSTILE),
    )
    html = admin.get("/admin/nightly")
    assert "Caught up" in html
    assert "Failed" in html
    assert HOSTILE in html


def test_tonight(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    organisation.certify(organisation.mentor("1"), issued=today(conn, -400), last_day=today(conn))
    organisation.certify(organisation.mentor("2"), issued=today(conn, -400), last_day=today(conn, 1))
    html = admin.get("/admin/nightly")
    assert cells(html)[:2] == ["1", "0"]

"""pg_cron does the nightly run where it is installed: one job, however often the migrations are applied."""

from datetime import date
from typing import Any

from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from tests.support.registry import fetch, rows, set_up, status
from tests.support.servers import CRON_DATABASE, Server, on_debian_15_with_cron

JOBS = "select jobname, schedule, command, database, active from cron.job order by jobname"
JOB = ("mentorcert-nightly", "*/15 * * * *", "select mentorcert_private.run_nightly()", CRON_DATABASE, True)
RETENTION = (
    "mentorcert-retention",
    "7,22,37,52 * * * *",
    "select mentorcert_private.delete_outdated()",
    CRON_DATABASE,
    True,
)


def jobs(conn: Connection) -> list[tuple[Any, ...]]:
    """Return what pg_cron is to do."""
    return rows(conn, JOBS)


@on_debian_15_with_cron
def test_the_migrations_schedule_one_job_however_often(server: Server) -> None:
    with server.new_database(name=CRON_DATABASE) as url, connect(url, autocommit=True) as conn:
        conn.execute("create extension pg_cron")
        list(migrate.migrate(conn, migrate.read()))
        assert jobs(conn) == [JOB, RETENTION]
        for migration in migrate.read():
            conn.execute(migration.sql.encode())
        assert jobs(conn) == [JOB, RETENTION]


@on_debian_15_with_cron
def test_where_pg_cron_comes_later(cron_database: str) -> None:
    with connect(cron_database, autocommit=True) as conn:
        assert fetch(conn, "select mentorcert_private.schedule_nightly()") is False
        conn.execute("create extension pg_cron")
        for _ in range(2):
            assert fetch(conn, "select mentorcert_private.schedule_nightly()") is True
            assert jobs(conn) == [JOB]
        assert fetch(conn, "select mentorcert_private.schedule_retention()") is True
        assert jobs(conn) == [JOB, RETENTION]


@on_debian_15_with_cron
def test_what_the_job_does_is_the_nightly_run(cron_database: str) -> None:
    with connect(cron_database, autocommit=True) as conn:
        conn.execute("create extension pg_cron")
        conn.execute("select mentorcert_private.schedule_nightly()")
        organisation = set_up(conn)
        certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
        conn.execute(fetch(conn, "select command from cron.job").encode())
        assert status(conn, certification) == "expired"
        assert rows(conn, "select expired, error from mentorcert_private.job_runs") == [(1, None)]


def test_without_pg_cron_nothing_is_scheduled(conn: Connection) -> None:
    assert fetch(conn, "select mentorcert_private.schedule_nightly()") is False

"""The product with the least rights: the web's login role acts as users, that of the jobs does the nights."""

from collections.abc import Callable
from datetime import date
from subprocess import CompletedProcess

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, acting_as, connect
from tests.support import command
from tests.support.registry import set_up, status

Run = Callable[..., CompletedProcess[str]]


def test_the_web_acts_as_users(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor())
    with connect(make_conninfo(database, user="mentorcert_web"), autocommit=True) as web:
        with acting_as(web, organisation.admin):
            assert [row.id for row in repository.page(web).rows] == [certification]
            web.execute(
                "select mentorcert_private.log_access('certifications', array[%s::uuid], 'r-1')",
                (organisation.id,),
            )
        with acting_as(web, None, role="anon"):
            assert len(web.execute("select display_name from public.listed_peer_mentors").fetchall()) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting_as(web, None, role="service_role"):
            web.execute("select 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("select full_name from mentorcert.peer_mentors")
    assert conn.execute("select user_id from mentorcert_private.access_log").fetchall() == [
        (organisation.admin,)
    ]


def test_the_jobs_do_the_night(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    jobs = make_conninfo(database, user="mentorcert_jobs")
    done = command.run("nightly", database_url=jobs)
    assert done.returncode == 0, done.stderr
    assert status(conn, certification) == "expired"
    refused = command.run("export", "--organisation", "demo", database_url=jobs)
    assert refused.returncode == 1
    assert "42501" in refused.stderr

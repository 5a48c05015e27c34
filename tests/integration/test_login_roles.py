"""The product with the least rights: what each login role does, and that it can do nothing else."""

from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import CallerUnknownError, from_postgres
from tests.support import command
from tests.support.login_roles import LOGIN_ROLES, SCHEMAS
from tests.support.registry import fetch, set_up, status


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


def test_the_web_stays_who_it_was_until_a_statement_ends(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certifications = [organisation.certify(organisation.mentor(number)) for number in "12"]
    with connect(make_conninfo(database, user="mentorcert_web"), autocommit=True) as web:
        for setting in ("role", "request.jwt.claims"):
            with pytest.raises(psycopg.Error) as caught, acting_as(web, organisation.admin):
                web.execute(
                    "update public.peer_mentor_certifications set status = 'suspended'"
                    ' where mentorcert_private.set_change_context(\'{"note": "x"}\') is null'
                    " returning set_config(%s, %s, true)",
                    (setting, "none" if setting == "role" else ""),
                )
            assert isinstance(from_postgres(caught.value), CallerUnknownError)
        with acting_as(web, None), pytest.raises(psycopg.Error) as caught, web.transaction():
            web.execute("select mentorcert_private.acting_user()")
        assert isinstance(from_postgres(caught.value), CallerUnknownError)
    assert {status(conn, certification) for certification in certifications} == {"active"}


def test_the_jobs_do_the_night(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    done = command.run_forked("nightly", database_url=make_conninfo(database, user="mentorcert_jobs"))
    assert done.returncode == 0, done.stderr
    assert status(conn, certification) == "expired"


def test_a_process_acts_for_no_user(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    with connect(make_conninfo(database, user="mentorcert_receiver"), autocommit=True) as receiver:
        receiver.execute(
            "select set_config('request.jwt.claims', %s, false)", (f'{{"sub": "{organisation.admin}"}}',)
        )
        with pytest.raises(psycopg.Error) as caught:
            receiver.execute(
                "select mentorcert_portal.withdraw_consent(organisation_id, peer_mentor_id) from (values (%s::uuid, %s::uuid))"
                " as mentor (organisation_id, peer_mentor_id)",
                (
                    organisation.id,
                    fetch(conn, "select peer_mentor_id from public.peer_mentor_certifications"),
                ),
            )
    assert isinstance(from_postgres(caught.value), CallerUnknownError)
    assert status(conn, certification) == "active"


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_a_stolen_password_gives_what_is_documented_and_nothing_else(
    role: str, conn: Connection, database: str
) -> None:
    set_up(conn)
    may_read, may_execute = LOGIN_ROLES[role].may_read(), LOGIN_ROLES[role].may_execute()
    readable = set()
    tried = 0
    with connect(make_conninfo(database, user=role), autocommit=True) as thief:
        for name, is_table, columns in conn.execute(
            _TABLES, {"schemas": [*SCHEMAS, *_OF_SUPABASE]}
        ).fetchall():
            for column in columns:
                if _attempt(thief, f"select {column} from {name}") == "done":
                    readable.add(name)
                if is_table:
                    # Of what it may change, no row is within its reach now.
                    expected = {"done"} if f"{name}.{column}" in LOGIN_ROLES[role].changes else _REFUSED
                    assert _attempt(thief, f"update {name} set {column} = null") in expected, (name, column)
            for verb in (
                ("insert into {} default values", "delete from {}", "truncate {}") if is_table else ()
            ):
                assert _attempt(thief, verb.format(name)) in _REFUSED, (verb, name)
            tried += 1
        assert readable - {"supabase_migrations.schema_migrations"} == may_read
        for name, call in conn.execute(_FUNCTIONS, {"schemas": [*SCHEMAS]}).fetchall():
            if name not in may_execute:
                assert _attempt(thief, f"select {call}") in _REFUSED, call
            tried += 1
        for other in ("postgres", "service_role", "anon", "authenticated", *LOGIN_ROLES):
            if other not in {role, *LOGIN_ROLES[role].becomes}:
                assert _attempt(thief, f"set role {other}") in _REFUSED, other
    assert tried > 300


# Not granted; or what nobody can do, as writing a column that PostgreSQL fills.
_REFUSED = {"42501", "428C9"}
_OF_SUPABASE = ("auth", "supabase_migrations")
_TABLES = """
    select format('%%I.%%I', schema.nspname, class.relname), class.relkind in ('r', 'p'),
      array_agg(format('%%I', attribute.attname))
    from pg_catalog.pg_class as class
    join pg_catalog.pg_namespace as schema on schema.oid = class.relnamespace
    join pg_catalog.pg_attribute as attribute
      on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
    where schema.nspname = any(%(schemas)s) and class.relkind in ('r', 'p', 'v', 'm', 'f')
    group by schema.nspname, class.relname, class.relkind
"""
# As a subquery: a call of a strict function with a plain null is never made.
_FUNCTIONS = """
    select format('%%s.%%s', schema.nspname, function.proname),
      format('%%I.%%I(%%s)', schema.nspname, function.proname, (
        select string_agg(format('(select null::%%s)', argument.type::regtype), ', ')
        from unnest(function.proargtypes) as argument (type)
      ))
    from pg_catalog.pg_proc as function
    join pg_catalog.pg_namespace as schema on schema.oid = function.pronamespace
    where schema.nspname = any(%(schemas)s) and function.prokind = 'f'
      and not exists (select from pg_catalog.pg_depend as of where of.objid = function.oid and of.deptype = 'e')
"""


def _attempt(thief: Connection, statement: str) -> str:
    try:
        thief.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate or ""
    return "done"


@pytest.mark.parametrize(
    ("login", "words", "needed"),
    [
        ("mentorcert_jobs", ("export", "--organisation", "demo"), "the owner of the tables, postgres"),
        ("mentorcert_jobs", ("nightly", "--dry-run"), "the owner of the tables, postgres"),
        ("mentorcert_web", ("doctor",), "the owner of the tables, postgres"),
        ("mentorcert_web", ("migrate",), "the owner of the tables, postgres"),
        ("mentorcert_receiver", ("portal", "inbox"), "the owner of the tables, postgres"),
        (
            "mentorcert_portal",
            ("portal", "mode", "demo", "live", "--reason", "x"),
            "the owner of the tables, postgres",
        ),
        ("mentorcert_portal", ("nightly",), "mentorcert_jobs"),
        ("mentorcert_web", ("worker",), "mentorcert_jobs"),
        ("mentorcert_receiver", ("notices", "--status"), "mentorcert_jobs"),
    ],
)
def test_a_command_says_which_role_it_needs(
    login: str, words: tuple[str, ...], needed: str, conn: Connection, database: str
) -> None:
    set_up(conn)
    refused = command.run_forked(*words, database_url=make_conninfo(database, user=login))
    assert refused.returncode == 1, refused.stderr
    assert f"error: This needs {needed}; you are connected as {login}." in refused.stderr
    assert "Login roles" in refused.stderr


@pytest.mark.parametrize(
    ("login", "process", "needed"),
    [
        ("mentorcert_jobs", "worker", "mentorcert_portal"),
        ("mentorcert_portal", "receive", "mentorcert_receiver"),
    ],
)
def test_a_process_of_the_portal_says_which_role_it_needs(
    login: str, process: str, needed: str, database: str, tmp_path: Path
) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(_CONNECTION)
    refused = command.run_forked(
        "portal",
        process,
        "--connection",
        file,
        database_url=make_conninfo(database, user=login),
        CODE="x" * 20,
    )
    assert refused.returncode == 1, refused.stderr
    assert f"error: This needs {needed}; you are connected as {login}." in refused.stderr


_CONNECTION = """
organisation = "demo"
[target]
adapter = "file"
folder = "/srv/handover"
[inbound]
[[inbound.auth]]
method = "code"
value = { secret = "env:CODE", expires = "never" }
[[inbound.rules]]
name = "course completed"
action = "renew"
certification_type = "basic"
entity = "hlf_course"
message = "Update"
columns = { hlf_status = 3 }
mentor = { column = "hlf_number" }
date_column = "hlf_completedon"
"""

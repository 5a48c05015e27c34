"""Plain PostgreSQL gets what Supabase has; what is there already is left as it is."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.db.migrate import migrate, read
from tests.support.processes import DEADLINE_S
from tests.support.servers import DEBIAN_15, EMBEDDED_18, SERVERS, Server


def lay(url: str, folder: Path) -> None:
    with connect(url, autocommit=True) as conn:
        list(migrate(conn, read(folder)))


def test_the_roles_are_those_of_supabase(empty_database: str, tmp_path: Path) -> None:
    lay(empty_database, tmp_path)
    with connect(empty_database) as conn:
        roles = conn.execute(
            "select rolname::text, rolcanlogin, rolbypassrls, rolinherit from pg_catalog.pg_roles"
            " where rolname in ('anon', 'authenticated', 'service_role', 'authenticator') order by rolname"
        ).fetchall()
        assert roles == [
            ("anon", False, False, True),
            ("authenticated", False, False, True),
            ("authenticator", True, False, False),
            ("service_role", False, True, True),
        ]
        granted = conn.execute(
            "select roleid::regrole::text from pg_catalog.pg_auth_members"
            " where member = 'authenticator'::regrole order by 1"
        ).fetchall()
        assert granted == [("anon",), ("authenticated",), ("service_role",)]


def test_claims_are_read_as_supabase_reads_them(empty_database: str, tmp_path: Path) -> None:
    lay(empty_database, tmp_path)
    user, other = uuid4(), uuid4()
    claims = f'{{"sub": "{user}", "role": "authenticated", "email": "kari@example.org"}}'
    query = "select auth.uid(), auth.role(), auth.email(), auth.jwt() ->> 'sub'"
    with connect(empty_database) as conn:
        assert conn.execute(query).fetchone() == (None, None, None, None)
        for empty in ("", "{}"):
            set_local(conn, "request.jwt.claims", empty)
            assert conn.execute(query).fetchone() == (None, None, None, None)
        set_local(conn, "request.jwt.claims", claims)
        assert conn.execute(query).fetchone() == (user, "authenticated", "kari@example.org", str(user))
        set_local(conn, "request.jwt.claim.sub", str(other))
        assert conn.execute("select auth.uid()").fetchone() == (other,)


def set_local(conn: Connection, name: str, value: str) -> None:
    conn.execute("select set_config(%s, %s, true)", (name, value))


def test_a_forgotten_revoke_shows(empty_database: str, tmp_path: Path) -> None:
    lay(empty_database, tmp_path)
    with connect(empty_database) as conn:
        conn.execute("create table public.open_to_all (id int generated always as identity)")
        conn.execute("create function public.run_by_all() returns int language sql as 'select 1'")
        conn.execute("revoke execute on function public.run_by_all() from public")
        rights = conn.execute(
            "select has_table_privilege(role, 'public.open_to_all', 'truncate'),"
            " has_function_privilege(role, 'public.run_by_all()', 'execute'),"
            " has_table_privilege(role, 'auth.users', 'select')"
            " from unnest(array['anon', 'authenticated', 'service_role']) as roles (role)"
        ).fetchall()
        assert rights == [(True, True, False)] * 3


def test_a_schema_auth_that_exists_is_left_alone(empty_database: str, tmp_path: Path) -> None:
    with connect(empty_database, autocommit=True) as conn:
        conn.execute("create schema auth")
        conn.execute("create table auth.users (id uuid primary key)")
    lay(empty_database, tmp_path)
    with connect(empty_database) as conn:
        assert conn.execute(
            "select to_regprocedure('auth.uid()'), to_regclass('auth.users')::text"
        ).fetchone() == (
            None,
            "auth.users",
        )
        defaults = conn.execute("select count(*) from pg_catalog.pg_default_acl").fetchone()
        assert defaults == (0,)


def test_a_role_that_exists_keeps_its_attributes(server: Server, empty_database: str, tmp_path: Path) -> None:
    lay(empty_database, tmp_path)
    server.run("alter role anon connection limit 7")
    try:
        with server.new_database() as second:
            lay(second, tmp_path)
            with connect(second) as conn:
                limit = conn.execute(
                    "select rolconnlimit from pg_catalog.pg_roles where rolname = 'anon'"
                ).fetchone()
        assert limit == (7,)
    finally:
        server.run("alter role anon connection limit -1")


@pytest.mark.parametrize("name", [EMBEDDED_18, DEBIAN_15])
def test_databases_of_one_server_at_once(name: str, tmp_path: Path) -> None:
    """Advisory locks end at the database, roles do not; so it takes a server without any."""
    with SERVERS[name]() as fresh, ExitStack() as databases:
        urls = [databases.enter_context(fresh.new_database()) for _ in range(8)]
        together = Barrier(len(urls), timeout=DEADLINE_S)

        def lay_together(url: str) -> None:
            together.wait()
            lay(url, tmp_path)

        with ThreadPoolExecutor(len(urls)) as threads:
            list(threads.map(lay_together, urls))
        with connect(urls[0]) as conn:
            granted = conn.execute(
                "select count(*) from pg_catalog.pg_auth_members where member = 'authenticator'::regrole"
            ).fetchone()
        assert granted == (3,)

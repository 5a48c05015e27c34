"""As Supabase's own `postgres`, no superuser and with its default privileges, the registry is migrated, tested and in order."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db import migrate
from mentorcert.db.connection import connect
from mentorcert.operations import doctor
from tests.support import pgtap
from tests.support.command import run_forked
from tests.support.servers import DEBIAN_15, EMBEDDED_18, SERVERS, Server

OWNER = "supabase_postgres"
# What Supabase's image gives its `postgres`; on 16 and later also the right to pass the clients' roles on. Its extension
# supautils lets `postgres` set the last one.
_ROLE = f"create role {OWNER} login createdb createrole replication bypassrls"
_RIGHTS = f"""
grant all on schema auth to {OWNER};
grant all on all tables in schema auth to {OWNER};
grant all on all routines in schema auth to {OWNER};
alter default privileges for role {OWNER} in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on sequences to anon, authenticated, service_role;
grant set on parameter session_replication_role to {OWNER};
"""
# About access and what the catalogue grants: what another owner and other default privileges could change.
_TAP = [file for file in pgtap.FILES if file.startswith(("access_", "catalogue_"))] + [
    "fixture.test.sql",
    "handed_out.test.sql",
    "history_appended.test.sql",
    "public_list.test.sql",
    "two_organisations.test.sql",
]


@contextmanager
def supabase(server: Server) -> Iterator[str]:
    """Lend a database as Supabase has it, as its owner; takes a server without any of our roles."""
    server.run(_ROLE)
    with server.new_database() as url:
        with connect(url, autocommit=True) as conn:
            migrate.lay_supabase(conn)
            conn.execute(
                f"do $$ begin execute format('alter database %I owner to {OWNER}', current_database()); end $$".encode()
            )
            conn.execute(_RIGHTS.encode())
            admin = "with admin option" if conn.info.server_version >= 160_000 else ""
            conn.execute(f"grant anon, authenticated, service_role to {OWNER} {admin}".encode())
        yield make_conninfo(url, user=OWNER)


@pgtap.needs_pgtap
@pytest.mark.parametrize("name", [EMBEDDED_18, DEBIAN_15])
def test_all_of_it(name: str) -> None:
    with SERVERS[name]() as server, supabase(server) as url:
        done = run_forked("migrate", "--harden-database", database_url=url)
        assert done.returncode == 0, done.stderr
        with connect(url, autocommit=True) as conn:
            assert conn.execute("show is_superuser").fetchone() == ("off",)
            assert [finding for finding in doctor.examine(conn) if finding.state != "ok"] == []
        audited = run_forked("audit", "isolation", database_url=url)
        assert audited.returncode == 0, audited.stdout
        pgtap.install(server, make_conninfo(url, user="postgres"))
        with connect(make_conninfo(url, user="postgres"), autocommit=True) as conn:
            conn.execute("grant usage on schema extensions to public")
            conn.execute("grant execute on all functions in schema extensions to public")
            conn.execute("grant all on all tables in schema extensions to public")
        failed = [
            (file, tap.stdout + tap.stderr)
            for file in _TAP
            if (tap := pgtap.prove(server, url, file)).returncode
        ]
        assert failed == [], failed[0][1]

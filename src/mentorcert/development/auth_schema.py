"""The schema `auth` of Supabase Lite, and what the role has under which Lite connects."""

from typing import Final

from psycopg import sql

from mentorcert.db import migrate
from mentorcert.db.connection import Connection
from mentorcert.development.lite import AuthSchema

OURS: Final = ("mentorcert", "mentorcert_private", "mentorcert_portal")


def lay(conn: Connection, schema: AuthSchema) -> None:
    """Lay it before the migrations, owned by the role `lite`; where there is a schema `auth`, it is kept.

    At its first request Lite grants `anon` and `authenticated` all rights on all tables. As a role that
    owns no table of ours it has none to give: like PostgREST, it can only become one of the clients' roles.
    """
    with conn.transaction():
        migrate.lay_roles(conn)
        if conn.execute("select from pg_catalog.pg_roles where rolname = 'lite'").fetchone() is None:
            conn.execute("create role lite login noinherit in role anon, authenticated, service_role")
        conn.execute(sql.SQL("grant create on database {} to lite").format(sql.Identifier(conn.info.dbname)))
        if conn.execute("select from pg_catalog.pg_namespace where nspname = 'auth'").fetchone() is None:
            conn.execute("create schema auth authorization lite")
            conn.execute("grant usage on schema auth to anon, authenticated, service_role")
            conn.execute("set local role lite")
            conn.execute(f"{schema.tables}; {schema.functions}".encode())


def let_in(conn: Connection, schemas: tuple[str, ...] = OURS) -> None:
    """Give Lite one right on each table and schema: without any, its grants are errors and not warnings."""
    for schema in ("public", *schemas):
        name = sql.Identifier(schema)
        conn.execute(sql.SQL("grant usage on schema {} to lite").format(name))
        conn.execute(sql.SQL("grant references on all tables in schema {} to lite").format(name))
        conn.execute(sql.SQL("grant usage on all sequences in schema {} to lite").format(name))

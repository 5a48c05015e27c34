"""A registry that is restored from a backup: its rows of a moment before are put back, past all triggers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mentorcert.db.connection import Connection
from tests.support.registry import fetch

_TABLES: Final = (
    "mentorcert.peer_mentors",
    "mentorcert.listing_consents",
    "public.peer_mentor_certifications",
    "public.listed_peer_mentors",
    "mentorcert_private.erased_identities",
    "mentorcert_private.notices",
    "mentorcert_portal.states",
)

_COLUMNS: Final = """
select string_agg(quote_ident(attname), ', ' order by attnum) from pg_catalog.pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''
"""


def back_up(conn: Connection, *more: str) -> None:
    """Keep what the tables hold now."""
    conn.execute("drop schema if exists backup cascade")
    conn.execute("create schema backup")
    for table in (*_TABLES, *more):
        conn.execute(f"create table {_kept(table)} as select * from {table}".encode())


def restore(conn: Connection, *more: str) -> None:
    """Put back what was kept, in one transaction; what was written since is lost."""
    with _past_triggers(conn):
        for table in (*_TABLES, *more):
            conn.execute(f"delete from {table}".encode())
            columns = fetch(conn, _COLUMNS, table)
            conn.execute(f"insert into {table} ({columns}) select {columns} from {_kept(table)}".encode())


def _kept(table: str) -> str:
    return f"backup.{table.replace('.', '_')}"


@contextmanager
def _past_triggers(conn: Connection) -> Iterator[None]:
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute(f"lock table {', '.join(_TABLES)} in exclusive mode".encode())
        yield

"""A project that existed before the registry: what it is laid with, and what the catalogue says of it."""

from pathlib import Path
from typing import Final

from mentorcert.db.connection import Connection

SQL: Final = Path(__file__).with_suffix(".sql")
ALFA: Final = "00000000-0000-4000-8000-00000000000a"

_FINGERPRINT: Final = Path(__file__).with_name("fingerprint.sql")


def lay(conn: Connection) -> None:
    """Lay the project into a database that has what Supabase has."""
    conn.execute(SQL.read_bytes())


def fingerprint(conn: Connection) -> dict[str, str]:
    """Return what the catalogue says of everything outside of our schemas, by object."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = ''")
        return dict(conn.execute(_FINGERPRINT.read_bytes()).fetchall())

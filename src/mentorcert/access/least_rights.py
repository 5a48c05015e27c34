"""Refuses a connection that may read past row-level security."""

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import PrivilegedConnectionError

_QUERIES = rows.beside(__file__)


def require(conn: Connection) -> None:
    """Raise PrivilegedConnectionError where the connection, or a role that it may take, is privileged."""
    if rows.fetch_one(conn, bool, _QUERIES.is_privileged):
        raise PrivilegedConnectionError(
            hint="Let DATABASE_URL connect as mentorcert_web: docs/operations.md, Login roles."
        )

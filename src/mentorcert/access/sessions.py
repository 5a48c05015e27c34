"""Begins and ends sessions: what was offered to the person is taken, and no token of one that was ended is accepted."""

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


def begin(conn: Connection) -> int:
    """Begin the session as whose token the connection acts: accept what its address was invited to; return how many.

    Only the confirmed address of the login counts. What can't be given is left open, and its administrators see why.
    """
    return rows.fetch_one(conn, int, _QUERIES.begin)


def end(conn: Connection) -> None:
    """End the session as whose token the connection acts; from then on it raises EndedSessionError."""
    rows.execute(conn, _QUERIES.end)

"""Counts attempts to sign in or to guess, for all processes together; the connection is one of the pages."""

from collections.abc import Mapping

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


def count(conn: Connection, limits: Mapping[bytes, int]) -> bool:
    """Count one attempt by each key of 32 bytes; return whether all were below their limits in five minutes.

    What comes after a key with too many is not counted.
    """
    return rows.fetch_one(conn, bool, _QUERIES.count_attempt, keys=list(limits), limits=list(limits.values()))

"""Settings of one transaction."""

from typing import Final

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_ALLOW_LOST_COMMIT: Final = "set local synchronous_commit = off"
_RAISE_STATEMENT_TIMEOUT: Final = "set local statement_timeout = '5min'"


def allow_lost_commit(conn: Connection) -> None:
    """Commit without waiting for the disk: a crash of the server may lose the transaction."""
    rows.send(conn, _ALLOW_LOST_COMMIT)


def raise_statement_timeout(conn: Connection) -> None:
    """Give a change of thousands of rows more time than a page has."""
    rows.send(conn, _RAISE_STATEMENT_TIMEOUT)

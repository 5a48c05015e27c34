"""Whether the database is one that a process can work with: migrated, no standby, and open to changes."""

from typing import Literal

from mentorcert.db import migrate, rows
from mentorcert.db.connection import Connection

Trouble = Literal["not_migrated", "in_recovery", "read_only"]

_QUERIES = rows.beside(__file__)


def troubles(conn: Connection, versions: list[str]) -> list[Trouble]:
    """Return what is wrong; `versions` are the migrations that the process needs. Newer ones do not matter."""
    with rows.mapped_errors():
        missing = migrate.missing_versions(conn, versions)
    in_recovery, is_read_only = rows.fetch_one(conn, tuple[bool, bool], _QUERIES.state)
    found: list[Trouble] = ["not_migrated"] if missing else []
    if in_recovery:
        return [*found, "in_recovery"]
    return [*found, "read_only"] if is_read_only else found

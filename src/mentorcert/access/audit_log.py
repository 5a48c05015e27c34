"""Reads the audit log (who changed what decides over rights and rules) and sets how long logs are kept."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import aiosql
from psycopg.rows import class_row

from mentorcert.db.connection import Connection

Log = Literal["access_log", "audit_log"]
SHORTEST_DAYS: Final = 30
LONGEST_DAYS: Final = 36_500

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: of which row, by whom, from what to what; without an organisation it concerns all."""

    recorded_at: datetime
    organisation: str | None
    table_name: str
    row_id: str
    action: Literal["insert", "update", "delete", "erase"]
    actor: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def entries(
    conn: Connection, organisation_id: UUID | None = None, since: datetime | None = None, *, size: int = 100
) -> list[Entry]:
    """Return the newest entries first: at most `size`, of one organisation or all, since an instant."""
    with conn.cursor(row_factory=class_row(Entry)) as cursor:
        parameters = {"organisation_id": organisation_id, "since": since, "size": size}
        return cursor.execute(_QUERIES.entries.sql, parameters).fetchall()


def retention(conn: Connection) -> dict[str, int]:
    """Return for how many days each log is kept."""
    return dict(_QUERIES.retention(conn))


def set_retention(conn: Connection, log: Log, days: int) -> None:
    """Keep a log for SHORTEST_DAYS to LONGEST_DAYS; the nightly run deletes what is older."""
    _QUERIES.set_retention(conn, log=log, days=days)

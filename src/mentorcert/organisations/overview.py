"""Counts of each organisation: mentors, certifications by status, who expires soon, who is listed."""

from dataclasses import dataclass
from pathlib import Path

import aiosql
from psycopg.rows import class_row

from mentorcert.db.connection import Connection

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Overview:
    """One organisation as of now; the days count from now, each including the ones before."""

    organisation: str
    name: str
    peer_mentors: int
    active: int
    expired: int
    suspended: int
    expiring_in_30_days: int
    expiring_in_60_days: int
    expiring_in_90_days: int
    listed: int


def overview(conn: Connection) -> list[Overview]:
    """Return the counts of every organisation that the connection may see."""
    with conn.cursor(row_factory=class_row(Overview)) as cursor:
        return cursor.execute(_QUERIES.overview.sql).fetchall()

"""Fills an empty registry with as many certifications as are asked for."""

from pathlib import Path
from typing import Final

import aiosql

from bench.measure import Notify, Storage
from mentorcert.db.connection import Connection

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

CERTIFICATIONS_OF_A_MENTOR: Final = 4
# Half of all certifications are due, and from twice as many on about this number.
DUE: Final = 300_000


def fill(conn: Connection, rows: int, notify: Notify) -> Storage:
    """Insert `rows` certifications and what they need, past the triggers; return what they take on disk.

    `conn` is a superuser's, in autocommit.
    """
    mentors = rows // CERTIFICATIONS_OF_A_MENTOR
    notify(f"filling in {rows:,} certifications")
    _QUERIES.lift_timeout(conn)
    _QUERIES.lift_triggers(conn)
    _QUERIES.insert_organisations(conn)
    _QUERIES.insert_chapters(conn)
    _QUERIES.insert_types(conn)
    _QUERIES.insert_peer_mentors(conn, mentors=mentors)
    _QUERIES.insert_chapters_of_peer_mentors(conn)
    _QUERIES.insert_certifications(conn, mentors=mentors, spread=max(rows // (2 * DUE), 1))
    _QUERIES.insert_listing(conn)
    _QUERIES.insert_memberships(conn)
    _QUERIES.restore_triggers(conn)
    settle(conn)
    return Storage(rows, *_QUERIES.storage(conn))


def settle(conn: Connection) -> None:
    """Leave no work from what was done before to what is timed next: vacuum, analyze, checkpoint."""
    _QUERIES.vacuum(conn)
    _QUERIES.checkpoint(conn)

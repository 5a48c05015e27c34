"""Long work on histories, in batches: the lift to the current version and the move to the events table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiosql

from mentorcert.db.connection import Connection
from mentorcert.progress import Progress, silent

BATCH: Final = 2_000

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def outdated(conn: Connection) -> int:
    """Return how many certifications have entries of another version than the current one."""
    count: int = _QUERIES.outdated(conn)
    return count


def size(conn: Connection) -> tuple[str, int, int]:
    """Return where histories are kept (`jsonb` or `events`), the number of certifications and of entries."""
    mode, certifications, entries = _QUERIES.size(conn)
    return mode, certifications, entries


def upgrade(conn: Connection, *, batch_size: int = BATCH, progress: Progress = silent) -> int:
    """Lift every history to the current version; return how many were lifted.

    Needs an autocommit connection and commits each batch: interrupted, it goes on where it is called again.
    """
    return _in_batches(conn, _QUERIES.upgrade, "lift", batch_size, progress)


def move_to_events(conn: Connection, *, batch_size: int = BATCH, progress: Progress = silent) -> int:
    """Make the events table the home of every history; return how many entries were copied now.

    Copies and verifies in batches, switches once all is verified, then leaves the newest 50 entries in each
    certification. Needs an autocommit connection; interrupted anywhere, it goes on where it is called again.
    """
    copied = 0
    if size(conn)[0] == "jsonb":
        copied = _in_batches(conn, _QUERIES.copy_to_events, "copy and verify", batch_size, progress)
        with conn.transaction():
            _QUERIES.switch_to_events(conn)
    _in_batches(conn, _QUERIES.trim, "leave the newest 50", batch_size, progress)
    return copied


def _in_batches(
    conn: Connection, work: Callable[..., Any], step: str, batch_size: int, progress: Progress
) -> int:
    total: int = _QUERIES.certifications(conn)
    looked_at: int = 0
    changed: int = 0
    last = None
    progress(step, 0, total)
    while True:
        last, looked_at_now, changed_now = work(conn, after_id=last, batch_size=batch_size)
        looked_at += looked_at_now
        changed += changed_now
        progress(step, looked_at, max(total, looked_at))
        if last is None:
            return changed

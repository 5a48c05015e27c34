"""Long work on histories, in batches: the lift to the current version and the move to the events table."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.progress import Progress, silent

BATCH: Final = 2_000

_QUERIES = rows.beside(__file__)


def outdated(conn: Connection) -> int:
    """Return how many certifications have entries of another version than the current one."""
    return rows.fetch_one(conn, int, _QUERIES.outdated)


def size(conn: Connection) -> tuple[str, int, int]:
    """Return where histories are kept (`jsonb` or `events`), the number of certifications and of entries."""
    return rows.fetch_one(conn, tuple[str, int, int], _QUERIES.size)


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
            rows.execute(conn, _QUERIES.switch_to_events)
    _in_batches(conn, _QUERIES.trim, "leave the newest 50", batch_size, progress)
    return copied


@dataclass(frozen=True, slots=True)
class _Batch:
    last_id: UUID | None
    looked_at: int
    changed: int


def _in_batches(conn: Connection, query: str, step: str, batch_size: int, progress: Progress) -> int:
    total = rows.fetch_one(conn, int, _QUERIES.certifications)
    looked_at = changed = 0
    last_id = None
    progress(step, 0, total)
    while True:
        batch = rows.fetch_one(conn, _Batch, query, after_id=last_id, batch_size=batch_size)
        last_id = batch.last_id
        looked_at += batch.looked_at
        changed += batch.changed
        progress(step, looked_at, max(total, looked_at))
        if last_id is None:
            return changed

"""Deletes what mentorcert_private.log_retention no longer keeps, in batches."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from mentorcert import logs, loops
from mentorcert.db import rows
from mentorcert.db.connection import Connection

EVERY_S: Final = 3600.0

_BATCH: Final = 5000
_QUERIES: Final = rows.beside(__file__)


def run(conn: Connection, *, batch_size: int = _BATCH) -> dict[str, int]:
    """Delete batch after batch, each in a transaction of its own, until nothing is left; return how much by log.

    Needs an autocommit connection.
    """
    total: Counter[str] = Counter()
    while True:
        with rows.mapped_errors(), conn.transaction():
            deleted = rows.fetch_all(conn, tuple[str, int], _QUERIES.delete_outdated, batch_size=batch_size)
        for log, number in deleted:
            total[log] += number
        if all(number < batch_size for _, number in deleted):
            break
    done = {log: number for log, number in total.items() if number}
    if done:
        logs.event("retention_done", deleted=sum(done.values()), logs=", ".join(sorted(done)))
    return done


def run_forever(connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Delete what is outdated every hour, until `stop` is set; a failure is logged and tried again."""

    def work() -> float:
        with connect() as conn:
            run(conn)
        return EVERY_S

    loops.run_forever(work, stop, failed="retention_waits", retry_s=EVERY_S)

"""Whether requests can be answered now, and why not."""

import logging
import threading
from time import monotonic
from typing import Final

from anyio import CapacityLimiter, move_on_after, to_thread
from psycopg_pool import ConnectionPool, PoolTimeout

from mentorcert import logs
from mentorcert.db import migrate, readiness
from mentorcert.db.pipeline import PipelineConnection
from mentorcert.errors import DatabaseUnreachableError, MentorcertError

CACHE_S: Final = 1.0
_LONGEST_S: Final = 3.0
_POOL_S: Final = 2.0
_AWAY: Final[tuple[str, ...]] = ("database_unreachable",)


class Readiness:
    """Asks the database at most once a second, in a thread of its own: the others may all wait for a silent service."""

    def __init__(self, pool: ConnectionPool[PipelineConnection]) -> None:
        self._pool = pool
        self._versions = migrate.versions()
        self._thread = CapacityLimiter(1)
        self._lock = threading.Lock()
        self._found: tuple[str, ...] = ()
        self._found_at = float("-inf")
        self._logged: tuple[str, ...] = ()
        self.is_draining = False

    async def errors(self, *, is_busy: bool) -> tuple[str, ...]:
        """Return the reasons why not, within three seconds; `is_busy`: all connections are lent out."""
        errors: tuple[str, ...] = ("draining",) if self.is_draining else _AWAY
        if not self.is_draining:
            with move_on_after(_LONGEST_S):
                errors = await to_thread.run_sync(
                    self._read, is_busy, limiter=self._thread, abandon_on_cancel=True
                )
        if errors != self._logged:
            logs.event("readiness_changed", level=logging.WARNING, reason=", ".join(errors) or "ready")
            self._logged = errors
        return errors

    def _read(self, is_busy: bool) -> tuple[str, ...]:
        # An earlier reading may still wait for a database that is silent.
        if not self._lock.acquire(timeout=_POOL_S):
            return _AWAY
        try:
            if monotonic() - self._found_at >= CACHE_S:
                self._found, self._found_at = self._ask(is_busy), monotonic()
            return self._found
        finally:
            self._lock.release()

    def _ask(self, is_busy: bool) -> tuple[str, ...]:
        try:
            with self._pool.connection(_POOL_S) as conn:
                return tuple(readiness.troubles(conn, self._versions))
        except PoolTimeout:
            return ("pool_exhausted",) if is_busy else _AWAY
        except DatabaseUnreachableError:
            return _AWAY
        except MentorcertError:
            return ("database_fails",)

"""Where what is open to all is read: on a standby that is known to be close behind, else on the database itself."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Final

import psycopg
from psycopg_pool import ConnectionPool

from mentorcert import logs
from mentorcert.db.pipeline import PipelineConnection
from mentorcert.errors import MentorcertError
from mentorcert.operations import heartbeat

# A standby that answers does so at once; one that does not is left alone for a while, so that no reader waits for it.
_LONGEST_WAIT_S: Final = 1.0
_PAUSE_S: Final = 5.0


class PublicReads:
    """Lends connections to what is open to all.

    A standby is used where its heartbeat is no older than the bound: what is read after that is no older either. One
    that is further behind, unreachable, or whose clock goes wrong is not used, whatever that costs.
    """

    def __init__(
        self,
        primary: ConnectionPool[PipelineConnection],
        standby: ConnectionPool[PipelineConnection] | None,
        bound_s: float,
    ) -> None:
        """Take both pools; without a standby the first is used."""
        self._primary = primary
        self.standby = standby
        self._bound_s = bound_s
        self._not_before = 0.0
        self._is_used = False

    @contextmanager
    def connection(self) -> Iterator[PipelineConnection]:
        """Lend one; raises psycopg.Error where neither server can be reached."""
        with ExitStack() as stack:
            yield self._close_behind(stack) or stack.enter_context(self._primary.connection())

    def _close_behind(self, stack: ExitStack) -> PipelineConnection | None:
        if self.standby is None or monotonic() < self._not_before:
            return None
        with ExitStack() as lent:
            try:
                conn = lent.enter_context(self.standby.connection(_LONGEST_WAIT_S))
                behind_s = heartbeat.seconds_behind(conn)
            except (psycopg.Error, MentorcertError) as error:
                self._not_before = monotonic() + _PAUSE_S
                self._note(is_used=False, error=error)
                return None
            if behind_s is not None and abs(behind_s) <= self._bound_s:
                stack.enter_context(lent.pop_all())
                self._note(is_used=True, seconds=behind_s)
                return conn
        self._note(is_used=False, seconds=behind_s)
        return None

    def _note(self, *, is_used: bool, seconds: float | None = None, error: Exception | None = None) -> None:
        """Log where it changes; `seconds` is how far behind the standby is, None where there is no heartbeat."""
        if is_used != self._is_used:
            self._is_used = is_used
            if is_used:
                logs.event("standby_read", seconds=seconds)
            else:
                logs.event("standby_not_read", level=logging.WARNING, seconds=seconds, error=error)

"""Says that a task is being worked and how far it has come, and hears when it should be no longer."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import aiosql
import psycopg

from mentorcert import logs, loops
from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError
from mentorcert.imports.tasks.work import Claim

QUERIES: Final = aiosql.from_path(Path(__file__).with_name("runner.sql"), "psycopg")

Reason = Literal["taken away", "stopped"]


class InterruptedTaskError(Exception):
    """The work is to end here, and nothing of it to be kept."""


class Heartbeat:
    """Writes progress and prolongs the lease over a connection of its own, while the work is done on another.

    Where the task was cancelled or is another process's, or `stop` is set, the work is interrupted: its
    statement is cancelled, and `report` raises InterruptedTaskError.
    """

    def __init__(
        self,
        open_connection: Callable[[], Connection],
        working: Connection,
        claim: Claim,
        stop: threading.Event,
        *,
        lease_s: float,
        every_s: float,
    ) -> None:
        self._open, self._working, self._claim, self._stop = open_connection, working, claim, stop
        self._lease_s, self._every_s = lease_s, every_s
        self._reported: tuple[str | None, int, int] = (None, 0, 0)
        self._over = threading.Event()
        self._thread = loops.new_thread(self._run, name="task-heartbeat")
        self._cancel: Callable[[], None] | None = None
        self.reason: Reason | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End; no statement is cancelled any more."""
        self._over.set()
        self._thread.join()

    def report(self, step: str, done: int, total: int) -> None:
        """Take how far the work has come; raises InterruptedTaskError."""
        self._reported = (step, done, total)
        if self.reason is not None:
            raise InterruptedTaskError

    @contextmanager
    def interrupting(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Have `cancel` called, too, where the work is interrupted meanwhile."""
        self._cancel = cancel
        if self.reason is not None:
            cancel()
        try:
            yield
        finally:
            self._cancel = None

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with self._open() as conn:
                    self._prolong_lease(conn)
            except (MentorcertError, psycopg.Error) as error:
                # The work may go on; once the lease has run out, what it did is not kept.
                logs.event("task_heartbeat_failed", level=logging.WARNING, error=error)
                self._over.wait(self._every_s)

    def _prolong_lease(self, conn: Connection) -> None:
        while not self._over.is_set():
            step, done, total = self._reported
            is_held = QUERIES.prolong_lease(
                conn,
                id=self._claim.id,
                lease_token=self._claim.lease_token,
                step=step,
                done=done,
                total=total,
                lease_s=self._lease_s,
            )
            if not is_held:
                self.reason = "taken away"
            elif self._stop.is_set():
                self.reason = "stopped"
            if self.reason is not None:
                if cancel := self._cancel:
                    cancel()
                # The work may be waiting for a lock, or be inside a long statement.
                self._working.cancel_safe()
            self._over.wait(self._every_s)

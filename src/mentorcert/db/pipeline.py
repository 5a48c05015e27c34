"""Connections that wait for the server only where an answer is read, so that a request makes few round trips."""

import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import Rollback, Transaction
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow


class PipelineConnection(psycopg.Connection[TupleRow]):
    """Inside `with conn.pipeline()`, statements are sent at once, also those that begin and end a transaction.

    The first answer that is read brings those of all statements before it; an error of one of them rises there.
    """

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[Transaction]:
        """Begin a transaction or savepoint, as psycopg does, which in a pipeline waits at both ends of it.

        An error of a commit rises at the end of the pipeline, or at `sync`.
        """
        if self._pipeline is None:
            with super().transaction(savepoint_name, force_rollback) as transaction:
                yield transaction
            return
        is_outermost = self.pgconn.transaction_status == TransactionStatus.IDLE
        try:
            with Transaction(self, savepoint_name, force_rollback) as transaction:
                if is_outermost:
                    # With the first answer, libpq learns that a transaction is open; until then none can be nested.
                    self._pipeline._enqueue_sync()
                try:
                    yield transaction
                    if not is_outermost:
                        self._settle()
                except Rollback:
                    raise
                except BaseException:
                    self._recover()
                    raise
        except BaseException:
            # With the next answer, libpq learns that what failed is undone.
            self._pipeline._enqueue_sync()
            raise

    @property
    def is_waiting(self) -> bool:
        """Whether anything was sent that is not answered yet."""
        return self._pipeline is not None and bool(self._pipeline.result_queue)

    def sync(self) -> None:
        """Wait for all that was sent; raises psycopg.Error."""
        if self._pipeline is not None:
            self._pipeline.sync()

    def _settle(self) -> None:
        """Have errors rise where they belong: wait, unless all statements are answered; those of transactions don't fail."""
        if self._pipeline is not None and any(self._pipeline.result_queue):
            self._pipeline.sync()

    def _recover(self) -> None:
        """Let the rollback through: after an error the server skips all that comes before a sync."""
        if self._pipeline is None:
            return
        with suppress(psycopg.Error):
            self._settle()
        # As `sync` does, which also waits.
        self._pipeline._enqueue_sync()

    @property
    def has_input(self) -> bool:
        """Whether the server has sent what was not read yet, as it does when it ends the connection."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))


def sync(conn: psycopg.Connection[TupleRow]) -> None:
    """Wait for all that was sent, also on a connection that waits for each statement."""
    if isinstance(conn, PipelineConnection):
        conn.sync()

"""The worker: serves each connection that has work due, and reports the results."""

import asyncio
import logging
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from mentorcert import logs, loops
from mentorcert.portal.sync.connection_worker import (
    DATABASE_ERRORS,
    BeforeRemovals,
    ConnectionWorker,
    WorkerSettings,
)
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import Connection, Result, StateQueue

LAST_REPORTS: Final = 5
"""Attempts of a stopping worker to report; after that the leases expire, and the states are sent again."""

_GATHER_S: Final = 0.05


class Worker:
    """Any number of workers may run, in any number of processes, independently."""

    def __init__(
        self,
        queue: StateQueue,
        connections: Connections,
        settings: WorkerSettings | None = None,
        before_removals: BeforeRemovals | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._queue, self._connections = queue, connections
        self._settings, self._before_removals = settings or WorkerSettings(), before_removals
        self._started_at = datetime.now(UTC)
        self.misdirected = set[str]()
        """Organisations of which nothing is sent, because their files name another portal."""
        self._results: list[Result] = []
        self._unreported = 0
        self._has_results, self._has_many = asyncio.Event(), asyncio.Event()

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> int:
        """Work until `stop` is set, or once: until nothing is due; return how many rows were processed.

        On `stop` calls in progress are finished, in half a lease at most, and other claims are released.
        """
        finish = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_all(finish))
            tasks.create_task(self._heartbeat(finish))
            try:
                processed = await self._serve(stop, once=once)
            finally:
                finish.set()
                self._has_results.set()
                self._has_many.set()
        with suppress(*DATABASE_ERRORS):
            await self._queue.heartbeat(self.name, self._started_at, stopped=True)
        return processed

    async def _serve(self, stop: asyncio.Event, *, once: bool) -> int:
        workers: dict[UUID, asyncio.Task[int]] = {}
        deferred: set[UUID] = set()
        stopping = asyncio.create_task(stop.wait())
        processed = 0
        while not stop.is_set():
            connections = await self._due()
            self.misdirected.update(self._connections.misdirected(connections))
            wait_s = self._settings.poll_s
            for connection in connections:
                id_ = connection.organisation_id
                if connection.is_due and id_ not in workers and id_ not in deferred:
                    workers[id_] = asyncio.create_task(self._serve_connection(connection, stop))
                elif connection.due_in_s:
                    wait_s = min(wait_s, connection.due_in_s)
            if once and not workers and not self._unreported:
                break
            await asyncio.wait(
                {stopping, *workers.values()}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            # If another worker holds the due rows, or the portal cannot be opened, wait for the next poll.
            deferred = (
                {id_ for id_, worker in workers.items() if worker.done() and not worker.result()}
                if workers
                else set()
            )
            processed += sum(worker.result() for worker in workers.values() if worker.done())
            workers = {id_: worker for id_, worker in workers.items() if not worker.done()}
        stopping.cancel()
        return processed + sum(await asyncio.gather(*workers.values()))

    async def _due(self) -> list[Connection]:
        try:
            return await self._queue.due()
        except DATABASE_ERRORS as error:
            logs.event("portal_worker_waits", level=logging.ERROR, error=error, seconds=self._settings.poll_s)
            return []

    async def _serve_connection(self, connection: Connection, stop: asyncio.Event) -> int:
        worker = ConnectionWorker(
            connection,
            self._queue,
            self._connections,
            self._settings,
            report=self._report,
            stop=stop,
            before_removals=self._before_removals,
        )
        try:
            return await worker.run_until_idle()
        # The boundary between organisations: whatever one of them brings up, the others are served.
        except Exception as error:  # noqa: BLE001
            logs.event(
                "portal_connection_failed",
                level=logging.ERROR,
                error=error,
                organisation=connection.organisation,
            )
            return 0

    def _report(self, result: Result) -> None:
        self._unreported += 1
        self._results.append(result)
        self._has_results.set()
        if len(self._results) >= self._settings.batch:
            self._has_many.set()

    async def _report_all(self, finish: asyncio.Event) -> None:
        tries_left = LAST_REPORTS
        while True:
            await self._has_results.wait()
            # Collected for a moment, many acknowledgements become one statement.
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_S):
                    await self._has_many.wait()
            results, self._results = self._results, []
            if not finish.is_set():
                self._has_results.clear()
                self._has_many.clear()
            again = await self._queue.report(results, self.name) if results else []
            self._unreported -= len(results)
            for result in again:
                self._report(result)
            if finish.is_set():
                tries_left -= 1
                if not self._results or not tries_left:
                    return
            if again:
                await asyncio.sleep(_GATHER_S * 4)

    async def _heartbeat(self, finish: asyncio.Event) -> None:
        # Ended by the event: a task cancelled in the middle of a statement may swallow the cancellation.
        await loops.run_forever_async(
            partial(
                self._queue.heartbeat,
                self.name,
                self._started_at,
                targets=self._connections.fingerprints,
            ),
            finish,
            failed="portal_heartbeat_missed",
            every_s=self._settings.heartbeat_s,
        )

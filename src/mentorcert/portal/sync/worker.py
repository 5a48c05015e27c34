"""The worker: finds the connections with something due, gives each a lane, reports what came of it."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from mentorcert import logs
from mentorcert.errors import MentorcertError
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.model import DesiredState
from mentorcert.portal.sync.connection_worker import DATABASE_ERRORS, ConnectionWorker, WorkerSettings
from mentorcert.portal.sync.state_queue import Connection, Result, StateQueue

LAST_REPORTS: Final = 5
"""How often a stopping worker tries to report; then the leases end by themselves, and all is told again."""

_GATHER_S: Final = 0.05


class Worker:
    """Any number of workers may run, in any number of processes; none needs the others."""

    def __init__(
        self,
        leases: StateQueue,
        *,
        open_portal: Callable[[Connection], Portal],
        rehearse: Callable[[Connection, DesiredState], None],
        pace: WorkerSettings | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._leases, self._pace = leases, pace or WorkerSettings()
        self._open_portal, self._rehearse = open_portal, rehearse
        self._started_at = datetime.now(UTC)
        self._results: list[Result] = []
        self._unreported = 0
        self._has_results, self._has_many = asyncio.Event(), asyncio.Event()

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> int:
        """Work until told to stop, or once: until nothing more is due; return how many rows were dealt with.

        On `stop` what is being sent is finished, in half a lease at most, and the rest is given back.
        """
        finish = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_all(finish))
            tasks.create_task(self._beat(finish))
            try:
                dealt_with = await self._serve(stop, once=once)
            finally:
                finish.set()
                self._has_results.set()
                self._has_many.set()
        with suppress(*DATABASE_ERRORS):
            await self._leases.beat(self.name, self._started_at, stopped=True)
        return dealt_with

    async def _serve(self, stop: asyncio.Event, *, once: bool) -> int:
        lanes: dict[UUID, asyncio.Task[int]] = {}
        tired: set[UUID] = set()
        stopping = asyncio.create_task(stop.wait())
        dealt_with = 0
        while not stop.is_set():
            connections = await self._due()
            wait_s = self._pace.poll_s
            for connection in connections:
                id_ = connection.organisation_id
                if connection.is_due and id_ not in lanes and id_ not in tired:
                    lanes[id_] = asyncio.create_task(self._drain(connection, stop))
                elif connection.due_in_s:
                    wait_s = min(wait_s, connection.due_in_s)
            if once and not lanes and not self._unreported:
                break
            await asyncio.wait(
                {stopping, *lanes.values()}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            # Whose due rows somebody else holds, or whose portal cannot be opened, has to wait for a poll.
            tired = (
                {id_ for id_, lane in lanes.items() if lane.done() and not lane.result()} if lanes else set()
            )
            dealt_with += sum(lane.result() for lane in lanes.values() if lane.done())
            lanes = {id_: lane for id_, lane in lanes.items() if not lane.done()}
        stopping.cancel()
        return dealt_with + sum(await asyncio.gather(*lanes.values()))

    async def _due(self) -> list[Connection]:
        try:
            return await self._leases.due()
        except DATABASE_ERRORS as error:
            logs.event("portal_worker_waits", level=logging.ERROR, error=error, seconds=self._pace.poll_s)
            return []

    async def _drain(self, connection: Connection, stop: asyncio.Event) -> int:
        lane = ConnectionWorker(
            connection,
            self._leases,
            self._pace,
            open_portal=self._open_portal,
            rehearse=self._rehearse,
            report=self._report,
            stop=stop,
        )
        try:
            return await lane.drain()
        except (*DATABASE_ERRORS, MentorcertError) as error:
            logs.event(
                "portal_lane_failed", level=logging.ERROR, error=error, organisation=connection.organisation
            )
            return 0

    def _report(self, result: Result) -> None:
        self._unreported += 1
        self._results.append(result)
        self._has_results.set()
        if len(self._results) >= self._pace.batch:
            self._has_many.set()

    async def _report_all(self, finish: asyncio.Event) -> None:
        tries_left = LAST_REPORTS
        while True:
            await self._has_results.wait()
            # Gathered for a moment, many acknowledgements become one statement.
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_S):
                    await self._has_many.wait()
            results, self._results = self._results, []
            if not finish.is_set():
                self._has_results.clear()
                self._has_many.clear()
            try:
                again = await self._leases.report(results, self.name) if results else []
            except DATABASE_ERRORS as error:
                again = results
                logs.event("portal_report_waits", level=logging.ERROR, error=error, results=len(results))
            self._unreported -= len(results)
            for result in again:
                self._report(result)
            if finish.is_set():
                tries_left -= 1
                if not self._results or not tries_left:
                    return
            if again:
                await asyncio.sleep(_GATHER_S * 4)

    async def _beat(self, finish: asyncio.Event) -> None:
        # Ended by the event: a task that is cancelled in the middle of a statement may swallow that.
        while not finish.is_set():
            try:
                await self._leases.beat(self.name, self._started_at)
            except DATABASE_ERRORS as error:
                logs.event("portal_heartbeat_missed", level=logging.ERROR, error=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.beat_s):
                    await finish.wait()

"""Maintenance by a worker: reads records for the inbox, continues replays, deletes what is outdated."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from psycopg.types.json import Json
from psycopg_pool import AsyncConnectionPool

from mentorcert import logs, loops
from mentorcert.db import rows
from mentorcert.db.connection import AsyncConnection
from mentorcert.errors import LockTimeoutError, PortalError
from mentorcert.portal.adapters.port import Records
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.contract import values
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import Connection

EVERY_S: Final = 30.0

_BATCH: Final = 20
_REPLAYED_AT_ONCE: Final = 500
_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: int
    entity: str | None
    record_id: str | None


class Maintenance:
    """Any number of processes may run it; each message is fetched by one."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], connections: Connections) -> None:
        self._pool, self._connections = pool, connections

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Run every EVERY_S seconds until `stop` is set, or once."""

        async def work() -> None:
            for connection in await self._waiting():
                fetch = partial(self._fetch_of, connection, stop)
                fetching.start(connection.organisation_id, fetch)
            await self.replay(stop)
            await self.delete()

        async with loops.OneAtATime() as fetching:
            await loops.run_forever_async(
                work, stop, failed="portal_maintenance_waits", every_s=EVERY_S, once=once
            )

    async def fetch(self) -> int:
        """Read the records of messages that arrived without contents; return how many were found."""
        stop = asyncio.Event()
        waiting = await self._waiting()
        return sum(await asyncio.gather(*(self._fetch_of(connection, stop) for connection in waiting)))

    async def _waiting(self) -> list[Connection]:
        return await rows.fetch_all_async(
            self._pool, Connection, _QUERIES.connections, organisations=list(self._connections.inbound)
        )

    async def replay(self, stop: asyncio.Event) -> None:
        """Continue the requested replays, batch by batch, until none is left or a row is locked."""
        while not stop.is_set() and (
            waiting := await rows.fetch_all_async(self._pool, UUID, _QUERIES.requested_replay)
        ):
            (id_,) = waiting
            try:
                ((marked, is_finished),) = await rows.fetch_all_async(
                    self._pool, tuple[int, bool], _QUERIES.replay_next, id=id_, size=_REPLAYED_AT_ONCE
                )
            except LockTimeoutError:
                return  # a change has locked a row; the next round continues
            if is_finished:
                logs.event("portal_replay_done", replay_id=str(id_), marked=marked)

    async def delete(self) -> None:
        """Delete what is older than mentorcert_portal.retention allows."""
        while True:
            ((attempts, messages),) = await rows.fetch_all_async(
                self._pool, tuple[int, int], _QUERIES.delete_outdated
            )
            if messages:
                logs.event("portal_messages_lapsed", level=logging.WARNING, messages=messages)
            if not attempts and not messages:
                return

    async def _fetch_of(self, connection: Connection, stop: asyncio.Event) -> int:
        outcomes = list[str]()
        try:
            inbound = self._connections.inbound[connection.organisation]
            portal = self._connections.open(connection)
            try:
                claimed = await rows.fetch_all_async(
                    self._pool,
                    _Waiting,
                    _QUERIES.claim,
                    organisation_id=connection.organisation_id,
                    size=_BATCH,
                )
                for one in claimed:
                    # What is claimed and not read comes back after a pause.
                    if stop.is_set():
                        break
                    outcomes.append(await self._fetch_one(portal, inbound, one))
            finally:
                await portal.aclose()
        # The boundary between organisations, as in the worker.
        except Exception as error:  # noqa: BLE001
            logs.event(
                "portal_fetch_failed",
                level=logging.ERROR,
                error=error,
                organisation=connection.organisation,
            )
            return 0
        for one, outcome in zip(claimed, outcomes, strict=False):
            logs.event(
                "portal_record_fetched",
                organisation=connection.organisation,
                inbox_id=one.id,
                outcome=outcome,
            )
        return outcomes.count("found")

    async def _fetch_one(self, portal: object, inbound: Inbound, waiting: _Waiting) -> str:
        table, columns = inbound.tables.get(waiting.entity or ""), inbound.columns_of(waiting.entity or "")
        record_id = values.uuid(waiting.record_id)
        if not isinstance(portal, Records):
            return await self._note(
                "postpone", waiting, "this portal's records cannot be read through its adapter"
            )
        if table is None or not columns:
            return await self._note(
                "postpone", waiting, "the file names no table, or no rule, of this entity"
            )
        if record_id is None:
            return await self._note("gone", waiting, "the message does not say which record it is about")
        names = {column: table.api_name(column) for column in columns}
        try:
            row = await portal.fetch_record(table.set, record_id, names.values())
        except PortalError as error:
            return await self._note("postpone", waiting, f"the record could not be read: {error.error_class}")
        if row is None:
            return await self._note("gone", waiting, "the portal no longer has the record")
        record = {column: row[name] for column, name in names.items()}
        await rows.fetch_all_async(self._pool, object, _QUERIES.found, id=waiting.id, record=Json(record))
        return "found"

    async def _note(self, query: str, waiting: _Waiting, reason: str) -> str:
        await rows.fetch_all_async(self._pool, object, getattr(_QUERIES, query), id=waiting.id, reason=reason)
        return query

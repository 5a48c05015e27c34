"""What a worker does beside telling: records for the inbox, replays, and the end of what is outdated."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
from psycopg import errors
from psycopg.rows import RowFactory, class_row, tuple_row
from psycopg.types.json import Json
from psycopg_pool import AsyncConnectionPool

from mentorcert import logs
from mentorcert.db.connection import AsyncConnection
from mentorcert.errors import MentorcertError, PortalError
from mentorcert.portal.adapters.port import Records
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.sync.connection_worker import DATABASE_ERRORS
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import Connection

EVERY_S: Final = 30.0

_BATCH: Final = 20
_REPLAYED_AT_ONCE: Final = 500
_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: int
    entity: str | None
    record_id: str | None


class Chores:
    """Any number of processes may do them; each message is read by one."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], connections: Connections) -> None:
        self._pool, self._connections = pool, connections

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Do them every EVERY_S seconds until told to stop, or once."""
        while not stop.is_set():
            try:
                await self.fetch()
                await self.replay(stop)
                await self.delete()
            except DATABASE_ERRORS as error:
                logs.event("portal_chores_wait", level=logging.ERROR, error=error, seconds=EVERY_S)
            if once:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await stop.wait()

    async def fetch(self) -> int:
        """Read the records of messages that came without contents; return how many were found."""
        inbound = self._connections.inbound
        waiting = await self._rows(
            class_row(Connection), _QUERIES.connections.sql, organisations=list(inbound)
        )
        found = 0
        for connection in waiting:
            try:
                found += await self._fetch_of(connection, inbound[connection.organisation])
            except MentorcertError as error:
                logs.event(
                    "portal_fetch_failed",
                    level=logging.ERROR,
                    error=error,
                    organisation=connection.organisation,
                )
        return found

    async def replay(self, stop: asyncio.Event) -> None:
        """Carry out the replays that administrators asked for, batch by batch, as far as it goes now."""
        while not stop.is_set() and (waiting := await self._rows(tuple_row, _QUERIES.requested_replay.sql)):
            ((id_,),) = waiting
            try:
                ((marked, is_finished),) = await self._rows(
                    tuple_row, _QUERIES.replay_next.sql, id=id_, size=_REPLAYED_AT_ONCE
                )
            except errors.LockNotAvailable:
                return  # a change holds one of them; the next round goes on from here
            if is_finished:
                logs.event("portal_replay_done", replay_id=str(id_), marked=marked)

    async def delete(self) -> None:
        """Delete what portal.retention no longer keeps."""
        while True:
            ((attempts, messages),) = await self._rows(tuple_row, _QUERIES.delete_outdated.sql)
            if messages:
                logs.event("portal_messages_lapsed", level=logging.WARNING, messages=messages)
            if not attempts and not messages:
                return

    async def _fetch_of(self, connection: Connection, inbound: Inbound) -> int:
        portal = self._connections.open(connection)
        try:
            claimed: list[_Waiting] = await self._rows(
                class_row(_Waiting),
                _QUERIES.claim.sql,
                organisation_id=connection.organisation_id,
                size=_BATCH,
            )
            outcomes = [await self._fetch_one(portal, inbound, one) for one in claimed]
        finally:
            await portal.aclose()
        for one, outcome in zip(claimed, outcomes, strict=True):
            logs.event(
                "portal_record_fetched",
                organisation=connection.organisation,
                inbox_id=one.id,
                outcome=outcome,
            )
        return outcomes.count("found")

    async def _fetch_one(self, portal: object, inbound: Inbound, of: _Waiting) -> str:
        table, columns = inbound.tables.get(of.entity or ""), inbound.columns_of(of.entity or "")
        record_id = _uuid(of.record_id)
        if not isinstance(portal, Records):
            return await self._note(
                "postpone", of, "this portal's records cannot be read through its adapter"
            )
        if table is None or not columns:
            return await self._note("postpone", of, "the file names no table, or no rule, of this entity")
        if record_id is None:
            return await self._note("gone", of, "the message does not say which record it is about")
        names = {column: table.api_name(column) for column in columns}
        try:
            row = await portal.fetch_record(table.set, record_id, names.values())
        except PortalError as error:
            return await self._note("postpone", of, f"the record could not be read: {error.error_class}")
        if row is None:
            return await self._note("gone", of, "the portal no longer has the record")
        record = {column: row[name] for column, name in names.items()}
        await self._rows(tuple_row, _QUERIES.found.sql, id=of.id, record=Json(record))
        return "found"

    async def _note(self, query: str, of: _Waiting, reason: str) -> str:
        await self._rows(tuple_row, getattr(_QUERIES, query).sql, id=of.id, reason=reason)
        return query

    async def _rows(self, row_factory: RowFactory[Any], query: str, **parameters: Any) -> list[Any]:
        async with self._pool.connection() as conn, conn.cursor(row_factory=row_factory) as cursor:
            await cursor.execute(query.encode(), parameters or None)
            return await cursor.fetchall()


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None

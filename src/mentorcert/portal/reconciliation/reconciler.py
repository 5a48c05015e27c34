"""Reconciliation: reads what a portal shows, compares it with the desired states, and repairs differences."""

import asyncio
import logging
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final
from uuid import UUID

from mentorcert import logs, loops
from mentorcert.errors import (
    CannotReadError,
    MentorcertError,
    PortalUnauthorisedError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.model import PortalRecord
from mentorcert.portal.reconciliation.comparison import Comparison, Comparisons, Kind, Outcome, Run, Scope
from mentorcert.portal.sync.connection_worker import DATABASE_ERRORS
from mentorcert.portal.sync.connections import Connections
from mentorcert.progress import Progress, silent

POLL_S: Final = 30.0
LAG_S: Final = 120.0
"""How far a portal's list may lag behind what it has confirmed."""

_RENEW_S: Final = 30.0
_READ_S: Final = 1800.0
_REPAIR_BATCH: Final = 1000
_NOTED_OF_STOPPED: Final = 1000
_FEW, _MANY, _MANY_OF = 3, 50, 0.05


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of a run: records `read`, peer mentors `compared` and `in_motion`, differences by kind.

    `reason` says why it is not done. The worker sends the `marked` peer mentors again. `differences` are rows
    of mentorcert_portal.drift, without personal data.
    """

    id: int
    organisation: str
    scope: Scope
    is_dry_run: bool
    outcome: Outcome
    reason: str | None
    read: int
    compared: int
    in_motion: int
    drift: dict[Kind, int]
    marked: int
    seconds: float
    differences: list[dict[str, Any]]

    @property
    def is_clean(self) -> bool:
        """Whether the portal shows exactly what it should."""
        return self.outcome == "done" and not any(self.drift.values())


class Reconciler:
    """Any number may run, in any number of processes; each organisation is reconciled by one at a time."""

    def __init__(self, comparisons: Comparisons, connections: Connections, *, lag_s: float = LAG_S) -> None:
        """Make a reconciler that by itself looks again after `lag_s` seconds before it reports a difference."""
        self._comparisons, self._connections, self._lag_s = comparisons, connections, lag_s
        self._worker = f"{socket.gethostname()}-{os.getpid()}"

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Reconcile what is due every POLL_S seconds until `stop` is set, or once; a slow one holds up no other."""
        async with loops.OneAtATime() as tasks:
            await loops.run_forever_async(
                partial(self._start_due, tasks, stop),
                stop,
                failed="portal_reconciliation_waits",
                every_s=POLL_S,
                once=once,
            )

    async def _start_due(self, tasks: loops.OneAtATime, stop: asyncio.Event) -> None:
        for one in await self._comparisons.due():
            if one.organisation in self._connections.organisations:
                tasks.start(
                    one.organisation_id,
                    partial(self._run_one, one.organisation_id, one.organisation, one.scope, stop),
                )

    async def reconcile(
        self,
        organisation_id: UUID,
        scope: Scope,
        *,
        dry_run: bool = False,
        only_due: bool = False,
        stop: asyncio.Event | None = None,
        progress: Progress = silent,
    ) -> Reconciliation | None:
        """Reconcile one organisation; None where another run is active, or with `only_due` none is due.

        Raises DatabaseError and DatabaseUnreachableError; any other error is the outcome, stored and logged.
        """
        began = monotonic()
        run = await self._comparisons.start(
            organisation_id, scope, worker=self._worker, dry_run=dry_run, only_due=only_due
        )
        if run is None:
            return None
        found, marked = Comparison(), 0
        try:
            lag_s = self._lag_s if only_due else 0.0
            found = await self._compare(run, stop or asyncio.Event(), progress, lag_s)
            reason = stop_reason(found)
            outcome: Outcome = "stopped" if reason else "done"
            # An empty list would store every peer mentor as missing, each hour.
            noted = max(_NOTED_OF_STOPPED, found.drift_by_kind["listed_but_expired"])
            await self._comparisons.note(run, found.drift[:noted] if reason else found.drift)
            # A removal is right whatever else differs: a portal that restored its backup shows everybody again.
            marked = await self._repair(run, progress, only_removals=outcome == "stopped")
        except CannotReadError as error:
            outcome, reason = "unverified", str(error)
        except DATABASE_ERRORS:
            raise
        except MentorcertError as error:
            outcome, reason = "failed", str(error)
        # The boundary between organisations, as in the worker.
        except Exception as error:  # noqa: BLE001
            outcome, reason = "failed", f"Unexpected {type(error).__name__}."
        await self._comparisons.finish(run, outcome, reason, found)
        result = Reconciliation(
            run.id, run.organisation, scope, run.is_dry_run, outcome, reason,
            found.read, found.compared, found.in_motion,
            found.drift_by_kind, marked, round(monotonic() - began, 3),
            [difference.row for difference in found.drift],
        )  # fmt: skip
        _log(result)
        return result

    async def _run_one(self, id_: UUID, organisation: str, scope: Scope, stop: asyncio.Event) -> None:
        try:
            await self.reconcile(id_, scope, only_due=True, stop=stop)
        except DATABASE_ERRORS as error:
            logs.event(
                "portal_reconciliation_lost", level=logging.ERROR, error=error, organisation=organisation
            )

    async def _compare(self, run: Run, stop: asyncio.Event, progress: Progress, lag_s: float) -> Comparison:
        portal = self._connections.open(run.connection)
        try:
            first = await self._look(run, portal, stop, progress)
            if not first.drift:
                return first
            # While pages were read, states were sent, and rows moved between pages; and what is read may lag.
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), lag_s)
            again = await self._look(run, portal, stop, progress)
        finally:
            await portal.aclose()
        seen_before = {difference.key for difference in first.drift}
        both = [difference for difference in again.drift if difference.key in seen_before]
        return Comparison(again.read_from, again.read, again.compared, again.expected, again.in_motion, both)

    async def _look(self, run: Run, portal: Portal, stop: asyncio.Event, progress: Progress) -> Comparison:
        read_from = await self._comparisons.renew(run)
        reading = asyncio.create_task(self._read(run, portal, progress))
        stopping = asyncio.create_task(stop.wait())
        try:
            until = monotonic() + _READ_S
            while await _is_unfinished(reading, stopping):
                if stopping.done():
                    raise MentorcertError("Stopped while the portal was read.")
                if monotonic() > until:
                    raise PortalUnexpectedAnswerError("The portal's list was not read in half an hour.")
                await self._comparisons.renew(run)
            return await self._comparisons.compare(run, read_from, reading.result())
        finally:
            stopping.cancel()
            reading.cancel()
            await asyncio.gather(stopping, reading, return_exceptions=True)

    async def _read(self, run: Run, portal: Portal, progress: Progress) -> list[PortalRecord]:
        try:
            return await self._read_all(run, portal, progress)
        except PortalUnauthorisedError:
            await portal.refresh()
            return await self._read_all(run, portal, progress)

    async def _read_all(self, run: Run, portal: Portal, progress: Progress) -> list[PortalRecord]:
        most = max(10_000, 4 * run.peer_mentors)
        records: list[PortalRecord] = []
        async for record in portal.fetch_state():
            records.append(record)
            if len(records) > most:
                raise PortalUnexpectedAnswerError(f"The portal's list does not end after {most} records.")
            if len(records) % 100 == 0:
                progress(run.organisation, len(records), max(run.peer_mentors, len(records)))
        progress(run.organisation, len(records), len(records))
        return records

    async def _repair(self, run: Run, progress: Progress, *, only_removals: bool) -> int:
        """Return how many were marked; the database marks none in a dry run."""
        after, total = 0, 0
        while True:
            last_id, marked = await self._comparisons.repair(
                run, after, _REPAIR_BATCH, only_removals=only_removals
            )
            if last_id is None:
                return total
            after, total = last_id, total + marked
            progress(f"{run.organisation}: sent again", total, total)


async def _is_unfinished(reading: asyncio.Task[list[PortalRecord]], stopping: asyncio.Task[bool]) -> bool:
    """Wait for the reading, a stop, or the time to renew the lease; return whether it is unfinished."""
    await asyncio.wait({reading, stopping}, timeout=_RENEW_S, return_when=asyncio.FIRST_COMPLETED)
    return not reading.done()


def stop_reason(found: Comparison) -> str | None:
    """Return why nothing may be repaired by this comparison; None where it may.

    A list that lacks a few is repaired; one that lacks many is taken for incomplete, and the rest of it was
    not seen.
    """
    absent = sum(difference.kind == "missing" for difference in found.drift)
    differ, of = len(found.drift), max(found.expected, found.read)
    if found.expected and not found.read:
        return f"The portal's list is empty, though it has confirmed {found.expected} peer mentors."
    if absent > min(_MANY, max(_FEW, found.expected * _MANY_OF)):
        return f"The portal's list is incomplete: {absent} of {found.expected} peer mentors are missing."
    if differ > _MANY and differ > of * _MANY_OF:
        return f"Too much differs to be repaired automatically: {differ} of {of}."
    return None


def _log(result: Reconciliation) -> None:
    if result.is_clean:
        level = logging.INFO
    elif result.outcome in {"stopped", "failed"} or result.drift["listed_but_expired"]:
        level = logging.ERROR
    else:
        level = logging.WARNING
    facts: dict[str, logs.Field] = {
        "organisation": result.organisation,
        "scope": result.scope,
        "dry_run": result.is_dry_run,
        "outcome": result.outcome,
        "reason": result.reason,
        "read": result.read,
        "compared": result.compared,
        "in_motion": result.in_motion,
        "marked": result.marked,
        "seconds": result.seconds,
        **{str(kind): number for kind, number in result.drift.items()},
    }
    logs.event("portal_reconciliation", level=level, error=None, **facts)

"""Reconciliation: reads what a portal shows, compares it with what it should, and has it told again."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from uuid import UUID

from mentorcert import logs
from mentorcert.errors import (
    CannotReadError,
    MentorcertError,
    PortalUnauthorisedError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.model import PortalRecord
from mentorcert.portal.reconciliation.comparison import Comparison, Comparisons, Kind, Outcome, Run, Scope
from mentorcert.portal.sync.connection_worker import DATABASE_ERRORS, FAULTS
from mentorcert.portal.sync.connections import Connections

POLL_S: Final = 30.0

_RENEW_S: Final = 30.0
_READ_S: Final = 1800.0
_REPAIR_BATCH: Final = 1000
_NOTED_OF_STOPPED: Final = 1000
_FEW, _MANY, _MANY_OF = 3, 50, 0.05

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of a run: records `read`, peer mentors `compared` and `in_motion`, differences by kind.

    `reason` says why it is not done. `marked` peer mentors are told again by the worker. `differences` are
    the rows of portal.drift, without personal data.
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
        """Whether the portal was found to show just what it should."""
        return self.outcome == "done" and not any(self.drift.values())


class Reconciler:
    """Any number may run, in any number of processes; each organisation is reconciled by one at a time."""

    def __init__(self, comparisons: Comparisons, connections: Connections) -> None:
        self._comparisons, self._connections = comparisons, connections
        self._worker = f"{socket.gethostname()}-{os.getpid()}"

    async def keep(self, stop: asyncio.Event, *, poll_s: float = POLL_S) -> None:
        """Reconcile whatever is due, until told to stop; nothing that goes wrong ends it."""
        while not stop.is_set():
            await self.run_due(stop)
            with suppress(TimeoutError):
                async with asyncio.timeout(poll_s):
                    await stop.wait()

    async def run_due(self, stop: asyncio.Event) -> None:
        """Reconcile what is due now, of the organisations whose connections are known here."""
        try:
            due = await self._comparisons.due()
        except DATABASE_ERRORS as error:
            logs.event("portal_reconciliation_waits", level=logging.ERROR, error=error)
            return
        known = [one for one in due if one.organisation in self._connections.organisations]
        await asyncio.gather(
            *(self._run_one(one.organisation_id, one.organisation, one.scope, stop) for one in known)
        )

    async def reconcile(
        self,
        organisation_id: UUID,
        scope: Scope,
        *,
        dry_run: bool = False,
        only_due: bool = False,
        stop: asyncio.Event | None = None,
        tell: Tell = lambda _step, _done, _total: None,
    ) -> Reconciliation | None:
        """Reconcile one organisation; None where another does just now, or with `only_due` none is due.

        Raises psycopg.Error; whatever else goes wrong is the outcome, kept and logged.
        """
        began = monotonic()
        run = await self._comparisons.start(
            organisation_id, scope, worker=self._worker, dry_run=dry_run, only_due=only_due
        )
        if run is None:
            return None
        found, marked = Comparison(), 0
        try:
            found = await self._compare(run, stop or asyncio.Event(), tell)
            reason = stop_reason(found)
            outcome: Outcome = "stopped" if reason else "done"
            # Of an empty list everybody is missing, each hour.
            await self._comparisons.note(run, found.drift[:_NOTED_OF_STOPPED] if reason else found.drift)
            if outcome == "done":
                marked = await self._repair(run, tell)
        except CannotReadError as error:
            outcome, reason = "unverified", str(error)
        except MentorcertError as error:
            outcome, reason = "failed", str(error)
        except FAULTS as error:
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

    async def _compare(self, run: Run, stop: asyncio.Event, tell: Tell) -> Comparison:
        portal = self._connections.open(run.connection)
        try:
            first = await self._look(run, portal, stop, tell)
            if not first.drift:
                return first
            # While pages were read, the portal was told other things, and rows moved from page to page.
            again = await self._look(run, portal, stop, tell)
        finally:
            await portal.aclose()
        seen_before = {difference.key for difference in first.drift}
        both = [difference for difference in again.drift if difference.key in seen_before]
        return Comparison(again.read_from, again.read, again.compared, again.expected, again.in_motion, both)

    async def _look(self, run: Run, portal: Portal, stop: asyncio.Event, tell: Tell) -> Comparison:
        read_from = await self._comparisons.renew(run)
        reading = asyncio.create_task(self._read(run, portal, tell))
        stopping = asyncio.create_task(stop.wait())
        try:
            until = monotonic() + _READ_S
            while await _is_unfinished(reading, stopping):
                if stopping.done():
                    raise MentorcertError("It was stopped while the portal was read.")
                if monotonic() > until:
                    raise PortalUnexpectedAnswerError("The portal's list was not read in half an hour.")
                await self._comparisons.renew(run)
            return await self._comparisons.compare(run, read_from, reading.result())
        finally:
            stopping.cancel()
            reading.cancel()
            await asyncio.gather(stopping, reading, return_exceptions=True)

    async def _read(self, run: Run, portal: Portal, tell: Tell) -> list[PortalRecord]:
        try:
            return await self._read_all(run, portal, tell)
        except PortalUnauthorisedError:
            await portal.refresh()
            return await self._read_all(run, portal, tell)

    async def _read_all(self, run: Run, portal: Portal, tell: Tell) -> list[PortalRecord]:
        most = max(10_000, 4 * run.peer_mentors)
        records: list[PortalRecord] = []
        async for record in portal.fetch_state():
            records.append(record)
            if len(records) > most:
                raise PortalUnexpectedAnswerError(f"The portal's list does not end after {most} records.")
            if len(records) % 100 == 0:
                tell(run.organisation, len(records), max(run.peer_mentors, len(records)))
        tell(run.organisation, len(records), len(records))
        return records

    async def _repair(self, run: Run, tell: Tell) -> int:
        """Return how many are told again; of a dry run the database lets none be."""
        after, total = 0, 0
        while True:
            last_id, marked = await self._comparisons.repair(run, after, _REPAIR_BATCH)
            if last_id is None:
                return total
            after, total = last_id, total + marked
            tell(f"{run.organisation}: told again", total, total)


async def _is_unfinished(reading: asyncio.Task[list[PortalRecord]], stopping: asyncio.Task[bool]) -> bool:
    """Wait until it is done, stopped, or time to say that the run lives."""
    await asyncio.wait({reading, stopping}, timeout=_RENEW_S, return_when=asyncio.FIRST_COMPLETED)
    return not reading.done()


def stop_reason(found: Comparison) -> str | None:
    """Say why nothing must be repaired on the strength of this comparison; None where it may be.

    A list that lacks somebody is repaired; one that lacks many is taken for a part, since then whoever is on
    the rest of it has not been seen.
    """
    absent = sum(difference.kind == "missing" for difference in found.drift)
    differ, of = len(found.drift), max(found.expected, found.read)
    if found.expected and not found.read:
        return f"The portal's list is empty, though it has confirmed {found.expected} peer mentors."
    if absent > min(_MANY, max(_FEW, found.expected * _MANY_OF)):
        return f"The portal's list is not whole: {absent} of {found.expected} peer mentors are missing."
    if differ > _MANY and differ > of * _MANY_OF:
        return f"Too much differs to be repaired unseen: {differ} of {of}."
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

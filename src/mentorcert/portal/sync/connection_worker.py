"""One organisation's lane: claims what is due and tells the portal, several at once, until nothing is due."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, cast

import psycopg
from psycopg_pool import PoolTimeout

from mentorcert import logs
from mentorcert.errors import MentorcertError, PortalError, PortalUnauthorisedError
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.model import DesiredState
from mentorcert.portal.sync.state_queue import (
    SEND_NOTHING,
    Claim,
    Connection,
    Outcome,
    Result,
    SendPolicy,
    StateQueue,
)

_OUTCOMES: Final = frozenset(
    {"unavailable", "unauthorised", "rejected", "unexpected_answer", "message_invalid"}
)

# What a fault of ours looks like; it must not stop the others' lane.
FAULTS: Final = (
    MentorcertError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

DATABASE_ERRORS: Final = (psycopg.Error, PoolTimeout)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker goes about its work.

    `batch` rows are claimed at a time under a lease of `lease_s`; `concurrency` are told at once, each begun
    in the first half of the lease and ended in the second. The mode is read again before each is sent, unless
    it was read `mode_age_s` before. `poll_s` is the longest wait for something to do.
    """

    batch: int = 64
    concurrency: int = 8
    lease_s: float = 60.0
    mode_age_s: float = 0.5
    poll_s: float = 1.0
    beat_s: float = 10.0


class ConnectionWorker:
    """Serves one connection; `report` takes each result and returns at once."""

    def __init__(
        self,
        connection: Connection,
        leases: StateQueue,
        pace: WorkerSettings,
        *,
        open_portal: Callable[[Connection], Portal],
        rehearse: Callable[[Connection, DesiredState], None],
        report: Callable[[Result], None],
        stop: asyncio.Event,
    ) -> None:
        self._connection, self._leases, self._pace = connection, leases, pace
        self._open_portal, self._rehearse, self._report, self._stop = open_portal, rehearse, report, stop
        self._is_shut = False
        self._gate, self._gate_read_at, self._gate_lock = SEND_NOTHING, float("-inf"), asyncio.Lock()

    async def drain(self) -> int:
        """Work until nothing is due, or until stopped; return how many rows were dealt with.

        Raises what opening the portal raises, before anything is claimed.
        """
        if self._connection.is_reviving:
            while await self._leases.revive(self._connection.organisation_id):
                pass
        # In shadow there is no portal at hand that something could be sent to.
        portal = None if self._connection.mode == "shadow" else self._open_portal(self._connection)
        queue: asyncio.Queue[tuple[Claim, float] | None] = asyncio.Queue(self._pace.concurrency)
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._pace.concurrency):
                    tasks.create_task(self._send_all(queue, portal))
                return await self._claim_all(queue)
        finally:
            if portal is not None:
                await portal.aclose()

    async def _claim_all(self, queue: asyncio.Queue[tuple[Claim, float] | None]) -> int:
        dealt_with = 0
        try:
            while not self._is_shut and not self._stop.is_set():
                claimed_at = monotonic()
                claims, settled = await self._leases.claim(
                    self._connection, self._pace.batch, self._pace.lease_s
                )
                dealt_with += len(claims) + settled
                for claim in claims:
                    await queue.put((claim, claimed_at))
                if not claims and not settled:
                    break
        except DATABASE_ERRORS as error:
            # What has been claimed is told all the same.
            logs.event(
                "portal_claim_failed",
                level=logging.ERROR,
                error=error,
                organisation=self._connection.organisation,
            )
        finally:
            for _ in range(self._pace.concurrency):
                await queue.put(None)
        return dealt_with

    async def _send_all(
        self, queue: asyncio.Queue[tuple[Claim, float] | None], portal: Portal | None
    ) -> None:
        while (taken := await queue.get()) is not None:
            claim, claimed_at = taken
            result = await self._deal_with(claim, claimed_at, portal)
            self._log(result)
            self._report(result)

    async def _deal_with(self, claim: Claim, claimed_at: float, portal: Portal | None) -> Result:
        fits = (portal is None) == (claim.mode == "shadow")
        gate = await self._mode_now()
        # Looked at after the mode, which may have been waited for.
        in_time = monotonic() - claimed_at < self._pace.lease_s / 2
        if self._stop.is_set() or not in_time or not fits or not gate.lets(claim):
            # Whatever the cause, look at the connection anew before anything is claimed again.
            self._is_shut = True
            return Result(claim, "released")
        try:
            if portal is not None:
                async with asyncio.timeout(self._pace.lease_s / 2):
                    return await _tell(portal, claim)
            self._rehearse(self._connection, claim.state)
            return Result(claim, "shadowed")
        except TimeoutError:
            return Result(claim, "unavailable", error="The portal did not answer within half the lease.")
        except PortalError as error:
            return Result(
                claim,
                cast("Outcome", error.error_class) if error.error_class in _OUTCOMES else "internal",
                http_status=error.http_status,
                error=str(error),
                retry_after=error.retry_after,
            )
        except FAULTS as error:
            return Result(claim, "internal", error=f"Unexpected {type(error).__name__}.")

    async def _mode_now(self) -> SendPolicy:
        async with self._gate_lock:
            if monotonic() - self._gate_read_at >= self._pace.mode_age_s:
                try:
                    self._gate = await self._leases.gate(self._connection.organisation_id)
                except DATABASE_ERRORS as error:
                    self._gate = SEND_NOTHING
                    logs.event(
                        "portal_mode_unreadable",
                        level=logging.ERROR,
                        error=error,
                        organisation=self._connection.organisation,
                    )
                self._gate_read_at = monotonic()
            return self._gate

    def _log(self, result: Result) -> None:
        state = result.claim.state
        done = result.outcome in {"applied", "already_newer", "shadowed", "released"}
        logs.event(
            "portal_attempt",
            level=logging.INFO if done else logging.WARNING,
            organisation=self._connection.organisation,
            peer_mentor_id=str(state.peer_mentor_id),
            version=state.version,
            attempt=result.claim.attempt,
            outcome=result.outcome,
            http_status=result.http_status,
            seconds=None if result.latency_s is None else round(result.latency_s, 3),
        )


async def _tell(portal: Portal, claim: Claim) -> Result:
    try:
        receipt = await portal.apply(claim.state, claim.attempt)
    except PortalUnauthorisedError:
        await portal.refresh()
        receipt = await portal.apply(claim.state, claim.attempt)
    return Result(
        claim,
        receipt.outcome,
        remote_version=receipt.remote_version,
        http_status=receipt.http_status,
        latency_s=receipt.latency,
    )

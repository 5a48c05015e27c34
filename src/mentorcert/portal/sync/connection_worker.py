"""Serves one connection: claims what is due and sends it, several at once, until nothing is due."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, cast

from mentorcert import logs
from mentorcert.errors import (
    DatabaseError,
    DatabaseUnreachableError,
    PortalError,
    PortalUnauthorisedError,
)
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.sync.connections import Connections
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

DATABASE_ERRORS: Final = (DatabaseError, DatabaseUnreachableError)


# What comes before claimed removals are sent, within the seconds that it is given; it must not raise.
BeforeRemovals = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Settings of a worker.

    `batch` rows are claimed at a time under a lease of `lease_s`; `concurrency` are sent at once, each begun
    in the first half of the lease and ended in the second. The send policy is read before each send, unless
    it is younger than `mode_age_s`. `poll_s` is the longest wait between polls.
    """

    batch: int = 64
    concurrency: int = 8
    lease_s: float = 60.0
    mode_age_s: float = 0.5
    poll_s: float = 1.0
    heartbeat_s: float = 10.0


class ConnectionWorker:
    """Serves one connection; `report` takes each result and must not block."""

    def __init__(
        self,
        connection: Connection,
        queue: StateQueue,
        connections: Connections,
        settings: WorkerSettings,
        *,
        report: Callable[[Result], None],
        stop: asyncio.Event,
        before_removals: BeforeRemovals | None = None,
    ) -> None:
        self._connection, self._queue, self._settings = connection, queue, settings
        self._connections, self._report, self._stop = connections, report, stop
        self._before_removals, self._is_stopped = before_removals, False
        self._send_policy, self._policy_read_at, self._policy_lock = (
            SEND_NOTHING,
            float("-inf"),
            asyncio.Lock(),
        )

    async def run_until_idle(self) -> int:
        """Work until nothing is due, or until stopped; return how many rows were processed.

        Raises what opening the portal raises, before anything is claimed.
        """
        if self._connection.is_reviving:
            while await self._queue.requeue(self._connection.organisation_id):
                pass
        portal = self._connections.open(self._connection)
        queue: asyncio.Queue[tuple[Claim, float] | None] = asyncio.Queue(self._settings.concurrency)
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._settings.concurrency):
                    tasks.create_task(self._send_all(queue, portal))
                return await self._claim_all(queue)
        finally:
            await portal.aclose()

    async def _claim_all(self, queue: asyncio.Queue[tuple[Claim, float] | None]) -> int:
        processed = 0
        try:
            while not self._is_stopped and not self._stop.is_set():
                claimed_at = monotonic()
                claims, settled = await self._queue.claim(
                    self._connection, self._settings.batch, self._settings.lease_s
                )
                processed += len(claims) + settled
                if self._before_removals and any(not claim.state.listed for claim in claims):
                    await self._before_removals(self._settings.lease_s / 4)
                for claim in claims:
                    await queue.put((claim, claimed_at))
                if not claims and not settled:
                    break
        except DATABASE_ERRORS as error:
            # What is already claimed is still sent.
            logs.event(
                "portal_claim_failed",
                level=logging.ERROR,
                error=error,
                organisation=self._connection.organisation,
            )
        finally:
            for _ in range(self._settings.concurrency):
                await queue.put(None)
        return processed

    async def _send_all(self, queue: asyncio.Queue[tuple[Claim, float] | None], portal: Portal) -> None:
        while (taken := await queue.get()) is not None:
            claim, claimed_at = taken
            result = await self._process(claim, claimed_at, portal)
            self._log(result)
            self._report(result)

    async def _process(self, claim: Claim, claimed_at: float, portal: Portal) -> Result:
        send_policy = await self._current_policy()
        # Computed after reading the policy, which may have taken time.
        in_time = monotonic() - claimed_at < self._settings.lease_s / 2
        if self._stop.is_set() or not in_time or not send_policy.allows(claim):
            # Read the connection again before anything more is claimed.
            self._is_stopped = True
            return Result(claim, "released")
        try:
            async with asyncio.timeout(self._settings.lease_s / 2):
                return await _send(portal, claim)
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
        # The boundary of a row: whatever it brings up, the others are sent.
        except Exception as error:  # noqa: BLE001
            return Result(claim, "internal", error=f"Unexpected {type(error).__name__}.")

    async def _current_policy(self) -> SendPolicy:
        async with self._policy_lock:
            if monotonic() - self._policy_read_at >= self._settings.mode_age_s:
                try:
                    self._send_policy = await self._queue.send_policy(self._connection.organisation_id)
                except DATABASE_ERRORS as error:
                    self._send_policy = SEND_NOTHING
                    logs.event(
                        "portal_mode_unreadable",
                        level=logging.ERROR,
                        error=error,
                        organisation=self._connection.organisation,
                    )
                self._policy_read_at = monotonic()
            return self._send_policy

    def _log(self, result: Result) -> None:
        state = result.claim.state
        done = result.outcome in {"applied", "already_newer", "erased", "released"}
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


async def _send(portal: Portal, claim: Claim) -> Result:
    try:
        receipt = await portal.apply(claim.state)
    except PortalUnauthorisedError:
        await portal.refresh()
        receipt = await portal.apply(claim.state)
    return Result(
        claim,
        receipt.outcome,
        remote_version=receipt.remote_version,
        http_status=receipt.http_status,
        latency_s=receipt.latency,
        remote_epoch=receipt.remote_epoch,
    )

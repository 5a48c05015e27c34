"""The worker's queries: what is due, claims under a lease, and reports of results."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mentorcert import logs
from mentorcert.db import rows
from mentorcert.db.connection import AsyncConnection
from mentorcert.errors import DatabaseError, DatabaseUnreachableError, LaterError
from mentorcert.portal.model import CertificationState, DesiredState, Mode

Outcome = Literal[
    "applied", "already_newer", "erased", "released",
    "unavailable", "unauthorised", "rejected", "unexpected_answer", "message_invalid", "internal",
]  # fmt: skip

_QUERIES: Final = rows.beside(__file__)
_CONFIRMING: Final = frozenset({"applied", "already_newer", "erased"})

_Call = Literal["release", "acknowledge", "fail"]


@dataclass(frozen=True, slots=True)
class Connection:
    """An organisation's connection; `due_in_s` is None where nothing is scheduled."""

    organisation_id: UUID
    organisation: str
    mode: Mode
    adapter: str
    contract_version: str
    target: dict[str, Any] | None
    is_reviving: bool
    due_in_s: float | None

    @property
    def is_due(self) -> bool:
        """Whether there is work now."""
        return self.is_reviving or self.due_in_s == 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A state under a lease, with the mode at the time of the claim."""

    state: DesiredState
    lease_token: UUID
    attempt: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a claim; `latency_s` and `retry_after` in seconds."""

    claim: Claim
    outcome: Outcome
    remote_version: int | None = None
    http_status: int | None = None
    latency_s: float | None = None
    error: str | None = None
    retry_after: float | None = None
    remote_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """What may be sent now."""

    mode: Mode
    canary_peer_mentor_ids: Sequence[UUID]

    def allows(self, claim: Claim) -> bool:
        """Return whether a claim may still be sent."""
        return self.mode == claim.mode and (
            self.mode != "canary" or claim.state.peer_mentor_id in self.canary_peer_mentor_ids
        )


SEND_NOTHING: Final = SendPolicy("capture", ())


@dataclass(frozen=True, slots=True)
class Derived:
    """What the database derives of one peer mentor, claimed or not."""

    peer_mentor_id: UUID
    lease_token: UUID | None
    version: int
    attempt: int
    content: dict[str, Any]
    effective_at: datetime
    mode: Mode
    former_external_ids: Sequence[str] = ()
    epoch: int = 0


class StateQueue:
    """Runs the queries on a pool; each raises DatabaseError or DatabaseUnreachableError."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool

    async def due(self) -> list[Connection]:
        """Return the connections that send, with or without work."""
        return await rows.fetch_all_async(self._pool, Connection, _QUERIES.due)

    async def claim(self, connection: Connection, batch_size: int, lease_s: float) -> tuple[list[Claim], int]:
        """Claim up to `batch_size` due rows; return them, and how many needed no message."""
        claimed = await rows.fetch_all_async(
            self._pool,
            Derived,
            _QUERIES.claim,
            organisation_id=connection.organisation_id,
            batch_size=batch_size,
            lease_s=lease_s,
        )
        claims = [
            Claim(
                desired_state(connection.organisation_id, connection.organisation, row),
                row.lease_token,
                row.attempt,
                row.mode,
            )
            for row in claimed
            if row.lease_token is not None
        ]
        return claims, len(claimed) - len(claims)

    async def send_policy(self, organisation_id: UUID) -> SendPolicy:
        """Return the present send policy; SEND_NOTHING without a connection."""
        policies = await rows.fetch_all_async(
            self._pool, SendPolicy, _QUERIES.send_policy, organisation_id=organisation_id
        )
        return policies[0] if policies else SEND_NOTHING

    async def report(self, results: Iterable[Result], worker: str) -> list[Result]:
        """Record results, of any organisations; return those to be reported again shortly.

        At most three statements per organisation, however many results. What the database refuses is recorded
        row by row, and a row that it refuses still as a fault of ours: no row holds up another.
        """
        again: list[Result] = []
        grouped: dict[tuple[UUID, _Call], dict[UUID, Result]] = {}
        for result in results:
            state = result.claim.state
            of_call = grouped.setdefault((state.organisation_id, _call(result)), {})
            # Two results of one peer mentor, the first under a lost lease: one at a time.
            if state.peer_mentor_id in of_call:
                again.append(result)
            else:
                of_call[state.peer_mentor_id] = result
        for (organisation_id, call), of_call in grouped.items():
            again += await self._record(organisation_id, call, list(of_call.values()), worker)
        return again

    async def _record(
        self, organisation_id: UUID, call: _Call, results: list[Result], worker: str
    ) -> list[Result]:
        try:
            noted = await rows.fetch_all_async(
                self._pool,
                UUID,
                getattr(_QUERIES, call),
                organisation_id=organisation_id,
                results=Jsonb([_row(result) for result in results]),
                worker=worker,
            )
        except (DatabaseUnreachableError, LaterError) as error:
            logs.event("portal_report_waits", level=logging.ERROR, error=error, results=len(results))
            return results
        except DatabaseError as error:
            if len(results) > 1:
                return [
                    again
                    for result in results
                    for again in await self._record(organisation_id, call, [result], worker)
                ]
            (result,) = results
            logs.event(
                "portal_report_refused",
                level=logging.ERROR,
                error=error,
                organisation=result.claim.state.organisation,
            )
            fault = f"The result {result.outcome} could not be recorded: {error.constraint or error.code}."
            # A fault that cannot be recorded either comes back when its lease ends.
            return [] if result.outcome == "internal" else [Result(result.claim, "internal", error=fault)]
        return [result for result in results if result.claim.state.peer_mentor_id not in noted]

    async def requeue(self, organisation_id: UUID) -> int:
        """Make a batch of waiting rows due at once; return how many."""
        (requeued,) = await rows.fetch_all_async(
            self._pool, int, _QUERIES.requeue, organisation_id=organisation_id
        )
        return requeued

    async def heartbeat(
        self,
        worker: str,
        started_at: datetime,
        *,
        stopped: bool = False,
        targets: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that the worker is alive, or has stopped, and which portals its files name."""
        await rows.fetch_all_async(
            self._pool,
            object,
            _QUERIES.heartbeat,
            worker=worker,
            started_at=started_at,
            stopped=stopped,
            targets=Jsonb(dict(targets or {})),
        )


def desired_state(organisation_id: UUID, organisation: str, row: Derived) -> DesiredState:
    """Return the state in a row's content."""
    content = row.content
    return DesiredState(
        organisation_id=organisation_id,
        organisation=organisation,
        peer_mentor_id=row.peer_mentor_id,
        external_id=content["external_id"],
        version=row.version,
        status=content["status"],
        listed=content["listed"],
        listed_until=_instant(content["listed_until"]),
        effective_at=row.effective_at,
        certifications=tuple(
            CertificationState(
                one["certification_type"],
                one["status"],
                datetime.fromisoformat(one["issued_at"]),
                _instant(one["expires_at"]),
            )
            for one in content["certifications"]
        ),
        former_external_ids=tuple(row.former_external_ids),
        epoch=row.epoch,
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _call(result: Result) -> _Call:
    if result.outcome == "released":
        return "release"
    return "acknowledge" if result.outcome in _CONFIRMING else "fail"


def _row(result: Result) -> dict[str, Any]:
    state = result.claim.state
    return {
        "peer_mentor_id": str(state.peer_mentor_id),
        "lease_token": str(result.claim.lease_token),
        "version": state.version,
        "attempt": result.claim.attempt,
        "outcome": result.outcome,
        "remote_version": result.remote_version,
        "remote_epoch": result.remote_epoch,
        "http_status": result.http_status,
        "latency_s": result.latency_s,
        "error": result.error,
        "retry_after": result.retry_after,
    }

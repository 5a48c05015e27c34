"""The worker's side of the tables: what is due, claims under a lease, and reports of what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import aiosql
from psycopg.rows import RowFactory, class_row, scalar_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mentorcert.db.connection import AsyncConnection
from mentorcert.portal.model import CertificationState, DesiredState

Mode = Literal["capture", "shadow", "canary", "live", "paused"]
Outcome = Literal[
    "applied", "already_newer", "shadowed", "released",
    "unavailable", "unauthorised", "rejected", "unexpected_answer", "message_invalid", "internal",
]  # fmt: skip

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_CONFIRMING: Final = frozenset({"applied", "already_newer", "shadowed"})


@dataclass(frozen=True, slots=True)
class Connection:
    """An organisation's connection that sends; `due_in_s` is None where nothing is foreseen."""

    organisation_id: UUID
    organisation: str
    mode: Mode
    adapter: str
    contract_version: str
    is_reviving: bool
    due_in_s: float | None

    @property
    def is_due(self) -> bool:
        """Whether there is something to do now."""
        return self.is_reviving or self.due_in_s == 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A state under a lease, in the mode that held when it was claimed."""

    state: DesiredState
    lease_token: UUID
    attempt: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a claim; `latency_s` and `retry_after` in seconds."""

    claim: Claim
    outcome: Outcome
    remote_version: int | None = None
    http_status: int | None = None
    latency_s: float | None = None
    error: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """What may be sent now."""

    mode: Mode
    canary_peer_mentor_ids: Sequence[UUID]
    is_blocked: bool

    def lets(self, claim: Claim) -> bool:
        """Tell whether a claim may go on as it was claimed."""
        return (
            self.mode == claim.mode
            and not self.is_blocked
            and (self.mode != "canary" or claim.state.peer_mentor_id in self.canary_peer_mentor_ids)
        )


SEND_NOTHING: Final = SendPolicy("capture", (), is_blocked=False)


@dataclass(frozen=True, slots=True)
class _Claimed:
    peer_mentor_id: UUID
    lease_token: UUID | None
    version: int
    attempt: int
    content: dict[str, Any]
    effective_at: datetime
    mode: Mode


class StateQueue:
    """Runs the statements on a pool; each raises psycopg.Error."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool

    async def due(self) -> list[Connection]:
        """Return the connections that send, whatever they have to do."""
        return await self._rows(class_row(Connection), _QUERIES.due.sql)

    async def claim(self, connection: Connection, batch_size: int, lease_s: float) -> tuple[list[Claim], int]:
        """Claim up to so many of what is due; return them, and how many turned out to need no telling."""
        claimed = await self._rows(
            class_row(_Claimed),
            _QUERIES.claim.sql,
            organisation_id=connection.organisation_id,
            batch_size=batch_size,
            lease_s=lease_s,
        )
        claims = [
            Claim(desired_state(connection, row), row.lease_token, row.attempt, row.mode)
            for row in claimed
            if row.lease_token is not None
        ]
        return claims, len(claimed) - len(claims)

    async def gate(self, organisation_id: UUID) -> SendPolicy:
        """Return what may be sent now; without a connection nothing."""
        gates = await self._rows(class_row(SendPolicy), _QUERIES.mode.sql, organisation_id=organisation_id)
        return gates[0] if gates else SEND_NOTHING

    async def report(self, results: Iterable[Result], worker: str) -> list[Result]:
        """Note what came of claims, of any organisations; return those to be reported again in a moment.

        Three statements at most for each organisation, however many results.
        """
        again: list[Result] = []
        grouped: dict[tuple[UUID, str], dict[UUID, Result]] = {}
        for result in results:
            call = (
                "release"
                if result.outcome == "released"
                else "acknowledge"
                if result.outcome in _CONFIRMING
                else "fail"
            )
            state = result.claim.state
            of_call = grouped.setdefault((state.organisation_id, call), {})
            # Two of one peer mentor, the first under a lease that was lost: one at a time.
            if state.peer_mentor_id in of_call:
                again.append(result)
            else:
                of_call[state.peer_mentor_id] = result
        for (organisation_id, call), of_call in grouped.items():
            noted = await self._rows(
                scalar_row,
                getattr(_QUERIES, call).sql,
                organisation_id=organisation_id,
                results=Jsonb([_row(result) for result in of_call.values()]),
                worker=worker,
            )
            again.extend(result for id_, result in of_call.items() if id_ not in noted)
        return again

    async def revive(self, organisation_id: UUID) -> int:
        """Make a batch of what waits, without need, due at once; return how many."""
        (revived,) = await self._rows(scalar_row, _QUERIES.revive.sql, organisation_id=organisation_id)
        return int(revived)

    async def beat(self, worker: str, started_at: datetime, *, stopped: bool = False) -> None:
        """Say that the worker lives, or that it has stopped."""
        await self._rows(scalar_row, _QUERIES.beat.sql, worker=worker, started_at=started_at, stopped=stopped)

    async def _rows(self, row_factory: RowFactory[Any], query: str, **parameters: Any) -> list[Any]:
        async with self._pool.connection() as conn, conn.cursor(row_factory=row_factory) as cursor:
            await cursor.execute(query.encode(), parameters)
            return await cursor.fetchall()


def desired_state(connection: Connection, row: _Claimed) -> DesiredState:
    """Return the state that a claimed row's content describes."""
    content = row.content
    return DesiredState(
        organisation_id=connection.organisation_id,
        organisation=connection.organisation,
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
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _row(result: Result) -> dict[str, Any]:
    state = result.claim.state
    return {
        "peer_mentor_id": str(state.peer_mentor_id),
        "lease_token": str(result.claim.lease_token),
        "version": state.version,
        "attempt": result.claim.attempt,
        "outcome": result.outcome,
        "remote_version": result.remote_version,
        "http_status": result.http_status,
        "latency_s": result.latency_s,
        "error": result.error,
        "retry_after": result.retry_after,
    }

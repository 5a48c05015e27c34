"""The reconciler's queries: what is due, runs under a lease, comparisons and their differences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mentorcert.db import rows
from mentorcert.db.connection import AsyncConnection
from mentorcert.portal.contract import values
from mentorcert.portal.model import Mode, PortalRecord
from mentorcert.portal.sync.state_queue import Connection

Scope = Literal["recent", "full"]
Outcome = Literal["done", "stopped", "unverified", "failed"]
Kind = Literal["listed_but_expired", "missing", "stale", "unknown_there", "duplicate"]

_QUERIES: Final = rows.beside(__file__)
_BIGINT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Due:
    """An organisation to reconcile now, by id and slug."""

    organisation_id: UUID
    organisation: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Run:
    """A running reconciliation; `peer_mentors` is how many the organisation has, listed or not."""

    id: int
    organisation_id: UUID
    organisation: str
    mode: Mode
    adapter: str
    contract_version: str
    target: dict[str, Any] | None
    is_dry_run: bool
    peer_mentors: int

    @property
    def connection(self) -> Connection:
        """The run's connection."""
        return Connection(
            self.organisation_id, self.organisation, self.mode, self.adapter, self.contract_version,
            self.target, is_reviving=False, due_in_s=None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `row` is JSON of the database."""

    row: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """The kind of difference."""
        kind: Kind = self.row["kind"]
        return kind

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """Identifies the same difference in another comparison, also where its kind has changed."""
        kind = self.kind if self.kind in {"unknown_there", "duplicate"} else "ours"
        return kind, self.row["peer_mentor_id"], self.row["external_id"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The records `read` from an instant on, compared with the desired states, in numbers of peer mentors.

    `expected`: must have a record; `in_motion`: not compared, because changed or sent in between.
    """

    read_from: datetime | None = None
    read: int = 0
    compared: int = 0
    expected: int = 0
    in_motion: int = 0
    drift: list[Difference] = field(default_factory=list)

    @property
    def drift_by_kind(self) -> dict[Kind, int]:
        """The number of differences of each kind."""
        counted = Counter(difference.kind for difference in self.drift)
        return {kind: counted[kind] for kind in get_args(Kind)}


class Comparisons:
    """Runs the queries on a pool; each raises InvalidArgumentError where the run has ended."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool

    async def due(self) -> list[Due]:
        """Return the organisations to reconcile now, and the scope."""
        return await rows.fetch_all_async(self._pool, Due, _QUERIES.due)

    async def start(
        self, organisation_id: UUID, scope: Scope, *, worker: str, dry_run: bool, only_due: bool
    ) -> Run | None:
        """Start a run; None where one is running, or with `only_due` none is due."""
        runs = await rows.fetch_all_async(self._pool, Run, _QUERIES.start,
            organisation_id=organisation_id, scope=scope, worker=worker, is_dry_run=dry_run,
            only_due=only_due,
        )  # fmt: skip
        return runs[0] if runs else None

    async def renew(self, run: Run) -> datetime:
        """Renew the run's lease; return the database's time."""
        (now,) = await rows.fetch_all_async(self._pool, datetime, _QUERIES.renew, id=run.id)
        return now

    async def compare(self, run: Run, read_from: datetime, records: Sequence[PortalRecord]) -> Comparison:
        """Compare what was read from an instant on, in one statement."""
        ((compared, expected, in_motion, drift),) = await rows.fetch_all_async(
            self._pool, tuple[int, int, int, list[dict[str, Any]]], _QUERIES.compare,
            id=run.id,
            read_from=read_from,
            peer_mentor_ids=[record.peer_mentor_id for record in records],
            external_ids=[values.text(record.external_id) for record in records],
            versions=[record.version and max(min(record.version, _BIGINT), 0) for record in records],
            epochs=[record.epoch for record in records],
            statuses=[values.text(record.status) for record in records],
            listings=[record.listed for record in records],
            details=[Jsonb(dict(record.details)) for record in records],
        )  # fmt: skip
        return Comparison(
            read_from, len(records), compared, expected, in_motion, [Difference(row) for row in drift]
        )

    async def note(self, run: Run, drift: Sequence[Difference]) -> None:
        """Store the differences."""
        await rows.fetch_all_async(
            self._pool,
            object,
            _QUERIES.note,
            id=run.id,
            drift=Jsonb([difference.row for difference in drift]),
        )

    async def repair(
        self, run: Run, after: int, batch_size: int, *, only_removals: bool
    ) -> tuple[int | None, int]:
        """Mark the next differences to be sent again; return the last id (None: no more), and how many."""
        (step,) = await rows.fetch_all_async(
            self._pool, tuple[int | None, int], _QUERIES.repair,
            id=run.id, after=after, batch_size=batch_size, only_removals=only_removals,
        )  # fmt: skip
        return step

    async def finish(self, run: Run, outcome: Outcome, reason: str | None, comparison: Comparison) -> None:
        """End the run."""
        await rows.fetch_all_async(
            self._pool, object, _QUERIES.finish,
            id=run.id, outcome=outcome, reason=reason, read=comparison.read, compared=comparison.compared,
            in_motion=comparison.in_motion, drift_by_kind=Jsonb(comparison.drift_by_kind),
            read_from=comparison.read_from,
        )  # fmt: skip

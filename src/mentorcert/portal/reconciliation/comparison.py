"""The reconciler's side of the tables: when, runs under a lease, comparisons, and what they found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args
from uuid import UUID

import aiosql
from psycopg.rows import RowFactory, class_row, scalar_row, tuple_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mentorcert.db.connection import AsyncConnection
from mentorcert.portal.model import PortalRecord
from mentorcert.portal.sync.state_queue import Connection, Mode

Scope = Literal["recent", "full"]
Outcome = Literal["done", "stopped", "unverified", "failed"]
Kind = Literal["listed_but_expired", "missing", "stale", "unknown_there", "duplicate"]

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_BIGINT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Due:
    """An organisation that is to be reconciled now, by id and slug."""

    organisation_id: UUID
    organisation: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Run:
    """A reconciliation under way; `peer_mentors` is how many the organisation has, listed or not."""

    id: int
    organisation_id: UUID
    organisation: str
    mode: Mode
    adapter: str
    contract_version: str
    is_dry_run: bool
    peer_mentors: int

    @property
    def connection(self) -> Connection:
        """The connection that it is about."""
        return Connection(
            self.organisation_id, self.organisation, self.mode, self.adapter, self.contract_version,
            is_reviving=False, due_in_s=None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """What one comparison found; `row` is as the database gave it, and takes it back."""

    row: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """What is wrong."""
        kind: Kind = self.row["kind"]
        return kind

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What the same difference has in another comparison, also where it is worse or better there."""
        kind = self.kind if self.kind in {"unknown_there", "duplicate"} else "ours"
        return kind, self.row["peer_mentor_id"], self.row["external_id"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was `read` from an instant on against what should be, in numbers of records and peer mentors.

    `expected`: of whom there must be a record; `in_motion`: not judged, because changed or told meanwhile.
    """

    read_from: datetime | None = None
    read: int = 0
    compared: int = 0
    expected: int = 0
    in_motion: int = 0
    drift: list[Difference] = field(default_factory=list)

    @property
    def drift_by_kind(self) -> dict[Kind, int]:
        """How many differences there are of each kind."""
        counted = Counter(difference.kind for difference in self.drift)
        return {kind: counted[kind] for kind in get_args(Kind)}


class Comparisons:
    """Runs the statements on a pool; each raises psycopg.Error, with MC008 where the run has ended."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool

    async def due(self) -> list[Due]:
        """Return whom to reconcile now, and whether wholly."""
        return await self._rows(class_row(Due), _QUERIES.due.sql)

    async def start(
        self, organisation_id: UUID, scope: Scope, *, worker: str, dry_run: bool, only_due: bool
    ) -> Run | None:
        """Start a run; None where one is running, or with `only_due` none is due."""
        runs = await self._rows(
            class_row(Run), _QUERIES.start.sql,
            organisation_id=organisation_id, scope=scope, worker=worker, is_dry_run=dry_run,
            only_due=only_due,
        )  # fmt: skip
        return runs[0] if runs else None

    async def renew(self, run: Run) -> datetime:
        """Say that the run lives; return the database's time."""
        (now,) = await self._rows(scalar_row, _QUERIES.renew.sql, id=run.id)
        at: datetime = now
        return at

    async def compare(self, run: Run, read_from: datetime, records: Sequence[PortalRecord]) -> Comparison:
        """Compare what was read from an instant on, in one statement, whatever the number of records."""
        ((compared, expected, in_motion, drift),) = await self._rows(
            tuple_row, _QUERIES.compare.sql,
            id=run.id,
            read_from=read_from,
            peer_mentor_ids=[record.peer_mentor_id for record in records],
            external_ids=[_text(record.external_id) for record in records],
            versions=[record.version and max(min(record.version, _BIGINT), 0) for record in records],
            statuses=[_text(record.status) for record in records],
            listings=[record.listed for record in records],
        )  # fmt: skip
        return Comparison(
            read_from, len(records), compared, expected, in_motion, [Difference(row) for row in drift]
        )

    async def note(self, run: Run, drift: Sequence[Difference]) -> None:
        """Keep what was found."""
        rows = Jsonb([difference.row for difference in drift])
        await self._rows(scalar_row, _QUERIES.note.sql, id=run.id, drift=rows)

    async def repair(self, run: Run, after: int, batch_size: int) -> tuple[int | None, int]:
        """Have the portal told again of the next; return the last (None: no more), and how many."""
        (step,) = await self._rows(
            tuple_row, _QUERIES.repair.sql, id=run.id, after=after, batch_size=batch_size
        )
        last_id, marked = step
        return last_id, marked

    async def finish(self, run: Run, outcome: Outcome, reason: str | None, of: Comparison) -> None:
        """End the run."""
        await self._rows(
            scalar_row, _QUERIES.finish.sql,
            id=run.id, outcome=outcome, reason=reason, read=of.read, compared=of.compared,
            in_motion=of.in_motion, drift_by_kind=Jsonb(of.drift_by_kind), read_from=of.read_from,
        )  # fmt: skip

    async def _rows(self, row_factory: RowFactory[Any], query: str, **parameters: Any) -> list[Any]:
        async with self._pool.connection() as conn, conn.cursor(row_factory=row_factory) as cursor:
            await cursor.execute(query.encode(), parameters)
            return await cursor.fetchall()


def _text(value: str | None) -> str | None:
    """Return what a portal wrote as the database takes it, which holds neither NUL nor half a character."""
    return value and value[:200].encode(errors="replace").decode().replace("\0", "?")

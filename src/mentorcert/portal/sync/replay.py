"""Replays: marks selected peer mentors to be sent again, at a bounded rate; an interrupted one resumes."""

import getpass
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import LockTimeoutError

_LOCKED_S: Final = 1.0

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Selection:
    """Who is sent again: all of an organisation, narrowed by the given fields.

    `since`: changed or attempted since then; `error_class`: whose latest attempt failed with it.
    """

    peer_mentor_ids: tuple[UUID, ...] = ()
    since: datetime | None = None
    error_class: str | None = None

    def as_json(self) -> Jsonb:
        """Return it as JSON for the database."""
        given = {
            "peer_mentor_ids": sorted(map(str, self.peer_mentor_ids)),
            "since": self.since and self.since.isoformat(),
            "error_class": self.error_class,
        }
        return Jsonb({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a replay: `marked` of the `total` at its start."""

    id: UUID
    marked: int
    total: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What the portal has confirmed of a peer mentor (None: unknown), and what would be sent."""

    peer_mentor: str
    peer_mentor_id: UUID
    confirmed_version: int | None
    confirmed: dict[str, Any] | None
    desired: dict[str, Any]

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Return the fields that differ, as confirmed and as desired."""
        confirmed = self.confirmed or {}
        return {
            field: (confirmed.get(field), value)
            for field, value in self.desired.items()
            if self.confirmed is None or confirmed.get(field) != value
        }


def differences(conn: Connection, organisation_id: UUID, selection: Selection) -> list[Difference]:
    """Return all who would be sent again, ordered by number; nothing is changed."""
    return rows.fetch_all(
        conn, Difference, _QUERIES.differences, organisation_id=organisation_id, selection=selection.as_json()
    )


def replay(
    conn: Connection,
    organisation_id: UUID,
    selection: Selection,
    *,
    reason: str,
    rate: float | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Step]:
    """Mark the selected to be sent again, at most `rate` per second, and yield the progress.

    Needs an autocommit connection. Ends early once `stop` is set; another with the same selection resumes.
    """
    stop = stop or threading.Event()
    batch_size = max(1, min(1000, round(rate or 1000)))
    step = rows.fetch_optional(
        conn,
        Step,
        _QUERIES.start,
        organisation_id=organisation_id,
        selection=selection.as_json(),
        reason=reason,
        started_by=getpass.getuser(),
    )
    while step is not None:
        yield step
        if step.is_finished or stop.is_set():
            return
        began = monotonic()
        try:
            step = rows.fetch_optional(conn, Step, _QUERIES.next, replay_id=step.id, batch_size=batch_size)
        except LockTimeoutError:
            stop.wait(_LOCKED_S)
            continue
        if rate is not None and step is not None and not step.is_finished:
            stop.wait(max(0.0, batch_size / rate - (monotonic() - began)))

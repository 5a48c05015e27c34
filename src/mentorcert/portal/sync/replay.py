"""Replays: has chosen peer mentors told again, at a bounded rate; an interrupted one goes on."""

import getpass
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import UUID

import aiosql
from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mentorcert.db.connection import Connection

_LOCKED_S: Final = 1.0

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Selection:
    """Who is told again: all of an organisation, narrowed by whatever is given.

    `since`: changed or tried since then; `error_class`: whose latest attempt failed like that.
    """

    peer_mentor_ids: tuple[UUID, ...] = ()
    since: datetime | None = None
    error_class: str | None = None

    def as_json(self) -> Jsonb:
        """Return it as the database takes it."""
        given = {
            "peer_mentor_ids": sorted(map(str, self.peer_mentor_ids)),
            "since": self.since and self.since.isoformat(),
            "error_class": self.error_class,
        }
        return Jsonb({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class Step:
    """How far a replay has come: `marked` of `total` at its start."""

    id: UUID
    marked: int
    total: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What the portal has confirmed of a peer mentor (None: nothing known), and what it would be told."""

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
    """Return everybody who would be told again, by number; nothing is changed."""
    with conn.cursor(row_factory=class_row(Difference)) as cursor:
        return cursor.execute(
            _QUERIES.differences.sql, {"organisation_id": organisation_id, "selection": selection.as_json()}
        ).fetchall()


def replay(
    conn: Connection,
    organisation_id: UUID,
    selection: Selection,
    *,
    reason: str,
    rate: float | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Step]:
    """Mark the chosen to be told again, at most `rate` of them a second, and say how far that has come.

    Needs an autocommit connection. Ends early once `stop` is set; another of the same selection goes on.
    """
    stop = stop or threading.Event()
    batch_size = max(1, min(1000, round(rate or 1000)))
    with conn.cursor(row_factory=class_row(Step)) as cursor:
        parameters = {"organisation_id": organisation_id, "selection": selection.as_json()}
        step = cursor.execute(
            _QUERIES.start.sql, {**parameters, "reason": reason, "started_by": getpass.getuser()}
        ).fetchone()
        while step is not None:
            yield step
            if step.is_finished or stop.is_set():
                return
            began = monotonic()
            try:
                step = cursor.execute(
                    _QUERIES.next.sql, {"replay_id": step.id, "batch_size": batch_size}
                ).fetchone()
            except errors.LockNotAvailable:
                stop.wait(_LOCKED_S)
                continue
            if rate is not None and step is not None and not step.is_finished:
                stop.wait(max(0.0, batch_size / rate - (monotonic() - began)))

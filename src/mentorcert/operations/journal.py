"""The journal outside the database: erasures and withdrawals as keyed hashes, to be repeated after a restore."""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final, Literal
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from mentorcert import logs, loops
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, JournalError, SettingError
from mentorcert.operations.alerting import Connect
from mentorcert.operations.journal_places import ConflictError, Place
from mentorcert.portal.http.threads import in_thread

EVERY_S: Final = 60.0

_AHEAD_S: Final = 5.0
_PAUSE_S: Final = 30.0
_TRIES: Final = 8
_MARK: Final = "mark"
_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Line:
    """What happened to whom, as a hash; the `mark` says which writing was the last."""

    at: str
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """What was done again: a peer mentor erased or withdrawn, or a membership ended."""

    kind: Literal["erased", "withdrawn", "ended"]
    id: UUID


@dataclass(frozen=True, slots=True)
class _Mark:
    mark: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    kind: str
    digest: str
    is_late: bool

    @property
    def line(self) -> Line:
        return Line(self.at.isoformat(), self.kind, self.digest)


def write(conn: Connection, place: Place) -> int:
    """Write what the journal lacks, and a new mark; return how many lines. Needs an autocommit connection.

    Raises JournalError, or SettingError for its token, which the database has noted by then: it is an alert.
    """
    try:
        with place.writing():
            return _write(conn, place)
    except (JournalError, SettingError) as error:
        rows.execute(conn, _QUERIES.note, mark=None, at=None, error=str(error))
        raise


def late(conn: Connection, place: Place) -> int:
    """Return how many lines the journal has lacked for over five minutes; writes nothing. Raises JournalError."""
    known = {*_lines(place.read().content, place)}
    return sum(one.is_late and one.line not in known for one in _entries(conn))


def repeat(conn: Connection, place: Place, *, dry_run: bool = False) -> list[Repeated]:
    """Do again what a restored database has forgotten, in one transaction; return it. Raises JournalError."""
    lines = _lines(place.read().content, place)
    done: list[Repeated] = []
    with conn.transaction():
        given = [{"at": one.at, "kind": one.kind, "digest": one.digest} for one in lines]
        done = rows.fetch_all(conn, Repeated, _QUERIES.repeat, lines=Jsonb(given))
        if dry_run:
            raise psycopg.Rollback
    return done


def accept_failover(conn: Connection, place: Place | None, reason: str) -> None:
    """Say that the database is on another server and has lost nothing; raises where the journal proves otherwise."""
    mark = _mark(_lines(place.read().content, place)) if place else None
    rows.execute(conn, _QUERIES.accept_failover, reason=reason, mark=mark)


def end(conn: Connection, reason: str) -> None:
    """Say that no journal is kept any more; raises InvalidInputError without a reason."""
    if not reason.strip():
        raise InvalidInputError("A reason is required.", hint="It is logged.")
    rows.execute(conn, _QUERIES.end)
    logs.event("journal_ended", level=logging.WARNING, reason=reason)


def lacks(conn: Connection) -> bool:
    """Return whether the journal may lack something of late; cheap."""
    return rows.fetch_one(conn, bool, _QUERIES.lacks)


def keeping(place: Place | None, connect: Connect) -> AbstractContextManager[None]:
    """Write the journal each minute, in a thread, while the block runs; without a place do nothing."""
    if place is None:
        return nullcontext()

    def work() -> float:
        with connect() as conn:
            if rows.fetch_one(conn, bool, _QUERIES.is_allowed):
                write(conn, place)
        return EVERY_S

    return loops.in_threads(
        lambda stop: loops.run_forever(work, stop, failed="journal_not_written", retry_s=EVERY_S)
    )


class Ahead:
    """Writes the journal before removals are sent: what a portal has confirmed is then known outside, too."""

    def __init__(self, place: Place, connect: Connect) -> None:
        self._place, self._connect = place, connect
        self._lock, self._not_before = asyncio.Lock(), 0.0

    async def write(self, longest_s: float) -> None:
        """Write what is new, for so long at most: a removal does not wait for a journal that is down."""
        async with self._lock:
            if monotonic() < self._not_before:
                return
            try:
                async with asyncio.timeout(min(longest_s, _AHEAD_S)):
                    await in_thread(self._write, "journal")
            # Whatever it is: the removals are sent, and the journal's lag is an alert.
            except Exception as error:  # noqa: BLE001
                self._not_before = monotonic() + _PAUSE_S
                logs.event("journal_not_written", level=logging.ERROR, error=error, seconds=_PAUSE_S)

    def _write(self) -> None:
        with self._connect() as conn:
            if lacks(conn):
                write(conn, self._place)


def _write(conn: Connection, place: Place) -> int:
    for _ in range(_TRIES):
        before = place.read(or_none=True)
        lines = _lines(before.content, place)
        # Committed before it is out of the house: a mark there that is not here was lost here.
        mark = rows.fetch_one(conn, _Mark, _QUERIES.mark, found=_mark(lines))
        known = {*lines}
        new = [one.line for one in _entries(conn) if one.line not in known]
        kept = [one for one in lines if one.kind != _MARK]
        content = _content([Line(mark.at.isoformat(), _MARK, mark.mark.hex), *kept, *new])
        try:
            place.replace(before, content)
        except ConflictError:
            continue
        rows.execute(conn, _QUERIES.note, mark=mark.mark, at=mark.at, error=None)
        return len(new)
    raise JournalError(
        f"The journal {place} did not hold what was put into it, {_TRIES} times.",
        hint="The store keeps old answers, or very many processes write: the next run tries again.",
    )


def _entries(conn: Connection) -> list[_Entry]:
    return rows.fetch_all(conn, _Entry, _QUERIES.entries)


def _mark(lines: Sequence[Line]) -> UUID | None:
    return next((UUID(one.digest) for one in lines if one.kind == _MARK), None)


def _content(lines: Sequence[Line]) -> bytes:
    return "".join(
        f"{json.dumps({'at': one.at, 'kind': one.kind, 'digest': one.digest})}\n" for one in lines
    ).encode()


def _lines(content: bytes, place: Place) -> list[Line]:
    lines: list[Line] = []
    for number, text in enumerate(content.decode(errors="replace").split("\n"), start=1):
        if not text:
            continue
        try:
            given = json.loads(text)
            at, kind, digest = given["at"], given["kind"], given["digest"]
            datetime.fromisoformat(at)
            bytes.fromhex(digest)
            if kind == _MARK:
                UUID(digest)
            lines.append(Line(at, str(kind), digest))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise JournalError(
                f"{place}, line {number}: is no line of the journal.",
                hint="Take the line out; the next run writes what is lacking again.",
            ) from None
    return lines

"""The ledger of the notices: what is due, what is claimed, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import aiosql
from psycopg.rows import class_row

from mentorcert.db.connection import Connection
from mentorcert.translations import Language

REACH_DAYS: Final = 14

Outcome = Literal["mail", "no_address", "suspended", "skipped"]

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that is due, and what would become of it; the recipient is masked, day 0 is the end."""

    organisation_id: UUID
    organisation: str
    peer_mentor_id: UUID
    certification_id: UUID
    certification_type: str
    expires_at: datetime
    last_valid_day: date
    days_before: int
    days_left: int
    outcome: Outcome
    recipient: str | None


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest that is due; with no lines nothing would be sent."""

    organisation_id: UUID
    organisation: str
    user_id: UUID
    week: date
    recipient: str
    lines: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """A claimed mail to a peer mentor: `certifications` have `name`, `last_valid_day` and `days_left`."""

    mail_id: UUID
    organisation: str
    time_zone: str
    language: Language
    address: str
    full_name: str
    certifications: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Digest:
    """A claimed digest: its lines have `full_name`, `chapters`, `name` and `last_valid_day`, 100 at most."""

    mail_id: UUID
    organisation: str
    time_zone: str
    language: Language
    address: str
    expiring: list[dict[str, Any]]
    expired: list[dict[str, Any]]
    expiring_count: int
    expired_count: int


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A mail whose sender died: only the mail server knows whether it took it."""

    mail_id: UUID
    kind: Literal["reminder", "digest"]
    organisation: str
    claimed_at: datetime


def now(conn: Connection) -> datetime:
    """Return the instant, by the clock of the database."""
    instant: datetime = _QUERIES.now(conn)
    return instant


def next_run(conn: Connection) -> tuple[datetime, datetime | None]:
    """Return the instant, and when notices are due next; None where no type has any."""
    instants: tuple[datetime, datetime | None] = _QUERIES.next_run(conn)
    return instants


def due(conn: Connection, as_of: datetime | None = None, reach_days: int = REACH_DAYS) -> list[Due]:
    """Return the notices that are due, those with the nearest end last; nothing is changed."""
    return _rows(conn, Due, _QUERIES.due.sql, as_of=as_of, reach_days=reach_days)


def due_digests(conn: Connection, as_of: datetime | None = None) -> list[DueDigest]:
    """Return the digests that are due; nothing is changed."""
    return _rows(conn, DueDigest, _QUERIES.due_digests.sql, as_of=as_of)


def start(
    conn: Connection, as_of: datetime, *, reach_days: int = REACH_DAYS, only_due: bool = False
) -> dict[UUID, int]:
    """Begin a run; return its organisations, and how many notices of each became due too long ago."""
    return dict(_QUERIES.start(conn, as_of=as_of, reach_days=reach_days, only_due=only_due))


def claim(
    conn: Connection, peer_mentor_ids: Sequence[UUID], as_of: datetime, reach_days: int = REACH_DAYS
) -> list[Reminder]:
    """Take up what is still due of these peer mentors, one mail each; committed before anything is sent."""
    ids = list(peer_mentor_ids)
    return _rows(conn, Reminder, _QUERIES.claim.sql, peer_mentor_ids=ids, as_of=as_of, reach_days=reach_days)


def claim_digests(
    conn: Connection, organisation_ids: Sequence[UUID], user_ids: Sequence[UUID], as_of: datetime
) -> list[Digest]:
    """Take up the digests of these logins that have something to tell."""
    ids = {"organisation_ids": list(organisation_ids), "user_ids": list(user_ids)}
    return _rows(conn, Digest, _QUERIES.claim_digests.sql, **ids, as_of=as_of)


def report(conn: Connection, *, sent: Sequence[UUID] = (), released: Sequence[UUID] = ()) -> None:
    """Say which mails the mail server took, and which it certainly did not: those are due again."""
    if sent or released:
        _QUERIES.report(conn, sent=list(sent), released=list(released))


def finish(
    conn: Connection, organisation_ids: Sequence[UUID], as_of: datetime, error: str | None = None
) -> None:
    """End the run; with an error its day stays open."""
    _QUERIES.finish(conn, organisation_ids=list(organisation_ids), as_of=as_of, error=error)


def uncertain(conn: Connection) -> list[Uncertain]:
    """Return the mails that are in doubt, the oldest first."""
    return _rows(conn, Uncertain, _QUERIES.uncertain.sql)


def _rows(conn: Connection, kind: type[_Row], query: str, **parameters: Any) -> list[_Row]:
    # Each call is a transaction of its own also where the connection is not in autocommit.
    with conn.transaction(), conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()

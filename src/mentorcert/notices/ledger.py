"""The ledger of the notices: what is due, what is claimed, and what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

REACH_DAYS: Final = 14

Outcome = Literal["mail", "no_address", "suspended", "skipped"]

_QUERIES: Final = rows.beside(__file__)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that is due, and its outcome if sent now; the recipient is masked, day 0 is the expiry."""

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
    """A digest that is due; one without lines is not sent."""

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
    """A mail whose sender died: only the mail server's log says whether it was accepted."""

    mail_id: UUID
    kind: Literal["reminder", "digest"]
    organisation: str
    claimed_at: datetime


def now(conn: Connection) -> datetime:
    """Return the database's time."""
    return rows.fetch_one(conn, datetime, _QUERIES.now)


def next_run(conn: Connection) -> tuple[datetime, datetime | None]:
    """Return the database's time, and when notices are due next; None where no type has any."""
    return rows.fetch_one(conn, tuple[datetime, datetime | None], _QUERIES.next_run)


def due(conn: Connection, as_of: datetime | None = None, reach_days: int = REACH_DAYS) -> list[Due]:
    """Return the notices that are due, those with the nearest end last; nothing is changed."""
    return _fetch(conn, Due, _QUERIES.due, as_of=as_of, reach_days=reach_days)


def due_digests(conn: Connection, as_of: datetime | None = None) -> list[DueDigest]:
    """Return the digests that are due; nothing is changed."""
    return _fetch(conn, DueDigest, _QUERIES.due_digests, as_of=as_of)


def start(
    conn: Connection, as_of: datetime, *, reach_days: int = REACH_DAYS, only_due: bool = False
) -> dict[UUID, int]:
    """Start a run; return its organisations, and how many notices of each became due too long ago."""
    return dict(
        rows.fetch_all(
            conn,
            tuple[UUID, int],
            _QUERIES.start,
            as_of=as_of,
            reach_days=reach_days,
            only_due=only_due,
        )
    )


def claim(
    conn: Connection, peer_mentor_ids: Sequence[UUID], as_of: datetime, reach_days: int = REACH_DAYS
) -> list[Reminder]:
    """Claim what is still due for these peer mentors, one mail each; committed before anything is sent."""
    ids = list(peer_mentor_ids)
    return _fetch(conn, Reminder, _QUERIES.claim, peer_mentor_ids=ids, as_of=as_of, reach_days=reach_days)


def claim_digests(
    conn: Connection, organisation_ids: Sequence[UUID], user_ids: Sequence[UUID], as_of: datetime
) -> list[Digest]:
    """Claim the digests of these logins that have lines."""
    ids = {"organisation_ids": list(organisation_ids), "user_ids": list(user_ids)}
    return _fetch(conn, Digest, _QUERIES.claim_digests, **ids, as_of=as_of)


def report(conn: Connection, *, sent: Sequence[UUID] = (), released: Sequence[UUID] = ()) -> None:
    """Record which mails were sent, and which certainly were not: those are due again."""
    if sent or released:
        rows.execute(conn, _QUERIES.report, sent=list(sent), released=list(released))


def finish(
    conn: Connection, organisation_ids: Sequence[UUID], as_of: datetime, error: str | None = None
) -> None:
    """End the run; with an error its day stays open."""
    rows.execute(conn, _QUERIES.finish, organisation_ids=list(organisation_ids), as_of=as_of, error=error)


def uncertain(conn: Connection) -> list[Uncertain]:
    """Return the mails whose delivery is uncertain, the oldest first."""
    return _fetch(conn, Uncertain, _QUERIES.uncertain)


def _fetch(conn: Connection, kind: type[_Row], query: str, **parameters: Any) -> list[_Row]:
    # Each call is its own transaction, also on a connection that is not in autocommit.
    with rows.mapped_errors(), conn.transaction():
        return rows.fetch_all(conn, kind, query, **parameters)

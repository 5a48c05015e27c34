"""Consents to the public list: who gave or withdrew one, when and by which way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

Way = Literal["form", "mentor", "file", "portal", "api", "sql", "erasure"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class ConsentAct:
    """One act: given or withdrawn; `reason` is why, or what shows it."""

    organisation_id: UUID
    is_given: bool
    recorded_at: datetime
    way: Way
    actor_id: UUID | None
    reason: str | None


def acts_of(conn: Connection, peer_mentor_id: UUID) -> list[ConsentAct]:
    """Return the acts of a peer mentor within the caller's reach, newest first."""
    return rows.fetch_all(conn, ConsentAct, _QUERIES.acts_of, peer_mentor_id=peer_mentor_id)


def record(conn: Connection, peer_mentor_id: UUID, *, is_given: bool, reason: str | None) -> bool:
    """Give or withdraw a consent, as a form does it; return whether that is new.

    The person, coordinators of the chapters and administrators.
    Raises MissingRightError, InvalidArgumentError.
    """
    rows.send(conn, _QUERIES.announce_form)
    return rows.fetch_one(
        conn, bool, _QUERIES.record, peer_mentor_id=peer_mentor_id, is_given=is_given, reason=reason
    )


def withdraw(conn: Connection, peer_mentor_ids: Sequence[UUID], reason: str | None) -> int:
    """Withdraw the consents of many, as a form does it; return how many there were.

    Administrators only, after `consequences.note_state`. Raises MissingRightError, InvalidArgumentError.
    """
    rows.send(conn, _QUERIES.announce_form)
    return rows.fetch_one(conn, int, _QUERIES.withdraw, peer_mentor_ids=peer_mentor_ids, reason=reason)

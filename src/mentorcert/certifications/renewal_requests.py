"""Requests: a peer mentor asks for a renewal, and who has the right approves, refuses or asks back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.certifications.repository import Certification
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError

MOST: Final = 200
"""How many are read at once; as public.renewal_requests says."""

State = Literal["open", "asked_back", "approved", "refused", "withdrawn", "closed"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    """A request; `reply` is what was asked back or why it was refused, `settled_by` a name, which its owner does not read."""

    id: UUID
    organisation_id: UUID
    certification_id: UUID
    peer_mentor_id: UUID
    full_name: str
    certification_type: str
    expires_at: datetime | None
    text: str
    done_on: date
    state: State
    reply: str | None
    answer: str | None
    asked_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    is_own: bool
    version: int

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for somebody."""
        return self.state in ("open", "asked_back")


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request that waits, for the operator: the number says of whom."""

    id: UUID
    number: str
    certification_type: str
    state: State
    done_on: date
    asked_at: datetime
    expires_at: datetime | None


def waiting(conn: Connection) -> Sequence[RenewalRequest]:
    """Return those within the caller's reach that wait, the oldest first."""
    return rows.fetch_all(conn, RenewalRequest, _QUERIES.waiting)


def of_certification(conn: Connection, certification_id: UUID) -> Sequence[RenewalRequest]:
    """Return all requests for a certification within reach, the latest first."""
    return rows.fetch_all(conn, RenewalRequest, _QUERIES.of_certification, certification_id=certification_id)


def get(conn: Connection, request_id: UUID) -> RenewalRequest:
    """Return one within reach; raises MissingRightError where the caller sees none with this id."""
    found = rows.fetch_optional(conn, RenewalRequest, _QUERIES.get, request_id=request_id)
    if found is None:
        raise MissingRightError(code="42501", constraint="certification_right")
    return found


def own(conn: Connection) -> Sequence[RenewalRequest]:
    """Return the caller's own, the latest first."""
    return rows.fetch_all(conn, RenewalRequest, _QUERIES.own)


def of_organisation(conn: Connection, slug: str | None) -> Sequence[WaitingRequest]:
    """Return what waits in an organisation, or in all, the oldest first; for the operator."""
    return rows.fetch_all(conn, WaitingRequest, _QUERIES.of_organisation, slug=slug)


def ask(conn: Connection, certification_id: UUID, text: str, done_on: date | None) -> UUID:
    """Ask for a renewal of one of the own certifications.

    Raises MissingRightError, DuplicateError while another one waits, InvalidArgumentError and RetiredError.
    """
    return rows.fetch_one(
        conn, UUID, _QUERIES.ask, certification_id=certification_id, text=text, done_on=done_on
    )


def answer(
    conn: Connection,
    request_id: UUID,
    answer: str,
    done_on: date | None = None,
    *,
    version: int | None = None,
) -> None:
    """Answer what was asked back, and correct the day. Raises as `ask`, TransitionError and StaleVersionError."""
    rows.send(conn, _QUERIES.answer, request_id=request_id, answer=answer, done_on=done_on, version=version)


def withdraw(conn: Connection, request_id: UUID, *, version: int | None = None) -> None:
    """Withdraw one of the own. Raises MissingRightError, TransitionError and StaleVersionError."""
    rows.send(conn, _QUERIES.withdraw, request_id=request_id, version=version)


def ask_back(conn: Connection, request_id: UUID, reply: str, *, version: int | None = None) -> None:
    """Ask the peer mentor something. Raises MissingRightError, TransitionError and StaleVersionError."""
    rows.send(conn, _QUERIES.ask_back, request_id=request_id, reply=reply, version=version)


def refuse(conn: Connection, request_id: UUID, reason: str, *, version: int | None = None) -> None:
    """Refuse it for a reason. Raises as `ask_back`, and ReasonRequiredError."""
    rows.send(conn, _QUERIES.refuse, request_id=request_id, reason=reason, version=version)


def approve(
    conn: Connection,
    request_id: UUID,
    *,
    renewed_on: date | None = None,
    last_valid_day: date | None = None,
    note: str | None = None,
    version: int | None = None,
) -> Certification:
    """Renew by a request, as of the day on which it was done. Raises as `ask_back`, and as a renewal does."""
    return rows.fetch_one(
        conn,
        Certification,
        _QUERIES.approve,
        request_id=request_id,
        renewed_on=renewed_on,
        last_valid_day=last_valid_day,
        note=note,
        version=version,
    )

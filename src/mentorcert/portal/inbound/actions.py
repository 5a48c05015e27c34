"""The actions of messages: renew, attend, merge, withdraw a consent, recorded as the job `portal`."""

from dataclasses import dataclass
from typing import Final, Literal, assert_never
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.portal.config.rules import Action

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a message, why, and whom it is about; the reason holds no personal data."""

    state: Literal["worked", "ignored", "echo", "unknown", "needs_fetch", "needs_person", "failed"]
    reason: str | None = None
    rule: str | None = None
    sequence: int | None = None
    peer_mentor_id: UUID | None = None


def perform(conn: Connection, organisation_id: UUID, action: Action) -> Outcome:
    """Perform an action in the caller's transaction; idempotent. Raises DatabaseError."""
    mentor = rows.fetch_optional(
        conn,
        UUID,
        _QUERIES.peer_mentor,
        organisation_id=organisation_id,
        peer_mentor_id=action.peer_mentor_id,
        external_id=action.external_id,
    )
    match action.name:
        case "merge":
            state, reason = _merge(conn, organisation_id, mentor, action)
        case _ if mentor is None:
            state, reason = "needs_person", "the organisation has no such peer mentor"
        case "renew":
            state, reason = _renew(conn, organisation_id, mentor, action)
        case "attend":
            state, reason = _attend(conn, organisation_id, mentor, action)
        case "withdraw_consent":
            state, reason = _withdraw_consent(conn, organisation_id, mentor)
        case _:
            assert_never(action.name)
    return Outcome(state, reason, action.rule, action.sequence, mentor)


_Result = tuple[Literal["worked", "ignored", "needs_person"], str | None]


def _renew(conn: Connection, organisation_id: UUID, mentor: UUID, action: Action) -> _Result:
    is_renewed = rows.fetch_optional(
        conn,
        bool,
        _QUERIES.renew,
        organisation_id=organisation_id,
        peer_mentor_id=mentor,
        certification_type=action.certification_type,
        renewed_on=action.on,
        seen=action.rule,
    )
    if is_renewed is None:
        return "needs_person", f"no certification {action.certification_type} is held that could be renewed"
    return ("worked", None) if is_renewed else ("ignored", "issued or renewed on that day or later already")


def _attend(conn: Connection, organisation_id: UUID, mentor: UUID, action: Action) -> _Result:
    is_new = rows.fetch_optional(
        conn,
        bool,
        _QUERIES.attend,
        organisation_id=organisation_id,
        peer_mentor_id=mentor,
        certification_type=action.certification_type,
        attended_on=action.on,
    )
    if is_new is None:
        return "needs_person", f"signed up for no single course of {action.certification_type} on that day"
    return ("worked", None) if is_new else ("ignored", "the attendance is noted already")


def _withdraw_consent(conn: Connection, organisation_id: UUID, mentor: UUID) -> _Result:
    is_new = rows.fetch_one(
        conn, bool, _QUERIES.withdraw_consent, organisation_id=organisation_id, peer_mentor_id=mentor
    )
    return ("worked", None) if is_new else ("ignored", "there was no consent")


def _merge(conn: Connection, organisation_id: UUID, gone: UUID | None, action: Action) -> _Result:
    """Move the peer mentor to the merged contact; where both are peer mentors, a person must decide."""
    stays = rows.fetch_optional(
        conn,
        UUID,
        _QUERIES.peer_mentor,
        organisation_id=organisation_id,
        peer_mentor_id=None,
        external_id=action.into,
    )
    if gone is None:
        return "ignored", "the contact that went is no peer mentor here"
    if stays == gone:
        return "ignored", "both are the same peer mentor"
    if stays is not None:
        return (
            "needs_person",
            "both contacts are peer mentors here: which certifications and which consent hold?",
        )
    rows.execute(
        conn,
        _QUERIES.give_external_id,
        organisation_id=organisation_id,
        peer_mentor_id=gone,
        external_id=action.into,
    )
    return "worked", None

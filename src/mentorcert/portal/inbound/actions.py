"""What a message does to the registry: renews, merges, withdraws a consent, as the job `portal`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, assert_never
from uuid import UUID

import aiosql

from mentorcert.db.connection import Connection
from mentorcert.portal.config.rules import Action

_QUERIES: Final = aiosql.from_path(Path(__file__).with_name("inbox.sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, and why; the reason holds no personal data."""

    state: Literal["worked", "ignored", "echo", "unknown", "needs_fetch", "needs_person", "failed"]
    reason: str | None = None
    rule: str | None = None
    sequence: int | None = None


def perform(conn: Connection, organisation_id: UUID, time_zone: str, action: Action) -> Outcome:
    """Do it in the caller's transaction; may be repeated. Raises psycopg.Error where the registry refuses."""
    mentor: UUID | None = _QUERIES.peer_mentor(
        conn,
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
            state, reason = _renew(conn, organisation_id, time_zone, mentor, action)
        case "withdraw_consent":
            state, reason = _withdraw_consent(conn, mentor)
        case _:
            assert_never(action.name)
    return Outcome(state, reason, action.rule, action.sequence)


_Result = tuple[Literal["worked", "ignored", "needs_person"], str | None]


def _renew(conn: Connection, organisation_id: UUID, time_zone: str, mentor: UUID, action: Action) -> _Result:
    held = _QUERIES.held(
        conn,
        organisation_id=organisation_id,
        peer_mentor_id=mentor,
        certification_type=action.certification_type,
        time_zone=time_zone,
    )
    if held is None:
        return "needs_person", f"no certification {action.certification_type} is held that could be renewed"
    certification_id, issued_on = held
    if action.on is None or action.on <= issued_on:
        return "ignored", "issued or renewed on that day or later already"
    _QUERIES.announce_renewal(conn, seen=action.rule, seen_on=action.on.isoformat())
    _QUERIES.renew(conn, certification_id=certification_id, renewed_on=action.on, time_zone=time_zone)
    _QUERIES.end_announcement(conn)
    return "worked", None


def _withdraw_consent(conn: Connection, mentor: UUID) -> _Result:
    _QUERIES.announce(conn)
    changed: int = _QUERIES.withdraw_consent(conn, peer_mentor_id=mentor)
    _QUERIES.end_announcement(conn)
    return ("worked", None) if changed else ("ignored", "there was no consent")


def _merge(conn: Connection, organisation_id: UUID, gone: UUID | None, action: Action) -> _Result:
    """Let the peer mentor follow the contact; where both are peer mentors here, a person must decide."""
    stays: UUID | None = _QUERIES.peer_mentor(
        conn, organisation_id=organisation_id, peer_mentor_id=None, external_id=action.into
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
    _QUERIES.announce(conn)
    _QUERIES.give_external_id(conn, peer_mentor_id=gone, external_id=action.into)
    _QUERIES.end_announcement(conn)
    return "worked", None

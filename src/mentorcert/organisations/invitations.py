"""Invitations: who is invited by e-mail address to which role, and its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.organisations.memberships import Role
from mentorcert.translations import Language

VALID_DAYS: Final = 14
AT_ONCE: Final = 5000

State = Literal["waiting", "sent", "failed", "expired", "accepted", "withdrawn"]
Selection = Literal["open", "settled", "all"]
Outcome = Literal["invite", "open", "has_login", "no_address", "shared_address", "left"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("invite", "open", "has_login", "no_address", "shared_address", "left")

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation; `invited_by` is the address of the administrator, None for the operator and one who is gone.

    The address is None once the person was erased; `failure` names the rule by which the last attempt failed.
    """

    id: UUID
    organisation_id: UUID
    email: str | None
    role: Role
    chapter: str | None
    peer_mentor_id: UUID | None
    full_name: str | None
    invited_by: str | None
    is_by_operator: bool
    invited_at: datetime
    expires_at: datetime
    state: State
    settled_at: datetime | None
    failure: str | None
    may_resend: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A peer mentor, and what inviting does with the person."""

    id: UUID
    external_id: str
    full_name: str
    email: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Address:
    """An address, and what inviting does with it; of its login nothing is known."""

    email: str
    outcome: Outcome


def search(
    conn: Connection,
    organisation_id: UUID,
    *,
    selection: Selection = "open",
    before_at: datetime | None = None,
    before_id: UUID | None = None,
    size: int = 50,
) -> list[Invitation]:
    """Return invitations, the newest first, from before a place in that order. Administrators only."""
    return rows.fetch_all(
        conn, Invitation, _QUERIES.search, organisation_id=organisation_id, selection=selection, before_at=before_at,
        before_id=before_id, size=size, invitation_id=None, peer_mentor_id=None,
    )  # fmt: skip


def get(conn: Connection, organisation_id: UUID, invitation_id: UUID) -> Invitation:
    """Return an open invitation; raises MissingRightError where the caller sees none."""
    return rows.fetch_one(
        conn, Invitation, _QUERIES.search, organisation_id=organisation_id, selection="open", before_at=None,
        before_id=None, size=1, invitation_id=invitation_id, peer_mentor_id=None,
    )  # fmt: skip


def of_peer_mentor(conn: Connection, organisation_id: UUID, peer_mentor_id: UUID) -> Invitation | None:
    """Return the open invitation of a peer mentor, if the caller sees one."""
    return rows.fetch_optional(
        conn, Invitation, _QUERIES.search, organisation_id=organisation_id, selection="open", before_at=None,
        before_id=None, size=1, invitation_id=None, peer_mentor_id=peer_mentor_id,
    )  # fmt: skip


def candidates(
    conn: Connection, organisation_id: UUID, peer_mentor_ids: Sequence[UUID] | None = None
) -> list[Candidate]:
    """Return what inviting these peer mentors, or all, does with each, by name; nothing is changed."""
    ids = None if peer_mentor_ids is None else list(peer_mentor_ids)
    return rows.fetch_all(
        conn, Candidate, _QUERIES.candidates, organisation_id=organisation_id, peer_mentor_ids=ids
    )


def addresses(
    conn: Connection, organisation_id: UUID, emails: Sequence[str], role: Role, chapter_id: UUID | None
) -> list[Address]:
    """Return what inviting these addresses does with each; nothing is changed."""
    return rows.fetch_all(
        conn, Address, _QUERIES.addresses, organisation_id=organisation_id, emails=list(emails), role=role,
        chapter_id=chapter_id,
    )  # fmt: skip


def peer_mentors_at(conn: Connection, organisation_id: UUID, emails: Sequence[str]) -> dict[str, UUID]:
    """Return the peer mentors with one of these addresses, by the address as it was given."""
    found = rows.fetch_all(
        conn, tuple[str, UUID], _QUERIES.peer_mentors_at, organisation_id=organisation_id, emails=list(emails)
    )
    return dict(found)


def invite(
    conn: Connection,
    organisation_id: UUID,
    emails: Sequence[str],
    role: Role,
    chapter_id: UUID | None,
    *,
    valid_days: int = VALID_DAYS,
    language: Language = "nb",
) -> int:
    """Invite addresses to be coordinators of a chapter, or administrators; return how many.

    The answer is the same whether an address has a login. Raises InvalidArgumentError, and ForbiddenError.
    """
    return rows.fetch_one(
        conn, int, _QUERIES.invite, organisation_id=organisation_id, emails=list(emails), role=role,
        chapter_id=chapter_id, valid_days=valid_days, language=language,
    )  # fmt: skip


def invite_peer_mentors(
    conn: Connection, organisation_id: UUID, peer_mentor_ids: Sequence[UUID], *, valid_days: int = VALID_DAYS
) -> int:
    """Invite those of these peer mentors who have an address of their own and no login; return how many."""
    return rows.fetch_one(
        conn, int, _QUERIES.invite_peer_mentors, organisation_id=organisation_id,
        peer_mentor_ids=list(peer_mentor_ids), valid_days=valid_days,
    )  # fmt: skip


def withdraw(conn: Connection, organisation_id: UUID, invitation_ids: Sequence[UUID]) -> int:
    """Withdraw open invitations; return how many were open."""
    return rows.fetch_one(
        conn, int, _QUERIES.withdraw, organisation_id=organisation_id, invitation_ids=list(invitation_ids)
    )


def resend(
    conn: Connection, organisation_id: UUID, invitation_ids: Sequence[UUID], *, valid_days: int = VALID_DAYS
) -> int:
    """Make open invitations again, expired ones too; return how many: none of the last ten minutes."""
    return rows.fetch_one(
        conn, int, _QUERIES.resend, organisation_id=organisation_id, invitation_ids=list(invitation_ids),
        valid_days=valid_days,
    )  # fmt: skip

"""Reads and changes one peer mentor, with the rights of the connection's user."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from mentorcert.certifications.repository import Certification
from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class PeerMentor:
    """A peer mentor; `may_certify`: whether the caller registers and changes certifications here.

    `listed_until` is until when the public list shows the person; None: it does not.
    """

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    display_name: str | None
    email: str | None
    phone: str | None
    listing_consent: bool
    chapter_ids: list[UUID]
    user_id: UUID | None
    may_certify: bool
    listed_until: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Contact:
    """What an administrator writes of a peer mentor."""

    external_id: str
    full_name: str
    display_name: str | None
    email: str | None
    phone: str | None
    listing_consent: bool
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A peer mentor who could be the same person: by the number, else by name and e-mail address."""

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    is_same_number: bool


def get(conn: Connection, peer_mentor_id: UUID) -> PeerMentor:
    """Return a peer mentor; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, PeerMentor, _QUERIES.get, peer_mentor_id=peer_mentor_id)


def certifications_of(conn: Connection, peer_mentor_id: UUID) -> list[Certification]:
    """Return what the peer mentor holds or held, what ends first before the rest."""
    return rows.fetch_all(conn, Certification, _QUERIES.certifications_of, peer_mentor_id=peer_mentor_id)


def names_of(conn: Connection, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of those logins that are peer mentors within the caller's reach."""
    if not user_ids:
        return {}
    return dict(rows.fetch_all(conn, tuple[UUID, str], _QUERIES.names_of, user_ids=list(user_ids)))


def look_alikes(conn: Connection, contact: Contact) -> list[LookAlike]:
    """Return who could be the person of `contact`, at most ten."""
    return rows.fetch_all(
        conn,
        LookAlike,
        _QUERIES.look_alikes,
        external_id=contact.external_id,
        full_name=contact.full_name,
        email=contact.email,
    )


def add(conn: Connection, contact: Contact, chapter_ids: Collection[UUID]) -> UUID:
    """Add a peer mentor to the caller's organisation and to chapters; return the id. Administrators only."""
    peer_mentor_id = rows.fetch_one(conn, UUID, _QUERIES.add, **asdict(contact))
    rows.execute(conn, _QUERIES.enter, peer_mentor_id=peer_mentor_id, chapter_ids=list(chapter_ids))
    return peer_mentor_id


def change(
    conn: Connection, peer_mentor: PeerMentor, contact: Contact, chapter_ids: Collection[UUID]
) -> None:
    """Write what differs from a peer mentor as read, who enters and leaves chapters accordingly.

    Administrators only. Raises StaleVersionError where the peer mentor was changed since.
    """
    left = set(peer_mentor.chapter_ids) - set(chapter_ids)
    entered = set(chapter_ids) - set(peer_mentor.chapter_ids)
    rows.change_columns(
        conn,
        _QUERIES.change,
        rows.differences(peer_mentor, contact),
        peer_mentor_id=peer_mentor.id,
        version=peer_mentor.version,
    )
    if left:
        rows.execute(conn, _QUERIES.leave, peer_mentor_id=peer_mentor.id, chapter_ids=list(left))
    if entered:
        rows.execute(conn, _QUERIES.enter, peer_mentor_id=peer_mentor.id, chapter_ids=list(entered))


def find_login(conn: Connection, email: str) -> UUID | None:
    """Return the login with this address. Administrators only; each question is logged."""
    return rows.fetch_optional(conn, UUID, _QUERIES.find_login, email=email)


def login_address(conn: Connection, user_id: UUID) -> str | None:
    """Return the address of a member's login; None where the caller does not administer the member."""
    return rows.fetch_optional(conn, str, _QUERIES.login_address, user_id=user_id)

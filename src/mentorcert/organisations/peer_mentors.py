"""Reads and changes one peer mentor, with the rights of the connection's user."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from mentorcert.certifications.repository import Certification
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class PeerMentor:
    """A peer mentor; `may_certify`: whether the caller registers and changes certifications here.

    `left_on` is the first day on which the person is none any more, `has_left` whether it has come;
    `listed_until` is until when the public list shows the person; None: it does not. `is_unaddressable`: nothing
    can be sent to the portal, for the number is its key and holds what a key cannot.
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
    left_on: date | None
    left_reason: str | None
    has_left: bool
    listed_until: datetime | None
    is_unaddressable: bool
    version: int
    language: Language
    reminders_paused: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """What an administrator writes of a peer mentor."""

    external_id: str
    full_name: str
    display_name: str | None
    email: str | None
    phone: str | None
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
    return rows.fetch_one(
        conn, PeerMentor, _QUERIES.get, peer_mentor_id=peer_mentor_id, certification_id=None
    )


def merged_into(conn: Connection, peer_mentor_id: UUID) -> UUID | None:
    """Return who stands for a peer mentor who was merged; None for who was not, or is out of reach."""
    found = rows.fetch_optional(conn, tuple[UUID, UUID], _QUERIES.merged_into, peer_mentor_id=peer_mentor_id)
    return found[1] if found else None


def of_certification(conn: Connection, certification_id: UUID) -> PeerMentor:
    """Return the peer mentor of a certification; raises MissingRightError where the caller sees none."""
    return rows.fetch_one(
        conn, PeerMentor, _QUERIES.get, peer_mentor_id=None, certification_id=certification_id
    )


def own(conn: Connection) -> PeerMentor:
    """Return the caller; raises MissingRightError for who is no peer mentor."""
    return rows.fetch_one(conn, PeerMentor, _QUERIES.get, peer_mentor_id=None, certification_id=None)


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


def find_number(conn: Connection, external_id: str) -> UUID | None:
    """Return the peer mentor with this number, in whatever case, within the caller's reach."""
    return rows.fetch_optional(conn, UUID, _QUERIES.find_number, external_id=external_id)


def add(
    conn: Connection, contact: Contact, chapter_ids: Collection[UUID], *, listing_consent: bool = False
) -> UUID:
    """Add a peer mentor to the caller's organisation and to chapters; return the id. Administrators only."""
    peer_mentor_id = rows.fetch_one(
        conn, UUID, _QUERIES.add, **asdict(contact), listing_consent=listing_consent
    )
    rows.send(conn, _QUERIES.enter, peer_mentor_id=peer_mentor_id, chapter_ids=list(chapter_ids))
    return peer_mentor_id


def change(
    conn: Connection, peer_mentor: PeerMentor, contact: Contact, chapter_ids: Collection[UUID]
) -> None:
    """Write what differs from a peer mentor as read, who enters and leaves chapters accordingly.

    Administrators only. Raises StaleVersionError where the peer mentor was changed since.
    """
    left = set(peer_mentor.chapter_ids) - set(chapter_ids)
    entered = set(chapter_ids) - set(peer_mentor.chapter_ids)
    changed = rows.ahead(
        rows.change_columns,
        conn,
        _QUERIES.change,
        rows.differences(peer_mentor, contact),
        peer_mentor_id=peer_mentor.id,
        version=peer_mentor.version,
    )
    if left:
        rows.send(conn, _QUERIES.leave, peer_mentor_id=peer_mentor.id, chapter_ids=list(left))
    if entered:
        rows.send(conn, _QUERIES.enter, peer_mentor_id=peer_mentor.id, chapter_ids=list(entered))
    changed.value  # noqa: B018 raises what was refused


def look_up_login(conn: Connection, email: str) -> UUID:
    """Ask for the login with this address; `found_login` has the answer once this has committed.

    Administrators only; each question is logged.
    """
    return rows.fetch_one(conn, UUID, _QUERIES.look_up_login, email=email)


def found_login(conn: Connection, lookup_id: UUID) -> UUID | None:
    """Return the login that was asked for; None where the address has none."""
    return rows.fetch_optional(conn, UUID, _QUERIES.found_login, lookup_id=lookup_id)


def login_address(conn: Connection, user_id: UUID) -> str | None:
    """Return the address of a member's login; None where the caller does not administer the member."""
    return rows.fetch_optional(conn, str, _QUERIES.login_address, user_id=user_id)


def login_address_of(conn: Connection, peer_mentor_id: UUID) -> str | None:
    """Return the same of a peer mentor's login."""
    return rows.fetch_optional(conn, str, _QUERIES.login_address_of, peer_mentor_id=peer_mentor_id)

"""Reads and changes one peer mentor, with the rights of the connection's user."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import class_row

from mentorcert.certifications import history
from mentorcert.certifications.history import EntryV1
from mentorcert.certifications.repository import Certification
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError, UnknownHistoryVersionError, from_postgres

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class PeerMentor:
    """A peer mentor; `may_certify` tells whether the caller registers and changes certifications here.

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
class HistoryItem:
    """An entry of the history of one of the peer mentor's certifications."""

    certification_id: UUID
    certification_type: str
    entry: EntryV1


def get(conn: Connection, peer_mentor_id: UUID) -> PeerMentor:
    """Return a peer mentor; raises MissingRightError where the caller sees none with this id."""
    with _database_errors(), conn.cursor(row_factory=class_row(PeerMentor)) as cursor:
        found = cursor.execute(_QUERIES.get.sql, {"peer_mentor_id": peer_mentor_id}).fetchone()
    if found is None:
        raise MissingRightError
    return found


def certifications_of(conn: Connection, peer_mentor_id: UUID) -> list[Certification]:
    """Return what the peer mentor holds or held, what ends first before the rest."""
    with _database_errors(), conn.cursor(row_factory=class_row(Certification)) as cursor:
        return cursor.execute(_QUERIES.certifications_of.sql, {"peer_mentor_id": peer_mentor_id}).fetchall()


def history_of(
    conn: Connection,
    peer_mentor_id: UUID,
    *,
    certification_id: UUID | None = None,
    skipped: int = 0,
    size: int = 50,
) -> list[HistoryItem]:
    """Return a part of the history, newest entry first, of all certifications or of one.

    Raises HistoryEntryError.
    """
    with _database_errors():
        found = list(
            _QUERIES.history_of(
                conn,
                peer_mentor_id=peer_mentor_id,
                certification_id=certification_id,
                skipped=skipped,
                size=size,
            )
        )
    entries = history.parse(entry for _, _, entry in found)
    return [
        HistoryItem(id_, type_, _current(entry))
        for (id_, type_, _), entry in zip(found, entries, strict=True)
    ]


def names_of(conn: Connection, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of those logins that are peer mentors within the caller's reach."""
    with _database_errors():
        return dict(_QUERIES.names_of(conn, user_ids=list(user_ids))) if user_ids else {}


def add(conn: Connection, contact: Contact, chapter_ids: Collection[UUID]) -> UUID:
    """Add a peer mentor to the caller's organisation and to chapters; return the id. Administrators only."""
    with _database_errors():
        peer_mentor_id: UUID = _QUERIES.add(conn, **_columns(contact))
        _QUERIES.enter(conn, peer_mentor_id=peer_mentor_id, chapter_ids=list(chapter_ids))
    return peer_mentor_id


def change(
    conn: Connection, peer_mentor: PeerMentor, contact: Contact, chapter_ids: Collection[UUID]
) -> None:
    """Write what is new of a peer mentor, who enters and leaves chapters accordingly. Administrators only."""
    before, after = set(peer_mentor.chapter_ids), set(chapter_ids)
    with _database_errors():
        if _QUERIES.change(conn, peer_mentor_id=peer_mentor.id, **_columns(contact)) != 1:
            raise MissingRightError
        if before - after:
            _QUERIES.leave(conn, peer_mentor_id=peer_mentor.id, chapter_ids=list(before - after))
        if after - before:
            _QUERIES.enter(conn, peer_mentor_id=peer_mentor.id, chapter_ids=list(after - before))


def find_login(conn: Connection, email: str) -> UUID | None:
    """Return the login with this address. Administrators only; each question is logged."""
    with _database_errors():
        found: UUID | None = _QUERIES.find_login(conn, email=email)
    return found


def login_address(conn: Connection, user_id: UUID) -> str | None:
    """Return the address of a member's login; None for whom the caller does not administer."""
    with _database_errors():
        found: str | None = _QUERIES.login_address(conn, user_id=user_id)
    return found


def _columns(contact: Contact) -> dict[str, object]:
    return {name: getattr(contact, name) for name in Contact.__slots__}


def _current(entry: object) -> EntryV1:
    if not isinstance(entry, EntryV1):
        raise UnknownHistoryVersionError
    return entry


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise from_postgres(error) from error

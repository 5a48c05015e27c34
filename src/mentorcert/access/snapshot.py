"""Reads what decides about access as the owner sees it, in one transaction that changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mentorcert.access.model import (
    TABLES,
    AuditEntry,
    Certification,
    CertificationType,
    Chapter,
    ConsentAct,
    ListedPeerMentor,
    Membership,
    Organisation,
    PeerMentor,
    PeerMentorChapter,
    RenewalEvent,
    World,
    qualified,
)
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import SnapshotError

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """An endpoint that is switched off, since when and why."""

    endpoint: str
    since: datetime
    reason: str


@contextmanager
def one_instant(conn: Connection, *, read_only: bool = True) -> Iterator[Connection]:
    """Run one transaction in which every statement sees the same rows, and roll it back.

    The connection must be in autocommit; in the transaction it may change to another role.
    """
    with conn.transaction(force_rollback=True):
        conn.execute("set transaction isolation level repeatable read")
        if read_only:
            conn.execute("set transaction read only")
        yield conn


def unknown_tables(conn: Connection) -> list[str]:
    """Return the tables and views of ours, and in public those that read ours, without a rule of the model.

    A project's own tables are not ours to judge.

    Raises SnapshotError where the connection does not read every row of those that it has rules for.
    """
    ours = {qualified(table) for table in TABLES}
    readable = dict(rows.fetch_all(conn, tuple[str, bool], _QUERIES.tables, ours=sorted(ours)))
    if hidden := sorted(table for table in ours if not readable.get(table, False)):
        raise SnapshotError(
            f"This connection does not read every row of {', '.join(hidden)}, so it cannot judge who may.",
            hint="Set DATABASE_URL to the tables' owner (`postgres` on Supabase), not to mentorcert_web.",
        )
    return sorted(readable.keys() - ours)


def switched_off(conn: Connection) -> dict[str, SwitchedOff]:
    """Return the tables that are switched off now, with their endpoints."""
    return {
        table: SwitchedOff(*endpoint)
        for table, *endpoint in rows.fetch_all(conn, tuple[Any, ...], _QUERIES.switched_off)
    }


def everything(conn: Connection) -> World:
    """Return the world of the whole registry; of renewal events, one for each certification that has any.

    That event has the certification's id.
    """
    return World(
        as_of=rows.fetch_one(conn, datetime, _QUERIES.as_of),
        organisations=tuple(rows.fetch_all(conn, Organisation, _QUERIES.organisations)),
        chapters=tuple(rows.fetch_all(conn, Chapter, _QUERIES.chapters)),
        memberships=tuple(rows.fetch_all(conn, Membership, _QUERIES.memberships, user_id=None)),
        peer_mentors=tuple(
            rows.fetch_all(conn, PeerMentor, _QUERIES.peer_mentors, user_id=None, certification_id=None)
        ),
        peer_mentor_chapters=tuple(
            rows.fetch_all(conn, PeerMentorChapter, _QUERIES.peer_mentor_chapters, certification_id=None)
        ),
        certification_types=tuple(rows.fetch_all(conn, CertificationType, _QUERIES.certification_types)),
        certifications=tuple(
            rows.fetch_all(conn, Certification, _QUERIES.certifications, certification_id=None)
        ),
        renewal_events=tuple(rows.fetch_all(conn, RenewalEvent, _QUERIES.certifications_with_events)),
        listed_peer_mentors=tuple(rows.fetch_all(conn, ListedPeerMentor, _QUERIES.listed_peer_mentors)),
        listing_consents=tuple(rows.fetch_all(conn, ConsentAct, _QUERIES.listing_consents)),
        audit_log=tuple(rows.fetch_all(conn, AuditEntry, _QUERIES.audit_log)),
    )


def around(conn: Connection, user_id: UUID, certification_id: UUID) -> World:
    """Return as much of the world as decides whether a login gets at a certification."""
    asked = {"user_id": user_id, "certification_id": certification_id}
    return World(
        as_of=rows.fetch_one(conn, datetime, _QUERIES.as_of),
        chapters=tuple(rows.fetch_all(conn, Chapter, _QUERIES.chapters)),
        memberships=tuple(rows.fetch_all(conn, Membership, _QUERIES.memberships, user_id=user_id)),
        peer_mentors=tuple(rows.fetch_all(conn, PeerMentor, _QUERIES.peer_mentors, **asked)),
        peer_mentor_chapters=tuple(
            rows.fetch_all(
                conn, PeerMentorChapter, _QUERIES.peer_mentor_chapters, certification_id=certification_id
            )
        ),
        certifications=tuple(
            rows.fetch_all(conn, Certification, _QUERIES.certifications, certification_id=certification_id)
        ),
    )

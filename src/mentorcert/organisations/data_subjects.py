"""A person's rights: everything that is known of one peer mentor, and erasure (GDPR, articles 15 and 17)."""

from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import aiosql

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError
from mentorcert.organisations import organisation_file

Login = Literal["none", "kept", "deleted"]

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def find(conn: Connection, organisation: str, peer_mentor: str) -> UUID:
    """Return the id of a peer mentor, by the organisation's own number or by the id itself.

    Raises UnknownOrganisationError and InvalidInputError.
    """
    organisation_id = organisation_file.find(conn, organisation)
    found: UUID | None = _QUERIES.find(conn, organisation_id=organisation_id, external_id=peer_mentor)
    if found is None:
        raise InvalidInputError(
            f"{organisation} has no peer mentor {peer_mentor!r}.",
            hint="Look the number up in `mentorcert export`; somebody who was erased is found by id only.",
        )
    return found


def export(conn: Connection, peer_mentor_id: UUID) -> dict[str, Any]:
    """Return everything about one peer mentor: person, chapters, certifications, histories, login, logs."""
    everything: dict[str, Any] = _QUERIES.everything(conn, peer_mentor_id=peer_mentor_id)
    return everything


def erase(conn: Connection, peer_mentor_id: UUID, *, with_login: bool = False) -> Login:
    """Erase one person, for good; return what became of the login.

    Name, contact, login, notes and evidence go; types, dates, statuses and past chapters stay, for counts.
    The person is off the public list at once. Raises psycopg.Error: MC008 for somebody who is erased already,
    42501 for whoever is not the owner of the database.
    """
    with conn.transaction():
        login: Login = _QUERIES.erase(conn, peer_mentor_id=peer_mentor_id, with_login=with_login)
    logs.event("person_erased", peer_mentor_id=str(peer_mentor_id), login=login)
    return login

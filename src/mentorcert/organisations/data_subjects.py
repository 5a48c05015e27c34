"""A person's rights: everything that is known of one peer mentor, and erasure (GDPR, articles 15 and 17)."""

from typing import Any, Literal
from uuid import UUID

from mentorcert import logs
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError
from mentorcert.organisations import organisations

Login = Literal["none", "kept", "deleted"]

_QUERIES = rows.beside(__file__)


def find(conn: Connection, organisation: str, peer_mentor: str) -> UUID:
    """Return the id of a peer mentor, by the organisation's own number or by the id itself.

    Raises UnknownOrganisationError and InvalidInputError.
    """
    organisation_id = organisations.by_slug(conn, organisation).id
    found = rows.fetch_optional(
        conn, UUID, _QUERIES.find, organisation_id=organisation_id, external_id=peer_mentor
    )
    if found is None:
        raise InvalidInputError(
            f"{organisation} has no peer mentor {peer_mentor!r}.",
            hint="Look the number up in `mentorcert export`; somebody who was erased is found by id only.",
        )
    return found


def export(conn: Connection, peer_mentor_id: UUID) -> dict[str, Any]:
    """Return everything about one peer mentor: person, certifications, histories, login, logs, portal."""
    return rows.fetch_one(conn, dict[str, Any], _QUERIES.everything, peer_mentor_id=peer_mentor_id)


def erase(conn: Connection, peer_mentor_id: UUID, *, with_login: bool = False) -> Login:
    """Erase one person, for good; return what happened to the login.

    Name, contact, login, notes and evidence go; types, dates, statuses and past chapters stay, for counts.
    The person is off the public list at once. What the portal sent about the person goes where it is settled,
    the rest when the portal has confirmed the erasure. Raises InvalidArgumentError for somebody who is erased already,
    and MissingRightError for a role that is not the owner of the database.
    """
    with conn.transaction():
        (login,) = rows.fetch_one(
            conn, tuple[Login], _QUERIES.erase, peer_mentor_id=peer_mentor_id, with_login=with_login
        )
    logs.event("person_erased", peer_mentor_id=str(peer_mentor_id), login=login)
    return login

"""Sample people of the example organisations: a login of each role."""

from dataclasses import dataclass
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Person:
    """A sample login; `scope` is the chapter of a coordinator, the name of a peer mentor."""

    id: UUID
    email: str
    role: str
    organisation: str
    slug: str
    scope: str | None


def invited(conn: Connection) -> list[Person]:
    """Return who is invited to an example organisation and has not answered, by the id of the invitation."""
    return rows.fetch_all(conn, Person, _QUERIES.invited)


def login_of(conn: Connection, invitation_id: UUID) -> tuple[UUID, str] | None:
    """Return the login of somebody invited, made now where there is none.

    None for another invitation, and for the login of somebody real.
    """
    return rows.fetch_optional(conn, tuple[UUID, str], _QUERIES.login_of, invitation_id=invitation_id)


def ensure(conn: Connection) -> list[Person]:
    """Give each example organisation an administrator, a coordinator and a peer mentor with logins.

    Needs the owner's connection. Run again, it finds the same people.
    """
    with conn.transaction():
        rows.execute(conn, _QUERIES.add_logins)
        rows.execute(conn, _QUERIES.add_memberships)
        rows.execute(conn, _QUERIES.link_peer_mentors)
        return rows.fetch_all(conn, Person, _QUERIES.people)

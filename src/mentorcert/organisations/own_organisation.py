"""The organisation in which the user acts, and all in which the user could."""

from dataclasses import dataclass
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.organisations.memberships import Role

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class OwnOrganisation:
    """An organisation, with the user's roles in it; `has_others`: whether the user is in another one, too."""

    id: UUID
    slug: str
    name: str
    time_zone: str
    roles: list[Role]
    has_others: bool


def current(conn: Connection) -> OwnOrganisation | None:
    """Return the organisation in which the user acts; None for a user of none, or who must choose."""
    return rows.fetch_optional(conn, OwnOrganisation, _QUERIES.current)


def every(conn: Connection) -> list[OwnOrganisation]:
    """Return all organisations of the user by name, without roles."""
    return rows.fetch_all(conn, OwnOrganisation, _QUERIES.every)

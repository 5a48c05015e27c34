"""Organisations, found by what their addresses and files call them."""

from dataclasses import dataclass
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import UnknownOrganisationError

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation; its slug and time zone never change."""

    id: UUID
    slug: str
    name: str
    time_zone: str
    version: int

    @property
    def organisation_id(self) -> UUID:
        """By which the access log knows whose row it is."""
        return self.id


@dataclass(frozen=True, slots=True)
class Naming:
    """What an administrator changes of an organisation."""

    name: str


def get(conn: Connection, organisation_id: UUID) -> Organisation:
    """Return an organisation; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, Organisation, _QUERIES.get, id=organisation_id)


def rename(conn: Connection, organisation: Organisation, naming: Naming) -> None:
    """Rename an organisation as read. Administrators only.

    Raises MissingRightError where the caller may not, StaleVersionError where it was changed since.
    """
    changes = rows.differences(organisation, naming)
    rows.change_columns(conn, _QUERIES.rename, changes, id=organisation.id, version=organisation.version)


def by_slug(conn: Connection, slug: str) -> Organisation:
    """Return the organisation with this slug; raises UnknownOrganisationError."""
    organisation = rows.fetch_optional(conn, Organisation, _QUERIES.by_slug, slug=slug)
    if organisation is None:
        raise UnknownOrganisationError.named(slug)
    return organisation

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


def by_slug(conn: Connection, slug: str) -> Organisation:
    """Return the organisation with this slug; raises UnknownOrganisationError."""
    organisation = rows.fetch_optional(conn, Organisation, _QUERIES.by_slug, slug=slug)
    if organisation is None:
        raise UnknownOrganisationError.named(slug)
    return organisation

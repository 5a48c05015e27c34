"""Where the public reaches a chapter, and which places it serves."""

from dataclasses import asdict, dataclass
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class ChapterContact:
    """The contact of a chapter within the caller's reach; `above` is the name of the chapter above it."""

    id: UUID
    organisation_id: UUID
    code: str
    name: str
    above: str | None
    contact_email: str | None
    contact_phone: str | None
    website: str | None
    places: list[str]
    version: int


@dataclass(frozen=True, slots=True)
class Contact:
    """What may be written of it."""

    contact_email: str
    contact_phone: str
    website: str
    places: list[str]


def within_reach(conn: Connection) -> list[ChapterContact]:
    """Return the chapters that the caller coordinates or administers, by name; not those that are retired."""
    return rows.fetch_all(conn, ChapterContact, _QUERIES.within_reach)


def save(conn: Connection, chapter: ChapterContact, contact: Contact) -> None:
    """Write the contact of a chapter as read.

    Raises MissingRightError, StaleVersionError where it was changed since, and ConstraintError.
    """
    rows.send(conn, _QUERIES.save, id=chapter.id, version=chapter.version, **asdict(contact))

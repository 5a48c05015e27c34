"""How people reach each other: a peer mentor's own details, and the coordinators to whom they turn."""

from dataclasses import dataclass
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class OwnDetails:
    """What a peer mentor and a coordinator write, too: names and ways, but no number, chapter or login."""

    display_name: str | None
    email: str | None
    phone: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Somebody to turn to; without a chapter it is an administrator, of whom there is no coordinator."""

    chapter: str | None
    full_name: str | None
    email: str | None


def change(conn: Connection, peer_mentor_id: UUID, details: OwnDetails, *, version: int) -> None:
    """Write the details of a peer mentor, if it is still that version.

    The person, coordinators of the chapters, and administrators. Raises MissingRightError,
    StaleVersionError, and the errors of values that are no name, address or number.
    """
    rows.send(
        conn,
        _QUERIES.change,
        peer_mentor_id=peer_mentor_id,
        display_name=details.display_name,
        email=details.email,
        phone=details.phone,
        language=details.language,
        version=version,
    )


def coordinators(conn: Connection) -> list[Coordinator]:
    """Return to whom the caller turns, by chapter and name: a peer mentor, or a coordinator; none for all others."""
    return rows.fetch_all(conn, Coordinator, _QUERIES.coordinators)

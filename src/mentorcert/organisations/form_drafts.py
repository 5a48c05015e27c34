"""What somebody typed into a form whose preview is shown: kept for a day, for that person alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Draft:
    """The names and values that a browser sent."""

    organisation_id: UUID
    fields: list[tuple[str, str]]


def keep(conn: Connection, organisation_id: UUID, path: str, fields: Sequence[tuple[str, str]]) -> UUID:
    """Keep what was sent to an address, of each person the latest fifty; return the id of the draft."""
    draft_id = uuid4()
    rows.send(
        conn,
        _QUERIES.keep,
        id=draft_id,
        organisation_id=organisation_id,
        path=path,
        fields=Jsonb(list(fields)),
    )
    return draft_id


def find(conn: Connection, draft_id: UUID, path: str) -> Draft | None:
    """Return what the caller sent to an address; None where that is no draft of theirs."""
    return rows.fetch_optional(conn, Draft, _QUERIES.find, draft_id=draft_id, path=path)

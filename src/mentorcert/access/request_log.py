"""Writes the access log: which endpoint answered the user, with rows of which organisations."""

from collections.abc import Collection
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


def write(conn: Connection, endpoint: str, organisation_ids: Collection[UUID], *, request_id: str) -> None:
    """Add one entry about the user as whom the connection acts."""
    rows.send(
        conn,
        _QUERIES.write,
        endpoint=endpoint,
        organisation_ids=list(organisation_ids),
        request_id=request_id,
    )

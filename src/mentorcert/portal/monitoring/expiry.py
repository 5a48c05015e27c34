"""Expiry dates of secrets, stored in the database for the checks."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from psycopg.types.json import Jsonb

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.portal.config.configuration import Configuration, secrets

_QUERIES: Final = rows.beside(__file__)


def note(conn: Connection, configurations: Iterable[Configuration]) -> None:
    """Store the dates in the files, in place of earlier ones; never a secret or its reference."""
    for of in configurations:
        noted = [
            {"place": place, "expires": one.expires.isoformat() if isinstance(one.expires, date) else None}
            for place, one in secrets(of)
        ]
        rows.execute(conn, _QUERIES.note_secrets, organisation=of.organisation, secrets=Jsonb(noted))

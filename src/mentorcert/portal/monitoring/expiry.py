"""When secrets expire: noted in the database, so that everybody who asks how things stand is told."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

import aiosql
from psycopg.types.json import Jsonb

from mentorcert.db.connection import Connection
from mentorcert.portal.config.configuration import Configuration, secrets

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def note(conn: Connection, configurations: Iterable[Configuration]) -> None:
    """Note the dates that the files give, instead of those noted before; never a secret or its reference."""
    for of in configurations:
        noted = [
            {"place": place, "expires": one.expires.isoformat() if isinstance(one.expires, date) else None}
            for place, one in secrets(of)
        ]
        _QUERIES.note_secrets(conn, organisation=of.organisation, secrets=Jsonb(noted))

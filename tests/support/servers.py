"""The PostgreSQL servers that the tests run on, and databases cloned from a template."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mentorcert.db import embedded, migrate
from mentorcert.db.connection import connect
from tests.support import pooler, processes

DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")
HAS_PG_CRON = Path("/usr/share/postgresql/15/extension/pg_cron.control").exists()
# The one database of a server that may hold pg_cron; it exists only while a test has it.
CRON_DATABASE = "mentorcert_cron"

needs_debian_15 = pytest.mark.skipif(
    not (DEBIAN_BINARIES / "postgres").exists(), reason="Debian's postgresql-15 is not installed"
)
needs_pg_cron = pytest.mark.skipif(not HAS_PG_CRON, reason="Debian's postgresql-15-cron is not installed")
EMBEDDED_18 = pytest.param("pg18", id="pg18")
DEBIAN_15 = pytest.param("pg15", id="pg15", marks=[pytest.mark.pg15, needs_debian_15])
DEBIAN_15_WITH_CRON = pytest.param("pg15", id="pg15", marks=[pytest.mark.pg15, needs_pg_cron])
POOLED_15 = pytest.param(
    "pooled", id="pooled", marks=[pytest.mark.pooled, needs_debian_15, pooler.needs_pgbouncer]
)
on_embedded_18 = pytest.mark.parametrize("server", [EMBEDDED_18], indirect=True)
on_debian_15 = pytest.mark.parametrize("server", [DEBIAN_15], indirect=True)
on_pooled_15 = pytest.mark.parametrize("server", [POOLED_15], indirect=True)
on_debian_15_with_cron = pytest.mark.parametrize("server", [DEBIAN_15_WITH_CRON], indirect=True)

_LOOPBACK = "127.0.0.1"
# The data of a test are thrown away: nothing needs to outlive a power cut. And no statement waits for ever.
_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "128MB",
    "statement_timeout": "300s",
}
# In memory, a database for each test costs a fifth of the time; containers often have next to no room there.
_IN_MEMORY = Path("/dev", "shm")
ROOM = 4 * 2**30


@dataclass(frozen=True)
class Server:
    """A running server; `url` is its database `postgres`, as superuser.

    Where there is a `pooler`, the tests reach their databases through it, and `url` goes past it.
    """

    name: str
    url: str
    binaries: Path
    pooler: str | None = None

    def database_url(self, database: str) -> str:
        return make_conninfo(self.pooler or self.url, dbname=database)

    def tcp_url(self, database: str) -> str:
        """Return the URL over TCP, for programs that know no Unix sockets; any password will do."""
        port = conninfo_to_dict(self.url)["port"]
        return f"postgresql://postgres:postgres@{_LOOPBACK}:{port}/{database}?sslmode=disable"

    def run(self, statement: str, *names: str) -> None:
        """Execute one statement outside a transaction, with `names` as identifiers."""
        with connect(self.url, autocommit=True) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @contextmanager
    def new_database(self, template: str = "template0", name: str | None = None) -> Iterator[str]:
        """Lend a clone of `template`, by default under a name of its own; yields its connection string."""
        name = name or f"test_{uuid4().hex}"
        self.run("create database {} template {} strategy file_copy", name, template)
        try:
            if template != "template0":
                # A clone has the rights of a new database, not those of its template.
                self.run("revoke temporary on database {} from public", name)
            if self.pooler is not None:
                pooler.fill(self.database_url(name))
            yield self.database_url(name)
        finally:
            self.run("drop database {} with (force)", name)

    @contextmanager
    def migrated_template(self) -> Iterator[str]:
        """Lend a database with every migration applied, to be cloned; yields its name."""
        name = f"template_{uuid4().hex}"
        self.run("create database {} template template0", name)
        try:
            # Past the pooler: nobody may be connected to what is cloned, and it would keep its connection.
            with connect(make_conninfo(self.url, dbname=name), autocommit=True) as conn:
                list(migrate.migrate(conn, migrate.read()))
            yield name
        finally:
            self.run("drop database {} with (force)", name)


@contextmanager
def embedded_18(room: int = ROOM) -> Iterator[Server]:
    """Start the embedded server in a folder of its own, in memory where that has `room`, in bytes."""
    home = new_folder("mentorcert-18-", room)
    data = home / "postgres"
    try:
        url = embedded.start(home)
        port = free_port()
        folder = str(conninfo_to_dict(url)["host"])
        # It is on a socket only, and lets nobody in by TCP.
        (data / "pg_hba.conf").write_text(
            f"local all all trust\nlocal replication all trust\nhost all all {_LOOPBACK}/32 trust\n"
        )
        restart = ("restart", *_pg_ctl(data, _options(folder, port)))
        _run(embedded.binaries() / "pg_ctl", data, as_user("pgserver"), *restart)
        yield Server("pg18", make_conninfo(url, port=port), embedded.binaries())
    finally:
        _stop(data)
        shutil.rmtree(home)


@contextmanager
def debian_15(room: int = ROOM, **more: str) -> Iterator[Server]:
    """Start Debian's server in a folder of its own, as the user `postgres` where the tests run as root.

    `more` are settings of PostgreSQL.
    """
    folder = new_folder("mentorcert-15-", room)
    data = folder / "data"
    port = free_port()
    options = {
        **_options(str(folder), port),
        "max_connections": "200",
        "shared_preload_libraries": "pg_cron" if HAS_PG_CRON else "",
        "cron.database_name": CRON_DATABASE,
        **more,
    }
    as_postgres = as_user("postgres")
    if as_postgres:
        shutil.chown(folder, "postgres", "postgres")
    try:
        initdb = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        _run(DEBIAN_BINARIES / "initdb", data, as_postgres, *initdb)
        _run(DEBIAN_BINARIES / "pg_ctl", data, as_postgres, "start", *_pg_ctl(data, options))
        url = make_conninfo(host=str(folder), port=port, user="postgres", dbname="postgres")
        yield Server("pg15", url, DEBIAN_BINARIES)
    finally:
        _stop(data)
        shutil.rmtree(folder)


@contextmanager
def standby_of(server: Server) -> Iterator[Server]:
    """Start a standby that streams from a server and answers reads, in a folder of its own."""
    folder = new_folder(f"mentorcert-standby-{server.name}-")
    data, port = folder / "data", free_port()
    as_owner = as_user("pgserver" if server.name == "pg18" else "postgres")
    if as_owner:
        shutil.chown(folder, as_owner[1].partition("=")[2], as_owner[2].partition("=")[2])
    try:
        options = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", server.url)
        _run(server.binaries / "pg_basebackup", data, as_owner, *options)
        # What it takes over from the configuration of the other must be no less than there.
        settings = {**_options(str(folder), port), "max_connections": "200", "hot_standby_feedback": "on"}
        _run(server.binaries / "pg_ctl", data, as_owner, "start", *_pg_ctl(data, settings))
        yield Server(server.name, make_conninfo(server.url, host=str(folder), port=port), server.binaries)
    finally:
        _stop(data)
        shutil.rmtree(folder)


@contextmanager
def pooled(server: Server) -> Iterator[Server]:
    """Start PgBouncer in transaction mode in front of a server."""
    with pooler.in_front_of(server.url) as url:
        yield replace(server, name="pooled", pooler=url)


@contextmanager
def pooled_15() -> Iterator[Server]:
    """Start Debian's server behind PgBouncer."""
    with debian_15() as server, pooled(server) as behind:
        yield behind


def free_port() -> int:
    """Return a TCP port of this machine on which nobody listens at the moment."""
    with socket.create_server((_LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def new_folder(prefix: str, room: int = ROOM) -> Path:
    """Make a folder, in memory where that has `room`, in bytes."""
    has_room = _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > room
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_IN_MEMORY if has_room else None))


def _options(folder: str, port: int) -> dict[str, str]:
    return {**_OPTIONS, "listen_addresses": _LOOPBACK, "port": str(port), "unix_socket_directories": folder}


def as_user(name: str) -> list[str]:
    """Return what goes before a command that must not run as root: PostgreSQL refuses to."""
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups"] if os.geteuid() == 0 else []


def _pg_ctl(data: Path, options: dict[str, str]) -> list[str]:
    settings = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    return ["-w", "-s", "-l", str(data / "log"), "-o", settings]


def _run(program: Path, data: Path, as_user: list[str], *arguments: str) -> None:
    processes.run(*as_user, program, "-D", data, *arguments, cwd=data.parent)


def _stop(data: Path) -> None:
    """Stop the server on these data, also one whose start was interrupted, and wait for its end."""
    file = data / "postmaster.pid"
    if file.exists():
        processes.stop(int(file.read_text().split()[0]), signal.SIGINT)


SERVERS = {"pg18": embedded_18, "pg15": debian_15, "pooled": pooled_15}


class Running(ExitStack):
    """Servers and their templates, which stay until the end of the block, whichever is asked for next."""

    def __init__(self) -> None:
        super().__init__()
        self._servers: dict[str, Server] = {}
        self._templates: dict[str, str] = {}

    def server(self, name: str) -> Server:
        """Return the server; behind the pooler is the same one as past it."""
        if name not in self._servers:
            self._servers[name] = self._start(name)
        return self._servers[name]

    def template(self, server: Server) -> str:
        """Return the name of a migrated database of the server."""
        if server.url not in self._templates:
            self._templates[server.url] = self.enter_context(server.migrated_template())
        return self._templates[server.url]

    def _start(self, name: str) -> Server:
        if name == "pooled":
            return self.enter_context(pooled(self.server("pg15")))
        return self.enter_context(SERVERS[name]())

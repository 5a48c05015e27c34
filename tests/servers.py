"""The two PostgreSQL servers that the tests run on, and databases cloned from a template."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mentorcert.db import embedded, migrate
from mentorcert.db.connection import connect

DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")
HAS_PG_CRON = Path("/usr/share/postgresql/15/extension/pg_cron.control").exists()
# The one database of a server that may hold pg_cron; it exists only while a test has it.
CRON_DATABASE = "mentorcert_cron"

EMBEDDED_18 = pytest.param("pg18", id="pg18")
DEBIAN_15 = pytest.param(
    "pg15",
    id="pg15",
    marks=pytest.mark.skipif(
        not (DEBIAN_BINARIES / "postgres").exists(), reason="Debian's postgresql-15 is not installed"
    ),
)
DEBIAN_15_WITH_CRON = pytest.param(
    "pg15",
    id="pg15",
    marks=pytest.mark.skipif(not HAS_PG_CRON, reason="Debian's postgresql-15-cron is not installed"),
)
on_embedded_18 = pytest.mark.parametrize("server", [EMBEDDED_18], indirect=True)
on_debian_15 = pytest.mark.parametrize("server", [DEBIAN_15], indirect=True)
on_debian_15_with_cron = pytest.mark.parametrize("server", [DEBIAN_15_WITH_CRON], indirect=True)

# The data of a test are thrown away; nothing needs to outlive a power cut.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """A running server; `url` is its database `postgres`, as superuser."""

    name: str
    url: str
    binaries: Path

    def database_url(self, database: str) -> str:
        return make_conninfo(self.url, dbname=database)

    def run(self, statement: str, *names: str) -> None:
        """Execute one statement outside a transaction, with `names` as identifiers."""
        with connect(self.url, autocommit=True) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @contextmanager
    def new_database(self, template: str = "template0", name: str | None = None) -> Iterator[str]:
        """Lend a clone of `template`, by default under a name of its own; yields its connection string."""
        name = name or f"test_{uuid4().hex}"
        self.run("create database {} template {}", name, template)
        try:
            yield self.database_url(name)
        finally:
            self.run("drop database {} with (force)", name)

    @contextmanager
    def migrated_template(self) -> Iterator[str]:
        """Lend a database with every migration applied, to be cloned; yields its name."""
        name = f"template_{uuid4().hex}"
        self.run("create database {} template template0", name)
        try:
            with connect(self.database_url(name), autocommit=True) as conn:
                list(migrate.migrate(conn, migrate.read()))
            yield name
        finally:
            self.run("drop database {} with (force)", name)


@contextmanager
def embedded_18() -> Iterator[Server]:
    """Start the embedded server in a folder of its own."""
    home = Path(tempfile.mkdtemp(prefix="mentorcert-18-"))
    try:
        url = embedded.start(home)
        with connect(url, autocommit=True) as conn:
            for name, value in _FAST.items():
                conn.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), value))
            conn.execute("select pg_catalog.pg_reload_conf()")
        yield Server("pg18", url, embedded.binaries())
    finally:
        _stop(home / "postgres")
        shutil.rmtree(home)


@contextmanager
def debian_15() -> Iterator[Server]:
    """Start Debian's server in a folder of its own, as the user `postgres` where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="mentorcert-15-"))
    data = folder / "data"
    options = {
        **_FAST,
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "200",
        "shared_preload_libraries": "pg_cron" if HAS_PG_CRON else "",
        "cron.database_name": CRON_DATABASE,
    }
    as_postgres: list[str] = []
    if os.geteuid() == 0:
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_postgres, DEBIAN_BINARIES / program, "-D", data, *arguments],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )

    try:
        run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        settings = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        run("pg_ctl", "start", "-w", "-s", "-l", str(folder / "log"), "-o", settings)
        url = make_conninfo(host=str(folder), user="postgres", dbname="postgres")
        yield Server("pg15", url, DEBIAN_BINARIES)
    finally:
        _stop(data)
        shutil.rmtree(folder)


def _stop(data: Path) -> None:
    """Stop the server on these data, also one whose start was interrupted, and wait for its end."""
    file = data / "postmaster.pid"
    if file.exists():
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(int(file.read_text().split()[0]))
            postmaster.send_signal(signal.SIGINT)
            postmaster.wait()


SERVERS = {"pg18": embedded_18, "pg15": debian_15}

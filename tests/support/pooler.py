"""PgBouncer in transaction mode, in front of a server: each transaction may get another server connection."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mentorcert.db.connection import connect
from tests.support import processes

# What needs a session of its own by nature, and so has no place behind a pooler in transaction mode.
LEFT_OUT: Final = {
    "tests/integration/test_hierarchy_attacked.py::test_rows_that_policies_hide": "it acts as another role for its session",
    "tests/integration/test_hierarchy_attacked.py::test_the_owner_of_the_tables": "the same",
    "tests/integration/test_pgtap.py::test_the_files_leave_nothing_behind": "psql sets a search_path for its session",
    "tests/integration/test_audit_rights.py::test_pgtap_is_no_alarm": "the same",
    **{
        f"tests/portal/test_{topic}": "slow; tests/portal/test_worker_pgbouncer.py and the soak go through it"
        for topic in (
            "health",
            "inbox",
            "modes",
            "monitoring",
            "reconciliation",
            "replay",
            "state",
            "worker.py",
        )
    },
    "tests/integration/test_bulk.py::test_what_rows_share_is_derived_once": "sets track_functions for its session",
    "tests/integration/test_search.py::test_a_page_searches_no_part_that_it_does_not_reach": "the same",
    "tests/integration/test_audit_log.py::test_who_acts_is_asked_once": "the same",
    "tests/integration/test_bench.py": "measures one session, on a direct connection",
    "tests/integration/test_canonical_texts.py": "every letter of Unicode, which the server itself answers the same",
    "tests/integration/test_knowledge.py": "its transactions hold connections while they wait for one another",
    "tests/supabase/test_client_": "the server of the Data API goes past the pooler, over TCP",
}

# Of one role to one database.
CONNECTIONS: Final = 5

_PROGRAM: Final = Path("/usr/sbin/pgbouncer")
_READY_TIMEOUT_S: Final = 60.0


def is_installed() -> bool:
    """Return whether Debian's PgBouncer is here."""
    return _PROGRAM.exists()


needs_pgbouncer = pytest.mark.skipif(not is_installed(), reason="Debian's pgbouncer is not installed")

# Few server connections, taken in turn: a client's next transaction rarely gets that of its last.
_CONFIGURATION: Final = """
[databases]
* = host={host} port={port} auth_user={user}

[pgbouncer]
listen_port = 6432
unix_socket_dir = {folder}
logfile = {folder}/log
pool_mode = transaction
auth_type = trust
auth_file = {folder}/users
max_client_conn = 1000
default_pool_size = {connections}
server_round_robin = 1
query_wait_timeout = 10
server_login_retry = 0.1
"""


@contextmanager
def in_front_of(url: str) -> Iterator[str]:
    """Start PgBouncer in a folder of its own, yield the connection string through it, end it.

    PgBouncer refuses to run as root: there it runs as the user `postgres`. It reports by systemd's protocol
    when it is ready.
    """
    server = conninfo_to_dict(url)
    account = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="mentorcert-pooler-"))
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(_CONFIGURATION.format(folder=folder, connections=CONNECTIONS, **server))
    # A user who is not listed here is looked up in the database, so that tests may make roles.
    (folder / "users").write_text(f'"{server["user"]}" ""\n')
    if account is not None:
        shutil.chown(folder, account, account)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as news:
            news.bind(str(folder / "news"))
            (folder / "news").chmod(0o777)
            news.settimeout(_READY_TIMEOUT_S)
            with processes.Child(
                [_PROGRAM, "-q", configuration],
                cwd=folder,
                env={**os.environ, "NOTIFY_SOCKET": str(folder / "news")},
                user=account,
                group=account,
                extra_groups=None if account is None else [],
            ) as pgbouncer:
                try:
                    assert news.recv(4096).startswith(b"READY=1"), (folder / "log").read_text()
                    # It writes on, each minute: a socket that nobody reads is full after eleven, and PgBouncer stands still.
                    news.close()
                    yield make_conninfo(url, host=str(folder), port=6432)
                finally:
                    # Asked to end, it would wait for its clients.
                    pgbouncer.kill()
    finally:
        shutil.rmtree(folder)


def fill(url: str) -> None:
    """Have PgBouncer make two connections to a database: even a lone client's transactions alternate."""
    with connect(url) as one, connect(url) as other:
        one.execute("select 1")
        other.execute("select 1")


def is_left_out(item: pytest.Item, server: str) -> bool:
    """Return whether a test has no place behind the pooler."""
    return server == "pooled" and item.nodeid.startswith(tuple(LEFT_OUT))
